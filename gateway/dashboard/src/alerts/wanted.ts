// Which alerts are shown: the filters, as they stand in the address.

import { computed } from "@preact/signals";
import { query, setQuery } from "../core/router";
import type { Alert, Severity } from "../core/types";

export type State = "active" | "resolved" | "all";

export interface Wanted {
  state: State;
  severity: Severity | "";
  device_id: number;
  rule_id: string;
}

const oneOf = <T extends string>(given: string | null, known: readonly T[], otherwise: T): T =>
  known.find((one) => one === given) ?? otherwise;

/** An address that somebody has mistyped shows more rather than an error. */
export const wanted = computed<Wanted>(() => ({
  state: oneOf(query.value.get("state"), ["active", "resolved", "all"], "active"),
  severity: oneOf(query.value.get("severity"), ["", "critical", "warning", "info"], ""),
  device_id: Math.max(0, Number.parseInt(query.value.get("device_id") ?? "", 10) || 0),
  rule_id: query.value.get("rule_id") ?? "",
}));

export const narrowed = computed(() =>
  Boolean(wanted.value.severity || wanted.value.device_id || wanted.value.rule_id),
);

export function want(changes: Partial<Wanted>): void {
  const given = Object.entries(changes).map(([name, value]) => [name, value ? String(value) : undefined]);
  setQuery(Object.fromEntries(given));
}

export function wantAll(): void {
  want({ severity: "", device_id: 0, rule_id: "" });
}

export function fits(alert: Alert, { state, severity, device_id, rule_id }: Wanted): boolean {
  return (
    (state === "all" || alert.state === state) &&
    (!severity || alert.severity === severity) &&
    (!device_id || alert.device_id === device_id) &&
    (!rule_id || alert.rule_id === rule_id)
  );
}
