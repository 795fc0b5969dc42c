// The dialog in which an alert is acknowledged or resolved, with a note.

import { useState } from "preact/hooks";
import { inWords, put } from "../core/api";
import type { Alert } from "../core/types";
import { SeverityBadge } from "../ui/badges";
import { Dialog, DialogFoot } from "../ui/dialog";
import { Field } from "../ui/field";
import { say } from "../ui/toast";
import { nameOf } from "./item";

export type Act = "acknowledge" | "resolve";

const LONGEST_NOTE = 1_000;

const SAID = {
  acknowledge: {
    title: "Acknowledge alert",
    button: "Acknowledge",
    consequence: "The alert stays open until its condition clears; others see that you have it in hand.",
    done: "Acknowledged",
  },
  resolve: {
    title: "Resolve alert",
    button: "Resolve",
    consequence: "While its condition holds, the rule stays mute for this device.",
    done: "Resolved",
  },
} satisfies Record<Act, object>;

interface Given {
  alert: Alert;
  act: Act;
  /** With the alert as it is now, when something was done. */
  onClose: (now?: Alert) => void;
}

export function Handle({ alert, act, onClose }: Given) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const said = SAID[act];
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const note = String(new FormData(event.target as HTMLFormElement).get("note")).trim();
    setBusy(true);
    try {
      const now = await put<Alert>(`/monitoring/alerts/${alert.id}/${act}`, { note });
      say(`${said.done}: ${nameOf(alert)}`);
      onClose(now);
    } catch (error) {
      setProblem(inWords(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={said.title} onClose={() => onClose()}>
      <form class="dialog-form" onSubmit={submit}>
        <p class="dialog-about">
          <SeverityBadge severity={alert.severity} />
          <span>
            <b>{nameOf(alert)}</b> {alert.message}
          </span>
        </p>
        <p class="quiet">{said.consequence}</p>
        <Field label="Note" hint="Optional. Everybody can read it.">
          {(field) => <textarea {...field} class="input" name="note" maxLength={LONGEST_NOTE} data-autofocus />}
        </Field>
        {problem ? (
          <p class="note bad" role="alert">
            {problem}
          </p>
        ) : null}
        <DialogFoot label={said.button} working={`${said.button} …`} busy={busy} onCancel={() => onClose()} />
      </form>
    </Dialog>
  );
}
