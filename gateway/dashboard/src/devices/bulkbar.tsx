// What to do with the devices that were picked.

import { useState } from "preact/hooks";
import { inWords } from "../core/api";
import { count } from "../core/format";
import type { Device, Health } from "../core/types";
import { say } from "../ui/toast";
import { ActionDialog } from "./actiondialog";
import { type Action, nameOf, offered } from "./actions";
import { fittingRows } from "./rows";
import { choose, chooseNone, chosen } from "./selection";

interface Props {
  /** What the table shows, and whether it goes on. */
  rows: Health[];
  more: boolean;
  onDone: (devices: Device[]) => void;
}

export function BulkBar({ rows, more, onDone }: Props) {
  // Of the moment in which it was opened: what succeeds is picked no more.
  const [acting, setActing] = useState<{ action: Action; devices: Health[] }>();
  const picked = [...chosen.value.values()];
  const statuses = picked.map((row) => row.status);
  return (
    <>
      {picked.length ? (
        <section class="bulk" aria-label="Selected devices">
          <span class="bulk-count" aria-live="polite">
            {count(picked.length)} selected
          </span>
          <div class="bulk-actions">
            {offered(statuses).map((action) => (
              <button
                key={action}
                type="button"
                class={action === "retire" ? "button danger" : "button"}
                onClick={() => setActing({ action, devices: picked })}
              >
                {nameOf(action, statuses.length === 1 ? statuses[0] : undefined)}
              </button>
            ))}
          </div>
          {more && rows.every((row) => chosen.value.has(row.device_id)) ? <PickFitting /> : null}
          <button type="button" class="link" onClick={chooseNone}>
            Clear selection
          </button>
        </section>
      ) : null}
      {acting ? (
        <ActionDialog
          {...acting}
          onDone={(devices) => {
            onDone(devices);
            const done = new Set(devices.map((device) => device.id));
            choose(
              acting.devices.filter((row) => done.has(row.device_id)),
              false,
            );
          }}
          onClose={() => setActing(undefined)}
        />
      ) : null}
    </>
  );
}

/** Also those on other pages. */
function PickFitting() {
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState(false);
  const pick = async () => {
    setBusy(true);
    try {
      const { rows, more } = await fittingRows();
      choose(rows, true);
      setDone(true);
      if (more) say("The first 1,000 are selected: as many as one action takes.");
    } catch (error) {
      say(inWords(error), true);
    }
    setBusy(false);
  };
  return done ? null : (
    <button type="button" class="link" onClick={pick} disabled={busy}>
      {busy ? "Selecting …" : "Select all pages"}
    </button>
  );
}
