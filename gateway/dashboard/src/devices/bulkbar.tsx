// What to do with the devices that were picked.

import { useState } from "preact/hooks";
import { count } from "../core/format";
import type { Device, Health } from "../core/types";
import { ActionDialog } from "./actiondialog";
import { type Action, nameOf, offered } from "./actions";
import { choose, chooseNone, chosen } from "./selection";

export function BulkBar({ onDone }: { onDone: (devices: Device[]) => void }) {
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
