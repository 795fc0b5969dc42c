// A rule is deleted only after a second look.

import { useState } from "preact/hooks";
import { del, inWords } from "../core/api";
import type { Rule } from "../core/types";
import { Dialog, DialogFoot } from "../ui/dialog";
import { say } from "../ui/toast";
import { meaning } from "./known";

export function Delete({ rule, onClose }: { rule: Rule; onClose: (changed: boolean) => void }) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const erase = async () => {
    setBusy(true);
    try {
      await del(`/monitoring/rules/${rule.id}`);
      say(`Deleted: ${rule.name}`);
      onClose(true);
    } catch (error) {
      setProblem(inWords(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Delete rule" onClose={() => onClose(false)}>
      <p>
        <b>{rule.name}</b>: {meaning(rule)}.
      </p>
      <p class="quiet">Its open alerts are closed. Past alerts stay in the history. It cannot be brought back.</p>
      {problem ? (
        <p class="note bad" role="alert">
          {problem}
        </p>
      ) : null}
      <DialogFoot
        label="Delete"
        working="Deleting …"
        busy={busy}
        danger
        focus="cancel"
        onCancel={() => onClose(false)}
        onConfirm={erase}
      />
    </Dialog>
  );
}
