// The rows of the table: a page as it was asked for, and what was told of its devices since.
//
// It is telemetry's list and not inventory's: only telemetry knows who is online and what is wrong, and its columns filter
// and order a million devices within a tenth of a second. It hears of a change a moment after inventory has made it.

import { useEffect, useMemo, useRef } from "preact/hooks";
import { all, get, Refusal } from "../core/api";
import { follow, line, reconnections, type Snapshot } from "../core/live";
import { type Asked, useAsked, useDebounced } from "../core/query";
import type { Alert, Device, DeviceLog, Health, Presence } from "../core/types";
import { place, question, toFirst } from "./question";

export const PAGE_SIZE = 50;
/** Of POST /devices/actions. */
const MOST = 1_000;
const LARGEST_PAGE = 500;
const SETTLED_MS = 800;
/** What is not told of, such as the newest values, and who else fits the filters by now. */
const QUIETLY_MS = 15_000;
/** A fleet that comes back after a storm tells much at once: the table is drawn so often at most. */
const DRAWN_MS = 200;

export interface Page {
  devices: Health[];
  next_page_token: string;
}

/** A row with what inventory says of its device, unless the row knows as much. */
export function withDevice(row: Health, device: Device | undefined): Health {
  if (!device || device.version <= row.version) return row;
  const { name, type, serial_number, status, location, version } = device;
  return { ...row, name, type, serial_number, status, location, version };
}

/** As many as one action takes, of those that the table is asked for. */
export async function fittingRows(): Promise<{ rows: Health[]; more: boolean }> {
  const found = await all<Health>("/monitoring/devices", "devices", { ...question.value }, MOST / LARGEST_PAGE + 1);
  return { rows: found.slice(0, MOST), more: found.length > MOST };
}

export interface Rows {
  asked: Asked<Page>;
  /** Takes in devices as an action's answer has them. */
  take: (devices: Device[]) => void;
}

export function useRows(): Rows {
  const { after } = place.value;
  const asking = { ...question.value, page_size: PAGE_SIZE, page_token: after };
  // Inventory's word arrives before telemetry's list has it: it is kept, and laid over what is asked later.
  const told = useRef(new Map<number, Device>());
  const asked = useAsked<Page>(JSON.stringify(asking), async (signal) => {
    const page = await get<Page>("/monitoring/devices", asking, signal);
    return { ...page, devices: page.devices.map((row) => withDevice(row, told.current.get(row.device_id))) };
  });
  const shown = useMemo(() => new Set(asked.data?.devices.map((row) => row.device_id)), [asked.data]);
  const now = useRef({ shown, first: !after });
  now.current = { shown, first: !after };

  const waiting = useRef(new Map<number, (row: Health) => Health>());
  const draw = useRef<number | undefined>(undefined);
  const patch = useMemo(() => {
    const flush = () => {
      draw.current = undefined;
      const patches = waiting.current;
      waiting.current = new Map();
      asked.change((page) => ({
        ...page,
        devices: page.devices.map((row) => patches.get(row.device_id)?.(row) ?? row),
      }));
    };
    return (id: number, how: (row: Health) => Health) => {
      const before = waiting.current.get(id);
      waiting.current.set(id, before ? (row) => how(before(row)) : how);
      draw.current ??= window.setTimeout(flush, DRAWN_MS);
    };
  }, [asked.change]);

  const take = useMemo(
    () => (devices: Device[]) => {
      for (const device of devices) {
        told.current.set(device.id, device);
        patch(device.id, (row) => withDevice(row, device));
      }
    },
    [patch],
  );

  const again = useDebounced(asked.again, SETTLED_MS);
  useEffect(() => {
    const hear = (event: string, data: unknown) => {
      if (event === "presence") {
        const { device_id, online, last_seen } = data as Presence;
        if (now.current.shown.has(device_id))
          patch(device_id, (row) => ({ ...row, online, ...(last_seen ? { last_seen } : {}) }));
      } else if (event === "device") {
        const device = data as Device & { log: DeviceLog };
        if (now.current.shown.has(device.id)) take([device]);
        else if (device.log.action === "registered" && now.current.first) again();
      } else if (event === "alert" && now.current.shown.has((data as Alert).device_id)) again();
    };
    const reconnected = reconnections();
    const ends = ["devices", "presence", "alerts"].map((topic) =>
      follow(topic, (event, data) => {
        if (event !== "snapshot") hear(event, data);
        else if (topic === "devices" && !(data as Snapshot<Device>).error && reconnected()) again();
      }),
    );
    return () => {
      for (const end of ends) end();
    };
  }, [patch, take, again]);

  useEffect(() => {
    const timer = window.setInterval(() => {
      if (!document.hidden && line.value.state === "live") asked.again();
    }, QUIETLY_MS);
    return () => {
      window.clearInterval(timer);
      window.clearTimeout(draw.current);
    };
  }, [asked.again]);

  // The token of an older release, or of other filters: the first page is as good a place to begin.
  const lost = asked.error instanceof Refusal && asked.error.reason === "INVALID_PAGE_TOKEN" && after;
  useEffect(() => {
    if (lost) toFirst({ replace: true });
  }, [lost]);

  return { asked, take };
}
