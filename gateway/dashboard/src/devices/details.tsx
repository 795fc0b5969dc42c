// What a device is: its dates, its specs, its credential.

import { useState } from "preact/hooks";
import { day, exactly, moment } from "../core/format";
import { mayAct, mayAdminister } from "../core/session";
import type { Credential, Device } from "../core/types";
import { Dialog, DialogFoot } from "../ui/dialog";
import { renewCredential } from "./actions";
import { EditDialog } from "./edit";
import { ObjectList } from "./json";
import { Refused } from "./refused";
import { SecretDialog } from "./secret";

export function Details({ device, onDone }: { device: Device; onDone: (device: Device) => void }) {
  const [editing, setEditing] = useState(false);
  const [renewing, setRenewing] = useState(false);
  const retired = device.status === "retired";
  return (
    <section class="card" aria-labelledby="details">
      <div class="card-head">
        <h2 id="details">Details</h2>
        <div class="card-actions">
          {mayAdminister.value && !retired ? (
            <button type="button" class="button small" onClick={() => setRenewing(true)}>
              Renew credential
            </button>
          ) : null}
          {mayAct.value ? (
            <button type="button" class="button small" onClick={() => setEditing(true)} aria-label="Edit the details">
              Edit
            </button>
          ) : null}
        </div>
      </div>
      <div class="card-body">
        <dl class="facts">
          <Fact name="Purchased" value={day(device.purchase_date)} />
          <Fact name="Last deployed" value={day(device.deploy_date)} />
          <Fact name="Last maintenance" value={day(device.last_maintenance)} />
          <Fact name="Registered" value={moment(device.created_at)} title={exactly(device.created_at)} />
          <Fact name="Changed" value={moment(device.updated_at)} title={exactly(device.updated_at)} />
          <Fact name="Id, version" value={`${device.id}, ${device.version}`} />
        </dl>
        {Object.keys(device.specs).length ? (
          <>
            <h3>Specs</h3>
            <ObjectList of={device.specs} />
          </>
        ) : null}
      </div>
      {editing ? <EditDialog device={device} onDone={onDone} onClose={() => setEditing(false)} /> : null}
      {renewing ? <Renewal device={device} onClose={() => setRenewing(false)} /> : null}
    </section>
  );
}

function Fact({ name, value, title }: { name: string; value: string; title?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd title={title}>{value}</dd>
    </div>
  );
}

function Renewal({ device, onClose }: { device: Device; onClose: () => void }) {
  const [credential, setCredential] = useState<Credential>();
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  if (credential) return <SecretDialog title="New credential" credential={credential} onClose={onClose} />;
  const renew = async () => {
    setBusy(true);
    try {
      setCredential(await renewCredential(device.id, device.version));
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  return (
    <Dialog title={`Renew the credential of ${device.name}`} onClose={onClose} dismissable={!busy}>
      <p class="quiet">
        The device gets a new secret, and the one that it has stops working at once. Until it is given the new one, it
        cannot connect.
      </p>
      <Refused error={problem} fields={[]} />
      <DialogFoot
        label="Renew credential"
        working="Renewing …"
        busy={busy}
        danger
        focus="confirm"
        onCancel={onClose}
        onConfirm={renew}
      />
    </Dialog>
  );
}
