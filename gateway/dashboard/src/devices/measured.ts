// The readings that the charts show: asked for, and told as they come.

import { useEffect, useRef } from "preact/hooks";
import { get } from "../core/api";
import { follow, line, reconnections } from "../core/live";
import { type Asked, useAsked, useDebounced } from "../core/query";
import type { Reading, Readings } from "../core/types";
import { fromBuckets, fromReadings, type Measured, withReading } from "./columns";
import { type Range, stepFor } from "./range";

const PAGE = 500;
/** Some are cut at either end. */
const BUCKETS = PAGE - 2;
/** Over more, a device that speaks so rarely that all of it fits into a page loses nothing to buckets. */
const AS_THEY_ARE_S = 21_600;
const SETTLED_MS = 500;
const LEAST_AGAIN_MS = 15_000;

export function useMeasured(id: number, range: Range, metrics: string[]): Asked<Measured> {
  const seconds = range.live ? range.seconds : range.to - range.from;
  // A page of its readings covers less than this many seconds.
  const dense = useRef(Number.POSITIVE_INFINITY);
  const key = metrics.length ? JSON.stringify([id, metrics, range.live ? range.name : [range.from, range.to]]) : null;

  const asked = useAsked<Measured>(key, async (signal) => {
    const to = range.live ? Date.now() / 1000 : range.to;
    const span = {
      metric: metrics,
      start_time: new Date((to - seconds) * 1000).toISOString(),
      ...(range.live ? {} : { end_time: new Date(to * 1000).toISOString() }),
      page_size: PAGE,
    };
    const path = `/monitoring/data/${id}`;
    if (seconds <= AS_THEY_ARE_S && seconds < dense.current) {
      const page = await get<Readings>(path, span, signal);
      if (!page.next_page_token) return fromReadings(page.readings);
      const oldest = page.readings.at(-1);
      if (oldest) dense.current = Math.min(seconds, 2 * (to - Date.parse(oldest.time) / 1000));
    }
    const step = stepFor(seconds, BUCKETS);
    const page = await get<Readings>(path, { ...span, step }, signal);
    return fromBuckets(page.buckets, step);
  });

  const live = range.live;
  const now = useRef({ seconds, metrics });
  now.current = { seconds, metrics };
  const { again, change } = asked;
  const soon = useDebounced(again, SETTLED_MS);
  useEffect(() => {
    if (!live) return;
    const reconnected = reconnections();
    return follow(`device:${id}`, (event, data) => {
      if (event === "reading") {
        const reading = data as Reading;
        const shown = Object.entries(reading.metrics).filter(([metric]) => now.current.metrics.includes(metric));
        const from = Date.now() / 1000 - now.current.seconds;
        change((measured) => withReading(measured, { ...reading, metrics: Object.fromEntries(shown) }, from));
      } else if (event === "snapshot") {
        // What was measured while the connection was lost was told to nobody.
        if (reconnected()) soon();
      }
    });
  }, [id, live, change, soon]);

  // One reading a second is told at most, and late ones are not drawn: in the end the store knows.
  const step = asked.data?.step ?? 0;
  useEffect(() => {
    if (!live) return;
    const timer = window.setInterval(
      () => {
        if (!document.hidden && line.value.state === "live") again();
      },
      Math.max(LEAST_AGAIN_MS, 2_000 * step),
    );
    return () => window.clearInterval(timer);
  }, [live, step, again]);

  return asked;
}
