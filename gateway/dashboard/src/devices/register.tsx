// A new device into stock.

import { useState } from "preact/hooks";
import { post, Refusal } from "../core/api";
import { href } from "../core/router";
import type { Credential, Device } from "../core/types";
import { Dialog, DialogFoot } from "../ui/dialog";
import { Field } from "../ui/field";
import { JSON_HINT, readObject } from "./json";
import { usePlaces, useSuggestions, useTypes } from "./known";
import { Refused } from "./refused";
import { SecretDialog } from "./secret";

const FIELDS = ["name", "type", "serial_number", "location", "purchase_date", "specs", "notes"];

interface Registered {
  device: Device;
  credential: Credential;
}

export function RegisterDialog({ onDone, onClose }: { onDone: (device: Device) => void; onClose: () => void }) {
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [registered, setRegistered] = useState<Registered>();
  const places = useSuggestions(usePlaces());
  const types = useSuggestions(useTypes().map((type) => type.type));
  const bad = problem instanceof Refusal ? problem.fields : {};
  if (problem instanceof Refusal && problem.reason === "SERIAL_NUMBER_TAKEN") bad.serial_number ??= problem.message;

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    try {
      const text = Object.fromEntries(FIELDS.map((name) => [name, String(given.get(name) ?? "").trim()]));
      const answer = await post<Registered>("/devices/", { ...text, specs: readObject("specs", text.specs ?? "") });
      onDone(answer.device);
      setRegistered(answer);
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };

  if (registered)
    return (
      <SecretDialog
        title={`${registered.device.name} is registered`}
        credential={registered.credential}
        onClose={onClose}
      >
        <p>
          It is in stock{registered.device.location ? ` at ${registered.device.location}` : ""} as{" "}
          <a href={href(`/devices/${registered.device.id}`)} target="_blank" rel="noreferrer">
            device {registered.device.id}
          </a>
          . With this it proves itself once it is deployed:
        </p>
      </SecretDialog>
    );
  return (
    <Dialog title="Register a device" onClose={onClose} dismissable={!busy}>
      <form class="dialog-form" onSubmit={submit} noValidate>
        <Field label="Name" problem={bad.name}>
          {(field) => (
            <input {...field} class="input" name="name" maxLength={100} autocomplete="off" required data-autofocus />
          )}
        </Field>
        <div class="pair">
          <Field label="Type" hint="One that there is, or a new one." problem={bad.type}>
            {(field) => (
              <input {...field} class="input" name="type" list={types.id} maxLength={50} autocomplete="off" required />
            )}
          </Field>
          <Field label="Serial number" problem={bad.serial_number}>
            {(field) => (
              <input {...field} class="input mono" name="serial_number" maxLength={100} autocomplete="off" required />
            )}
          </Field>
        </div>
        <div class="pair">
          <Field label="Location" hint="The warehouse that it is in." problem={bad.location}>
            {(field) => (
              <input {...field} class="input" name="location" list={places.id} maxLength={100} autocomplete="off" />
            )}
          </Field>
          <Field label="Purchased on" problem={bad.purchase_date}>
            {(field) => <input {...field} class="input" name="purchase_date" type="date" />}
          </Field>
        </div>
        <Field label="Specs" hint={JSON_HINT} problem={bad.specs}>
          {(field) => (
            <textarea {...field} class="input mono" name="specs" rows={2} spellcheck={false} placeholder="{}" />
          )}
        </Field>
        <Field label="Notes" problem={bad.notes}>
          {(field) => <textarea {...field} class="input" name="notes" rows={2} maxLength={10_000} />}
        </Field>
        {types.list}
        {places.list}
        <Refused error={problem} fields={[...FIELDS, ...Object.keys(bad)]} />
        <DialogFoot label="Register" working="Registering …" busy={busy} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
