// Which time the charts show: so long until now, or from one moment to another. It is in the address.

import { computed } from "@preact/signals";
import { query, setQuery } from "../core/router";

export const PRESETS = [
  { name: "15m", said: "15 min", seconds: 900 },
  { name: "1h", said: "1 h", seconds: 3_600 },
  { name: "6h", said: "6 h", seconds: 21_600 },
  { name: "24h", said: "24 h", seconds: 86_400 },
  { name: "7d", said: "7 d", seconds: 604_800 },
  { name: "30d", said: "30 d", seconds: 2_592_000 },
] as const;
const DEFAULT = PRESETS[0];
const SHORTEST_S = 2;

/** Seconds since 1970. `live`: it ends now, and goes on. */
export type Range = { live: true; name: string; seconds: number } | { live: false; from: number; to: number };

export const range = computed<Range>(() => {
  const from = Date.parse(query.value.get("from") ?? "") / 1000;
  const to = Date.parse(query.value.get("to") ?? "") / 1000;
  if (to > from) return { live: false, from, to };
  const preset = PRESETS.find((one) => one.name === query.value.get("range")) ?? DEFAULT;
  return { live: true, name: preset.name, seconds: preset.seconds };
});

export function showLast(name: string): void {
  setQuery({ range: name === DEFAULT.name ? "" : name, from: "", to: "" });
}

/** From one moment to another; `range` stays, to come back to. */
export function showSpan(from: number, to: number): void {
  if (to - from < SHORTEST_S) return;
  setQuery({ from: new Date(from * 1000).toISOString(), to: new Date(to * 1000).toISOString() });
}

/** Back to where it goes on. */
export function showNow(): void {
  setQuery({ from: "", to: "" });
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400];

/** Seconds of a bucket, so that so many of them cover that many seconds. */
export function stepFor(seconds: number, buckets: number): number {
  const least = seconds / buckets;
  return STEPS.find((step) => step >= least) ?? Math.ceil(least / 86_400) * 86_400;
}
