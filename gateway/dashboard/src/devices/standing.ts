// One device: what inventory and telemetry know of it, kept up to date by what is told.

import { useEffect, useRef } from "preact/hooks";
import { all, get, Refusal } from "../core/api";
import { follow, reconnections, type Snapshot } from "../core/live";
import { type Asked, useAsked, useDebounced } from "../core/query";
import type { Alert, Device, DeviceLog, Health, Presence, Reading } from "../core/types";

const SETTLED_MS = 500;
/** One that was registered just now telemetry hears of a moment later. */
const NOT_YET_MS = 1_500;

/** Telemetry was not told of it yet. */
export const isUnheardOf = (error: unknown) => error instanceof Refusal && error.reason === "UNKNOWN_DEVICE";

export interface Standing {
  device: Asked<Device>;
  health: Asked<Health>;
  alerts: Asked<Alert[]>;
  take: (device: Device) => void;
}

/** `onChange`: called with each line of its history as it is told. */
export function useStanding(id: number, onChange: (log: DeviceLog) => void): Standing {
  const device = useAsked(`device:${id}`, (signal) => get<Device>(`/devices/${id}`, {}, signal));
  const health = useAsked(`health:${id}`, (signal) => get<Health>(`/monitoring/devices/${id}`, {}, signal));
  const alerts = useAsked(`alerts:${id}`, () =>
    all<Alert>("/monitoring/alerts", "alerts", { device_id: id, state: "active" }),
  );
  const healthAgain = useDebounced(health.again, SETTLED_MS);
  const alertsAgain = useDebounced(alerts.again, SETTLED_MS);
  const telling = useRef(onChange);
  telling.current = onChange;

  const take = (given: Device) => device.change((before) => (given.version > before.version ? given : before));
  const taking = useRef(take);
  taking.current = take;

  useEffect(() => {
    const reconnected = reconnections();
    return follow(`device:${id}`, (event, data) => {
      if (event === "device") {
        const { log, ...given } = data as Device & { log: DeviceLog };
        taking.current(given);
        telling.current(log);
        healthAgain();
      } else if (event === "presence") {
        const { online, last_seen } = data as Presence;
        health.change((before) => ({ ...before, online, ...(last_seen ? { last_seen } : {}) }));
      } else if (event === "reading") {
        health.change((before) => withReading(before, data as Reading));
      } else if (event === "alert") {
        healthAgain();
        alertsAgain();
      } else if (event === "snapshot" && !(data as Snapshot<Health>).error && reconnected()) {
        device.again();
        health.again();
        alerts.again();
      }
    });
  }, [id]);

  const unheardOf = isUnheardOf(health.error);
  useEffect(() => {
    if (!unheardOf || health.loading) return;
    const timer = window.setTimeout(health.again, NOT_YET_MS);
    return () => window.clearTimeout(timer);
  }, [unheardOf, health.loading, health.again]);

  return { device, health, alerts, take };
}

function withReading(health: Health, reading: Reading): Health {
  const latest = { ...health.latest };
  for (const [metric, value] of Object.entries(reading.metrics)) {
    const before = latest[metric];
    if (!before || Date.parse(before.time) <= Date.parse(reading.time)) latest[metric] = { value, time: reading.time };
  }
  // It has arrived just now, whatever its own clock says.
  return { ...health, latest, last_seen: new Date().toISOString() };
}
