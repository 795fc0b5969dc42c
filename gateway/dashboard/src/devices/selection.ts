// The devices that were picked for an action; they stay picked from page to page.

import { signal } from "@preact/signals";
import type { Device, Health } from "../core/types";
import { withDevice } from "./rows";

export const chosen = signal<ReadonlyMap<number, Health>>(new Map());

export function choose(rows: Health[], picked: boolean): void {
  const next = new Map(chosen.value);
  for (const row of rows) {
    if (picked) next.set(row.device_id, row);
    else next.delete(row.device_id);
  }
  chosen.value = next;
}

export function chooseNone(): void {
  if (chosen.value.size) chosen.value = new Map();
}

/** What was picked, as it is by now. */
export function refreshChosen(devices: Device[]): void {
  const next = new Map(chosen.value);
  for (const device of devices) {
    const row = next.get(device.id);
    if (row) next.set(device.id, withDevice(row, device));
  }
  chosen.value = next;
}
