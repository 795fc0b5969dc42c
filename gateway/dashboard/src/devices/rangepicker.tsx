// Chooses which time the charts show.

import { useState } from "preact/hooks";
import { Dialog, DialogFoot } from "../ui/dialog";
import { Field } from "../ui/field";
import { PRESETS, range, showLast, showNow, showSpan } from "./range";

export function RangePicker() {
  const [custom, setCustom] = useState(false);
  const shown = range.value;
  return (
    <fieldset class="range" aria-label="Time shown">
      <div class="choices">
        {PRESETS.map(({ name, said }) => (
          <button
            key={name}
            type="button"
            class="choice"
            aria-pressed={shown.live && shown.name === name}
            onClick={() => showLast(name)}
          >
            {said}
          </button>
        ))}
        <button type="button" class="choice" aria-pressed={!shown.live} onClick={() => setCustom(true)}>
          Custom
        </button>
      </div>
      {shown.live ? null : (
        <button type="button" class="button small" onClick={showNow}>
          Back to live
        </button>
      )}
      {custom ? <CustomRange onClose={() => setCustom(false)} /> : null}
    </fieldset>
  );
}

/** As `datetime-local` wants it: this machine's time, to the second. */
function local(seconds: number): string {
  const at = new Date(seconds * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function CustomRange({ onClose }: { onClose: () => void }) {
  const shown = range.value;
  const [problem, setProblem] = useState("");
  const [start] = useState(() => {
    const to = shown.live ? Date.now() / 1000 : shown.to;
    return { from: local(shown.live ? to - shown.seconds : shown.from), to: local(to) };
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const from = Date.parse(String(given.get("from"))) / 1000;
    const to = Date.parse(String(given.get("to"))) / 1000;
    if (!(to - from >= 2)) {
      setProblem("Must be later than the beginning.");
      return;
    }
    showSpan(from, to);
    onClose();
  };
  return (
    <Dialog title="Show from … to …" onClose={onClose}>
      <form class="dialog-form" onSubmit={submit} noValidate>
        <div class="pair">
          <Field label="From">
            {(field) => (
              <input
                {...field}
                class="input"
                name="from"
                type="datetime-local"
                step={1}
                defaultValue={start.from}
                data-autofocus
              />
            )}
          </Field>
          <Field label="To" problem={problem}>
            {(field) => (
              <input {...field} class="input" name="to" type="datetime-local" step={1} defaultValue={start.to} />
            )}
          </Field>
        </div>
        <p class="quiet">In a chart, drag over the time that you want to see closer; a double click leads back.</p>
        <DialogFoot label="Show" onCancel={onClose} />
      </form>
    </Dialog>
  );
}
