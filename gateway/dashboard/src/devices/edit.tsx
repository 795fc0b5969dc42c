// Corrects what a device is; where it is and what it does only actions change.

import { useState } from "preact/hooks";
import { put, Refusal } from "../core/api";
import type { Device } from "../core/types";
import { Dialog, DialogFoot } from "../ui/dialog";
import { Field } from "../ui/field";
import { say } from "../ui/toast";
import { JSON_HINT, readObject } from "./json";
import { useSuggestions, useTypes } from "./known";
import { Refused } from "./refused";

const FIELDS = ["name", "type", "serial_number", "purchase_date", "specs", "notes"];

interface Props {
  device: Device;
  onDone: (device: Device) => void;
  onClose: () => void;
}

export function EditDialog({ device, onDone, onClose }: Props) {
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  // As it was when the dialog was opened: a change that is told meanwhile is not to be overwritten unseen.
  const [before] = useState(device);
  const types = useSuggestions(useTypes().map((type) => type.type));
  const bad = problem instanceof Refusal ? problem.fields : {};
  if (problem instanceof Refusal && problem.reason === "SERIAL_NUMBER_TAKEN") bad.serial_number ??= problem.message;

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(given.get(name) ?? "").trim();
    setBusy(true);
    try {
      const specs = readObject("specs", text("specs"));
      const clear = [
        ...(before.purchase_date && !text("purchase_date") ? ["purchase_date"] : []),
        ...(Object.keys(before.specs).length && !Object.keys(specs).length ? ["specs"] : []),
      ];
      const after = await put<Device>(`/devices/${before.id}`, {
        name: text("name"),
        type: text("type"),
        serial_number: text("serial_number"),
        ...(text("purchase_date") ? { purchase_date: text("purchase_date") } : {}),
        ...(Object.keys(specs).length ? { specs } : {}),
        ...(clear.length ? { clear } : {}),
        notes: text("notes"),
        version: before.version,
      });
      onDone(after);
      say(`${after.name} was changed.`);
      onClose();
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };

  return (
    <Dialog title={`Edit ${before.name}`} onClose={onClose}>
      <form class="dialog-form" onSubmit={submit} noValidate>
        <Field label="Name" problem={bad.name}>
          {(field) => (
            <input
              {...field}
              class="input"
              name="name"
              maxLength={100}
              defaultValue={before.name}
              autocomplete="off"
              data-autofocus
            />
          )}
        </Field>
        <div class="pair">
          <Field label="Type" problem={bad.type}>
            {(field) => (
              <input
                {...field}
                class="input"
                name="type"
                list={types.id}
                maxLength={50}
                defaultValue={before.type}
                autocomplete="off"
              />
            )}
          </Field>
          <Field label="Purchased on" problem={bad.purchase_date}>
            {(field) => (
              <input {...field} class="input" name="purchase_date" type="date" defaultValue={before.purchase_date} />
            )}
          </Field>
        </div>
        <Field label="Serial number" problem={bad.serial_number}>
          {(field) => (
            <input
              {...field}
              class="input mono"
              name="serial_number"
              maxLength={100}
              defaultValue={before.serial_number}
              autocomplete="off"
            />
          )}
        </Field>
        <Field label="Specs" hint={JSON_HINT} problem={bad.specs}>
          {(field) => (
            <textarea
              {...field}
              class="input mono"
              name="specs"
              rows={5}
              spellcheck={false}
              defaultValue={JSON.stringify(before.specs, null, 2)}
            />
          )}
        </Field>
        <Field label="Notes" hint="Kept in its log." problem={bad.notes}>
          {(field) => <textarea {...field} class="input" name="notes" rows={2} maxLength={10_000} />}
        </Field>
        {types.list}
        <Refused error={problem} fields={[...FIELDS, ...Object.keys(bad)]} />
        <DialogFoot label="Save" working="Saving …" busy={busy} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
