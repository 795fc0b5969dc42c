// What a device shall be set to, and whether it is.

import { useEffect, useState } from "preact/hooks";
import { get, put, Refusal } from "../core/api";
import { exactly } from "../core/format";
import { line } from "../core/live";
import { useAsked } from "../core/query";
import { mayAct } from "../core/session";
import type { Device, Settings } from "../core/types";
import { Ago } from "../ui/badges";
import { Dialog, DialogFoot } from "../ui/dialog";
import { Field } from "../ui/field";
import { Failed, Loading } from "../ui/states";
import { say } from "../ui/toast";
import { JSON_HINT, ObjectList, readObject } from "./json";
import { Refused } from "./refused";

/** Nobody tells of settings: they are asked for, more often while a device's report is awaited. */
const AWAITED_MS = 2_000;
const QUIETLY_MS = 15_000;

export function SettingsCard({ device, online }: { device: Device; online: boolean }) {
  const path = `/devices/${device.id}/settings`;
  const settings = useAsked(`settings:${device.id}`, (signal) => get<Settings>(path, {}, signal));
  const [editing, setEditing] = useState(false);
  const { data, error, again } = settings;
  const awaited = data !== undefined && data.reported_version < data.version;
  useEffect(() => {
    const timer = window.setInterval(
      () => {
        if (!document.hidden && line.value.state === "live") again();
      },
      awaited && online ? AWAITED_MS : QUIETLY_MS,
    );
    return () => window.clearInterval(timer);
  }, [awaited, online, again]);
  return (
    <section class="card" aria-labelledby="settings">
      <div class="card-head">
        <h2 id="settings">Settings</h2>
        {data && mayAct.value && device.status !== "retired" ? (
          <button type="button" class="button small" onClick={() => setEditing(true)} aria-label="Edit the settings">
            Edit
          </button>
        ) : null}
      </div>
      {data ? (
        <div class="card-body">
          {data.version ? (
            <>
              <Report settings={data} online={online} />
              {Object.keys(data.desired).length ? <ObjectList of={data.desired} /> : <p class="quiet">Empty.</p>}
            </>
          ) : (
            <p class="quiet">None were ever set.</p>
          )}
        </div>
      ) : error ? (
        <Failed error={error} again={again} />
      ) : (
        <Loading lines={2} />
      )}
      {editing && data ? (
        <EditSettings
          path={path}
          settings={data}
          again={again}
          onDone={(after) => {
            settings.change(() => after);
            say(`Version ${after.version} is set.`);
            setEditing(false);
          }}
          onClose={() => setEditing(false)}
        />
      ) : null}
    </section>
  );
}

function Report({ settings, online }: { settings: Settings; online: boolean }) {
  const { version, reported_version, updated_at, reported_at } = settings;
  const taken = reported_version >= version;
  return (
    <p class="report">
      <span class={taken ? "badge good" : "badge warn"}>{taken ? "Taken" : "Not taken yet"}</span>
      <span>
        Version {version}
        {updated_at ? (
          <span class="quiet" title={exactly(updated_at)}>
            , set <Ago time={updated_at} />
          </span>
        ) : null}
      </span>
      <span class="quiet">
        {reported_version ? `Version ${reported_version} reported` : "None reported"}
        {reported_at ? (
          <>
            {" "}
            <Ago time={reported_at} />
          </>
        ) : null}
        {taken || online ? "" : "; it takes them when it is online"}
      </span>
    </p>
  );
}

interface Editing {
  path: string;
  settings: Settings;
  again: () => void;
  onDone: (settings: Settings) => void;
  onClose: () => void;
}

function EditSettings({ path, settings, again, onDone, onClose }: Editing) {
  const [text, setText] = useState(() => JSON.stringify(settings.desired, null, 2));
  // What was read when the dialog was opened: what somebody else set since is not to be lost.
  const [version, setVersion] = useState(settings.version);
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const bad = problem instanceof Refusal ? problem.fields.desired : undefined;
  const stale = problem instanceof Refusal && problem.reason === "STALE_VERSION";
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      onDone(await put<Settings>(path, { desired: readObject("desired", text), version }));
    } catch (error) {
      setProblem(error);
      setBusy(false);
      if (error instanceof Refusal && error.reason === "STALE_VERSION") again();
    }
  };
  return (
    <Dialog title="Settings" onClose={onClose} wide>
      <form class="dialog-form" onSubmit={submit} noValidate>
        <Field label="Desired" hint={`${JSON_HINT} A device that is connected hears of it at once.`} problem={bad}>
          {(field) => (
            <textarea
              {...field}
              class="input mono"
              rows={Math.min(16, Math.max(6, text.split("\n").length + 1))}
              spellcheck={false}
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
              data-autofocus
            />
          )}
        </Field>
        <Refused error={problem} fields={["desired"]} />
        {stale && settings.version !== version ? (
          <p>
            <button
              type="button"
              class="link"
              onClick={() => {
                setText(JSON.stringify(settings.desired, null, 2));
                setVersion(settings.version);
                setProblem(undefined);
              }}
            >
              Begin again with version {settings.version}
            </button>
          </p>
        ) : null}
        <DialogFoot label="Set" working="Setting …" busy={busy} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
