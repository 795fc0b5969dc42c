// What a device measures, metric by metric.

import { useMemo, useState } from "preact/hooks";
import { all } from "../core/api";
import { now } from "../core/format";
import { useAsked } from "../core/query";
import { query, setQuery } from "../core/router";
import type { Device, Health, Rule } from "../core/types";
import { Empty, Failed, Loading } from "../ui/states";
import "../style/charts.css";
import { Chart } from "./chart";
import { useTypes } from "./known";
import { useMeasured } from "./measured";
import type { Limit } from "./plot";
import { range, showNow, showSpan } from "./range";
import { RangePicker } from "./rangepicker";

/** A device may have 64 metrics; so many are drawn until more are asked for. */
const DRAWN = 6;

export function Charts({ device, health }: { device: Device; health: Health | undefined }) {
  const type = useTypes().find((one) => one.type === device.type);
  const rules = useAsked(`rules:${device.id}:${device.type}`, () => all<Rule>("/monitoring/rules", "rules"));
  const limits = useMemo(() => limitsFor(device, rules.data ?? []), [device.id, device.type, rules.data]);
  const limited = query.value.get("limits") !== "off";
  const units = new Map(type?.metrics.map((metric) => [metric.name, metric.unit]));
  const latest = health?.latest ?? {};
  const names = [...new Set([...units.keys(), ...Object.keys(latest)])].sort((one, other) => one.localeCompare(other));
  const [whole, setWhole] = useState(false);
  const silent = health !== undefined && !Object.keys(latest).length;
  const drawn = silent ? [] : whole ? names : names.slice(0, DRAWN);
  const shown = range.value;
  const measured = useMeasured(device.id, shown, drawn);
  const { data } = measured;
  const to = shown.live ? Math.max(now.value / 1000, newest(latest, now.value)) : shown.to;
  const from = shown.live ? to - shown.seconds : shown.from;
  return (
    <section class="card charts" aria-labelledby="charts">
      <div class="card-head charts-head">
        <h2 id="charts">Measured</h2>
        {drawn.length ? <RangePicker /> : null}
        {drawn.length && limits.size ? (
          <label class="check limits-choice">
            <input
              type="checkbox"
              checked={limited}
              onChange={(event) => setQuery({ limits: event.currentTarget.checked ? "" : "off" }, { replace: true })}
            />
            Limits
          </label>
        ) : null}
      </div>
      {measured.error ? <Failed error={measured.error} again={measured.again} /> : null}
      {drawn.length ? (
        <div class={measured.loading && !measured.current ? "charts-list busy" : "charts-list"}>
          {drawn.map((name) => (
            <Chart
              key={name}
              metric={name}
              unit={units.get(name) ?? ""}
              columns={data?.metrics.get(name)}
              step={data?.step ?? 0}
              from={from}
              to={to}
              limits={limited ? (limits.get(name) ?? NONE) : NONE}
              latest={latest[name]}
              fresh={health?.online ?? false}
              onZoom={showSpan}
              onReset={showNow}
            />
          ))}
          {names.length > DRAWN ? (
            <button type="button" class="link charts-more" onClick={() => setWhole(!whole)}>
              {whole ? "Show fewer" : `Show ${names.length - DRAWN} more`}
            </button>
          ) : null}
        </div>
      ) : health ? (
        <Empty icon="devices" title="It has not measured anything yet.">
          {device.status === "deployed" || device.status === "maintenance"
            ? "Its first reading appears here as it arrives."
            : "Only what is in the field is listened to."}
        </Empty>
      ) : (
        <Loading lines={6} />
      )}
      {data?.step ? (
        <p class="charts-foot quiet">
          Each point is the mean of {data.step} s; the band around it is from the least to the most.
        </p>
      ) : null}
    </section>
  );
}

const NONE: Limit[] = [];

/** Of a clock that is a little ahead; one that is far ahead would push what there is off the page. */
function newest(latest: Health["latest"], ms: number): number {
  const times = Object.values(latest).map(({ time }) => Date.parse(time));
  return Math.min(Math.max(0, ...times), ms + 60_000) / 1000;
}

/** By metric: where the rules that apply to the device draw their lines. */
function limitsFor(device: Device, rules: Rule[]): Map<string, Limit[]> {
  const found = new Map<string, Limit[]>();
  for (const { enabled, threshold, device_id, device_type, name, severity } of rules) {
    if (!enabled || !threshold) continue;
    if ((device_id && device_id !== device.id) || (device_type && device_type !== device.type)) continue;
    const { metric, limit: at, clear_limit: clear = at, direction } = threshold;
    found.set(metric, [...(found.get(metric) ?? []), { name, at, clear, direction, severity }]);
  }
  return found;
}
