// One action, on one device or on many: what it needs, what follows from it, and what became of it.

import { useState } from "preact/hooks";
import { get, Refusal } from "../core/api";
import { count, moment } from "../core/format";
import { useAsked } from "../core/query";
import type { ActionResults, Device, Health } from "../core/types";
import { StatusBadge } from "../ui/badges";
import { Dialog, DialogFoot } from "../ui/dialog";
import { Failed, Loading } from "../ui/states";
import { say } from "../ui/toast";
import { ActionFields } from "./actionfields";
import { type Action, actOnMany, actOnOne, type Given, KINDS, nameOf, titleOf } from "./actions";
import { Results } from "./results";

interface Props {
  action: Action;
  devices: Pick<Health, "device_id" | "name" | "status">[];
  /** Called with the devices as they are after it. */
  onDone: (devices: Device[]) => void;
  onClose: () => void;
}

export function ActionDialog(props: Props) {
  const [only] = props.devices;
  return only && props.devices.length === 1 ? (
    <OnOne {...props} id={only.device_id} name={only.name} />
  ) : (
    <OnMany {...props} />
  );
}

function read(form: HTMLFormElement): Given {
  const given = new FormData(form);
  const text = (name: string) => String(given.get(name) ?? "").trim();
  const until = text("until");
  return {
    location: text("location"),
    for: text("for"),
    until: until ? new Date(until).toISOString() : "",
    override: given.get("override") !== null,
    notes: text("notes"),
  };
}

/** What is wrong with a field is the server's to say; but that there is no way back is to be seen before. */
const isConfirmed = (action: Action, form: HTMLFormElement) => action !== "retire" || form.reportValidity();

function OnOne({ action, id, name, onDone, onClose }: Props & { id: number; name: string }) {
  // As it is now: what is confirmed is what is read here, and the server is told which version that was.
  const device = useAsked(`device:${id}`, (signal) => get<Device>(`/devices/${id}`, {}, signal));
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const there = device.data;
  const title = titleOf(action, there?.name ?? name, there?.status);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    if (!there || !isConfirmed(action, form)) return;
    const given = read(form);
    setBusy(true);
    try {
      const after = await actOnOne(action, id, there.version, given);
      onDone([after]);
      say(`${after.name} was ${action === "recall" && there.status === "reserved" ? "released" : KINDS[action].done}.`);
      onClose();
    } catch (error) {
      setProblem(error);
      setBusy(false);
      if (error instanceof Refusal && (error.reason === "STALE_VERSION" || error.status === 400)) device.again();
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {there ? (
        <form class="dialog-form" onSubmit={submit} noValidate>
          <p class="subject">
            <StatusBadge status={there.status} />
            <span class="mono">{there.serial_number}</span>
            <span class="quiet">{there.location || "No location"}</span>
          </p>
          <p class="quiet">{KINDS[action].consequence}</p>
          {there.reserved_for ? (
            <p class="note warn">
              Reserved for {there.reserved_for}
              {there.reserved_until ? ` until ${moment(there.reserved_until)}` : ""}.
            </p>
          ) : null}
          <ActionFields action={action} problem={problem} reservedFor={there.reserved_for} location={there.location} />
          <DialogFoot
            label={nameOf(action, there.status)}
            busy={busy}
            danger={action === "retire"}
            onCancel={onClose}
          />
        </form>
      ) : device.error ? (
        <Failed error={device.error} again={device.again} />
      ) : (
        <Loading />
      )}
    </Dialog>
  );
}

function OnMany({ action, devices, onDone, onClose }: Props) {
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [results, setResults] = useState<ActionResults>();
  const fitting = devices.filter((device) => KINDS[action].from.includes(device.status)).length;
  const label = titleOf(action, `${count(devices.length)} devices`);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    if (!isConfirmed(action, form)) return;
    const given = read(form);
    setBusy(true);
    try {
      const became = await actOnMany(
        action,
        devices.map((device) => device.device_id),
        given,
      );
      onDone(became.results.flatMap((result) => (result.device ? [result.device] : [])));
      setResults(became);
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };
  if (results)
    return (
      <Dialog key="results" title={label} onClose={onClose} wide>
        <Results action={action} results={results} names={new Map(devices.map((d) => [d.device_id, d.name]))} />
        <div class="dialog-foot">
          <button type="button" class="button primary" onClick={onClose} data-autofocus>
            Close
          </button>
        </div>
      </Dialog>
    );
  return (
    <Dialog title={label} onClose={onClose}>
      <form class="dialog-form" onSubmit={submit} noValidate>
        <p class="quiet">For each of them: {KINDS[action].consequence.toLowerCase().replace(/\.$/, "")}.</p>
        {fitting < devices.length ? (
          <p class="note warn">
            {count(devices.length - fitting)} of them will be refused: their status does not lead there.
          </p>
        ) : null}
        <ActionFields action={action} problem={problem} many />
        <DialogFoot label={label} busy={busy} danger={action === "retire"} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
