// The form for a rule, new or not.

import { useState } from "preact/hooks";
import { all, inWords, post, put, Refusal } from "../core/api";
import { words } from "../core/format";
import { useAsked } from "../core/query";
import type { DeviceType, Rule } from "../core/types";
import { DevicePicker } from "../ui/devicepicker";
import { Dialog, DialogFoot } from "../ui/dialog";
import { Field } from "../ui/field";
import { say } from "../ui/toast";
import { AbnormalFields, type FormPart, Select, ThresholdFields } from "./conditions";
import { type Draft, draftOf, ruleOf } from "./draft";

const KINDS: Record<Rule["kind"], string> = { threshold: "Threshold", offline: "Offline", abnormal: "Abnormal" };

const LOOKS_FOR: Record<Rule["kind"], string> = {
  threshold: "A metric beyond a limit.",
  offline: "Silence for longer than the device's type allows.",
  abnormal: "A value unlike those that the device measured before.",
};

const SCOPES: Record<Draft["scope"], string> = { all: "All devices", type: "All of a type", device: "One device" };

export function Editor({ rule, onClose }: { rule?: Rule; onClose: (changed: boolean) => void }) {
  const [first] = useState(() => draftOf(rule));
  const [draft, setDraft] = useState(first);
  const [refusal, setRefusal] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const part: FormPart = {
    draft,
    change: (changes) => setDraft((before) => ({ ...before, ...changes })),
    problems: refusal instanceof Refusal ? refusal.fields : {},
  };
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      const sent = ruleOf(draft, rule?.version);
      await (rule ? put(`/monitoring/rules/${rule.id}`, sent) : post("/monitoring/rules", sent));
      say(`${rule ? "Changed" : "Made"}: ${sent.name}`);
      onClose(true);
    } catch (error) {
      setRefusal(error);
      setBusy(false);
    }
  };
  return (
    <Dialog title={rule ? "Edit rule" : "New rule"} wide dismissable={draft === first} onClose={() => onClose(false)}>
      <form class="dialog-form" onSubmit={submit}>
        <Field label="Name" problem={part.problems.name}>
          {(field) => (
            <input
              {...field}
              class="input"
              required
              maxLength={100}
              value={draft.name}
              onInput={(event) => part.change({ name: event.currentTarget.value })}
              data-autofocus
            />
          )}
        </Field>
        <div class="pair">
          <Field label="Kind" hint={LOOKS_FOR[draft.kind]}>
            {(field) => (
              <Select field={field} value={draft.kind} options={KINDS} onChange={(kind) => part.change({ kind })} />
            )}
          </Field>
          <Field label="Severity" problem={part.problems.severity}>
            {(field) => (
              <Select
                field={field}
                value={draft.severity}
                options={{ info: words("info"), warning: words("warning"), critical: words("critical") }}
                onChange={(severity) => part.change({ severity })}
              />
            )}
          </Field>
        </div>
        <Applies {...part} />
        {draft.kind === "threshold" ? <ThresholdFields {...part} /> : null}
        {draft.kind === "abnormal" ? <AbnormalFields {...part} /> : null}
        <label class="check">
          <input
            type="checkbox"
            checked={draft.enabled}
            onChange={(event) => part.change({ enabled: event.currentTarget.checked })}
          />
          Enabled: judges what arrives from now on
        </label>
        {rule ? <p class="quiet">Its open alerts are closed, and judged anew.</p> : null}
        {refusal ? (
          <p class="note bad" role="alert">
            {inWords(refusal)}
          </p>
        ) : null}
        <DialogFoot label="Save" working="Saving …" busy={busy} onCancel={() => onClose(false)} />
      </form>
    </Dialog>
  );
}

function Applies({ draft, change, problems }: FormPart) {
  const types = useAsked("types", () => all<DeviceType>("/devices/types", "types"));
  const named = (types.data ?? []).map((one) => one.type);
  // Also one that is not known here any more, rather than another in its place.
  const offered = ["", ...new Set(draft.device_type ? [draft.device_type, ...named] : named)];
  return (
    <div class="pair">
      <Field label="Applies to">
        {(field) => (
          <Select field={field} value={draft.scope} options={SCOPES} onChange={(scope) => change({ scope })} />
        )}
      </Field>
      {draft.scope === "type" ? (
        <Field label="Type" problem={problems.device_type}>
          {(field) => (
            <Select
              field={field}
              required
              value={draft.device_type}
              options={Object.fromEntries(offered.map((type) => [type, type || "Choose …"]))}
              onChange={(device_type) => change({ device_type })}
            />
          )}
        </Field>
      ) : null}
      {draft.scope === "device" ? (
        <Field label="Device" problem={problems.device_id}>
          {(field) => (
            <DevicePicker
              field={field}
              required
              device={draft.device_id}
              onChoose={(device_id) => change({ device_id })}
            />
          )}
        </Field>
      ) : null}
    </div>
  );
}
