// The table itself.

import type { ComponentChildren } from "preact";
import { value, words } from "../core/format";
import { href } from "../core/router";
import { mayAct } from "../core/session";
import type { Health } from "../core/types";
import { PresenceMark, SeverityBadge, StatusBadge, standing } from "../ui/badges";
import { ask, question } from "./question";
import { choose, chosen } from "./selection";

export function DeviceTable({ rows, busy }: { rows: Health[]; busy: boolean }) {
  return (
    <table class={busy ? "table dense devices live busy" : "table dense devices live"} aria-busy={busy}>
      <caption class="visually-hidden">Devices</caption>
      <thead>
        <tr>
          {mayAct.value ? (
            <th class="pick">
              <PickAll rows={rows} />
            </th>
          ) : null}
          <Sortable by="name">Device</Sortable>
          <th class="wide serial">Serial number</th>
          <th class="wide type">Type</th>
          <th class="wide location">Location</th>
          <th class="status">Status</th>
          <Sortable by="last_seen" backwards>
            Presence
          </Sortable>
          <th class="widest">Newest values</th>
          <Sortable by="severity" backwards>
            Alerts
          </Sortable>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Row key={row.device_id} row={row} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ row }: { row: Health }) {
  const picked = chosen.value.has(row.device_id);
  return (
    <tr class={picked ? "picked" : ""} data-device={row.device_id}>
      {mayAct.value ? (
        <td class="pick">
          <label class="pick-label">
            <input
              type="checkbox"
              aria-label={`Select ${row.name}`}
              checked={picked}
              onChange={(event) => choose([row], event.currentTarget.checked)}
            />
          </label>
        </td>
      ) : null}
      <th scope="row" class="name">
        <a href={href(`/devices/${row.device_id}`)}>{row.name}</a>
        <span class="narrow quiet">
          <span class="mono">{row.serial_number}</span> · {row.type}
        </span>
        <span class="narrow quiet">{row.location || "No location"}</span>
        {row.severity ? (
          <span class="narrowest">
            <SeverityBadge severity={row.severity} count={row.open_alerts} />
          </span>
        ) : null}
      </th>
      <td class="wide mono ellipsis">{row.serial_number}</td>
      <td class="wide ellipsis">{row.type}</td>
      <td class="wide ellipsis" title={row.location}>
        {row.location || <span class="quiet">–</span>}
      </td>
      <td class="status">
        <StatusBadge status={row.status} />
        {standing(row.status, row.online, row.last_seen) === "off" ? null : (
          <span class="narrowest">
            <PresenceMark status={row.status} online={row.online} lastSeen={row.last_seen} />
          </span>
        )}
      </td>
      <td class="presence-cell">
        <PresenceMark status={row.status} online={row.online} lastSeen={row.last_seen} />
      </td>
      <td class="widest">
        <Latest row={row} />
      </td>
      <td class="alerts-cell">
        {row.severity ? (
          <a class="plain" href={href("/alerts", { device_id: String(row.device_id) })}>
            <SeverityBadge severity={row.severity} count={row.open_alerts} />
          </a>
        ) : (
          <span class="quiet none">–</span>
        )}
      </td>
    </tr>
  );
}

/** The newest values, said to be old where the device is silent. */
function Latest({ row }: { row: Health }) {
  const latest = Object.entries(row.latest).sort(([one], [other]) => one.localeCompare(other));
  if (!latest.length || row.status === "retired") return <span class="quiet">–</span>;
  return (
    <span class={row.online ? "latest" : "latest old"} title={row.online ? "" : "What it measured last"}>
      {latest.map(([metric, { value: measured }]) => (
        <span key={metric} class="latest-one">
          <span class="quiet">{words(metric)}</span> {value(measured)}
        </span>
      ))}
    </span>
  );
}

function PickAll({ rows }: { rows: Health[] }) {
  const picked = rows.filter((row) => chosen.value.has(row.device_id)).length;
  return (
    <label class="pick-label">
      <input
        type="checkbox"
        aria-label="Select all on this page"
        checked={rows.length > 0 && picked === rows.length}
        ref={(box) => {
          if (box) box.indeterminate = picked > 0 && picked < rows.length;
        }}
        disabled={!rows.length}
        onChange={(event) => choose(rows, event.currentTarget.checked)}
      />
    </label>
  );
}

/** A heading that orders: once as one wants it first, again the other way round, and again not at all. */
function Sortable({
  by,
  backwards = false,
  children,
}: {
  by: string;
  backwards?: boolean;
  children: ComponentChildren;
}) {
  const [first, second] = backwards ? [`-${by}`, by] : [by, `-${by}`];
  const order = question.value.order_by;
  const next = order === first ? second : order === second ? "" : first;
  const sorted = order === by ? "ascending" : order === `-${by}` ? "descending" : undefined;
  return (
    <th aria-sort={sorted} class={by === "name" ? "name" : by === "severity" ? "alerts-cell" : "presence-cell"}>
      <button type="button" class="sort" onClick={() => ask({ order_by: next })}>
        {children}
        <span class="sort-mark" aria-hidden="true">
          {sorted === "ascending" ? "↑" : sorted === "descending" ? "↓" : "↕"}
        </span>
      </button>
    </th>
  );
}
