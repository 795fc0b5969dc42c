// The open alerts, as the whole page knows them: the badge in the title and in the menu, and what the overview shows.

import { computed, signal } from "@preact/signals";
import { follow, type Snapshot } from "./live";
import { standing } from "./session";
import type { Alert, Severity, Stats } from "./types";

const open = signal<ReadonlyMap<string, Alert>>(new Map());
/** Whether the snapshot had all of them. */
const whole = signal(false);
export const known = signal(false);
/** The fleet in numbers, as last told. */
export const stats = signal<Stats | null>(null);

const RANK: Record<Severity, number> = { critical: 0, warning: 1, info: 2 };

/** The worst first, and of those the newest. */
export const openAlerts = computed(() =>
  [...open.value.values()].sort(
    (one, other) =>
      RANK[one.severity] - RANK[other.severity] || Date.parse(other.opened_at) - Date.parse(one.opened_at),
  ),
);

export const bySeverity = computed<Record<Severity, number>>(() => {
  if (!whole.value && stats.value) return stats.value.alerts;
  const counted = { info: 0, warning: 0, critical: 0 };
  for (const alert of open.value.values()) counted[alert.severity]++;
  return counted;
});

export const openCount = computed(() => bySeverity.value.info + bySeverity.value.warning + bySeverity.value.critical);

export function isNewer(given: { version: number }, than: { version: number } | undefined): boolean {
  return !than || given.version > than.version;
}

function hear(event: string, data: unknown): void {
  if (event === "snapshot") {
    const snapshot = data as Snapshot<Alert>;
    if (snapshot.error) return;
    open.value = new Map(snapshot.items.map((alert) => [alert.id, alert]));
    whole.value = snapshot.total !== undefined;
    known.value = true;
    return;
  }
  const alert = data as Alert;
  if (!isNewer(alert, open.value.get(alert.id))) return;
  const next = new Map(open.value);
  if (alert.state === "active") next.set(alert.id, alert);
  else next.delete(alert.id);
  open.value = next;
}

function hearStats(event: string, data: unknown): void {
  if (event === "snapshot") {
    const snapshot = data as Snapshot<Stats>;
    const [item] = snapshot.items;
    if (item) stats.value = { ...item, version: snapshot.version };
    return;
  }
  const told = data as Stats;
  if ((told.version ?? 0) >= (stats.value?.version ?? 0)) stats.value = told;
}

let leave: (() => void)[] = [];
standing.subscribe((now) => {
  for (const end of leave) end();
  leave = [];
  if (now === "signed_in") {
    leave = [follow("alerts", hear), follow("stats", hearStats)];
  } else {
    open.value = new Map();
    known.value = whole.value = false;
    stats.value = null;
  }
});
