// What a device measured, as columns that a chart can draw. Pure functions.

import type { MetricStats, Reading } from "../core/types";

/** One metric's points in the order of their times. Without a step `least` and `most` are `mean` itself. */
export interface Columns {
  /** Seconds since 1970. */
  time: number[];
  mean: number[];
  least: number[];
  most: number[];
  /** How many values each point is of. */
  count: number[];
}

/** Charts by the metrics' names. `step` 0: readings as they are. */
export interface Measured {
  step: number;
  metrics: ReadonlyMap<string, Columns>;
}

/** So many times what is usual between two points, and nothing was measured in between. */
const GAP = 4;

function empty(): Columns {
  return { time: [], mean: [], least: [], most: [], count: [] };
}

function columnsOf(metrics: Map<string, Columns>, metric: string): Columns {
  const there = metrics.get(metric);
  if (there) return there;
  const made = empty();
  metrics.set(metric, made);
  return made;
}

function push(columns: Columns, time: number, mean: number, least: number, most: number, count: number): void {
  columns.time.push(time);
  columns.mean.push(mean);
  columns.least.push(least);
  columns.most.push(most);
  columns.count.push(count);
}

/** Newest first, as they are answered. */
export function fromReadings(readings: Reading[]): Measured {
  const metrics = new Map<string, Columns>();
  for (const reading of [...readings].reverse()) {
    const time = Date.parse(reading.time) / 1000;
    for (const [metric, value] of Object.entries(reading.metrics))
      push(columnsOf(metrics, metric), time, value, value, value, 1);
  }
  return { step: 0, metrics };
}

/** Likewise. */
export function fromBuckets(
  buckets: { start_time: string; metrics: Record<string, MetricStats> }[],
  step: number,
): Measured {
  const metrics = new Map<string, Columns>();
  for (const bucket of [...buckets].reverse()) {
    const time = Date.parse(bucket.start_time) / 1000;
    for (const [metric, { avg, min, max, count }] of Object.entries(bucket.metrics))
      push(columnsOf(metrics, metric), time, avg, min, max, Number(count));
  }
  return { step, metrics };
}

/** With one more reading, and without what is older than `from`. One that is late is left to the next answer. */
export function withReading(measured: Measured, reading: Reading, from: number): Measured {
  const { step } = measured;
  const told = Date.parse(reading.time) / 1000;
  const time = step ? Math.floor(told / step) * step : told;
  const metrics = new Map(measured.metrics);
  for (const [metric, value] of Object.entries(reading.metrics)) {
    const before = metrics.get(metric) ?? empty();
    const newest = before.time.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (time < newest || (!step && time === newest)) continue;
    const old = before.time.findIndex((one) => one >= from);
    const first = old < 0 ? before.time.length : old;
    const columns: Columns = {
      time: before.time.slice(first),
      mean: before.mean.slice(first),
      least: before.least.slice(first),
      most: before.most.slice(first),
      count: before.count.slice(first),
    };
    const last = columns.time.length - 1;
    if (time === newest && last >= 0) {
      const count = (columns.count[last] ?? 0) + 1;
      const mean = columns.mean[last] ?? value;
      columns.count[last] = count;
      columns.mean[last] = mean + (value - mean) / count;
      columns.least[last] = Math.min(columns.least[last] ?? value, value);
      columns.most[last] = Math.max(columns.most[last] ?? value, value);
    } else push(columns, time, value, value, value, 1);
    metrics.set(metric, columns);
  }
  return { step, metrics };
}

type Plotted = [number[], (number | null)[], (number | null)[], (number | null)[]];

/** Times, most, least and mean, with a point of nothing in every gap: a line through it would tell what nobody knows. */
export function plotted({ time, mean, least, most }: Columns, step: number): Plotted {
  const longest = Math.max(GAP * usual(time), 2 * step);
  const out: Plotted = [[], [], [], []];
  for (let point = 0; point < time.length; point++) {
    const at = time[point] as number;
    const before = time[point - 1];
    if (before !== undefined && at - before > longest) {
      out[0].push(before + longest / 2);
      out[1].push(null);
      out[2].push(null);
      out[3].push(null);
    }
    out[0].push(at);
    out[1].push(most[point] as number);
    out[2].push(least[point] as number);
    out[3].push(mean[point] as number);
  }
  return out;
}

/** What mostly lies between two points: the median. */
function usual(time: number[]): number {
  const between = time.slice(1).map((at, before) => at - (time[before] as number));
  between.sort((one, other) => one - other);
  return between[between.length >> 1] ?? Number.POSITIVE_INFINITY;
}

/** The least, the mean and the most of what is within. */
export function summary({ time, mean, least, most, count }: Columns, from: number, to: number) {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let values = 0;
  for (let point = 0; point < time.length; point++) {
    const at = time[point] as number;
    if (at < from || at > to) continue;
    low = Math.min(low, least[point] as number);
    high = Math.max(high, most[point] as number);
    sum += (mean[point] as number) * (count[point] as number);
    values += count[point] as number;
  }
  return values ? { least: low, most: high, mean: sum / values, values } : null;
}
