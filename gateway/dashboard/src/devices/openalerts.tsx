// What is wrong with a device now.

import type { Asked } from "../core/query";
import { href } from "../core/router";
import type { Alert, Device } from "../core/types";
import { Ago, SeverityBadge } from "../ui/badges";
import { Failed } from "../ui/states";

const RANK = { critical: 0, warning: 1, info: 2 };
const SHOWN = 5;

/** Nothing at all while nothing is wrong. */
export function OpenAlerts({ alerts, device }: { alerts: Asked<Alert[]>; device: Device }) {
  if (alerts.error && !alerts.data) return <Failed error={alerts.error} again={alerts.again} />;
  if (!alerts.data?.length) return null;
  const worst = [...alerts.data].sort(
    (one, other) =>
      RANK[one.severity] - RANK[other.severity] || Date.parse(other.opened_at) - Date.parse(one.opened_at),
  );
  return (
    <section class="card live" aria-labelledby="open-alerts">
      <div class="card-head">
        <h2 id="open-alerts">Open alerts</h2>
        <a href={href("/alerts", { device_id: String(device.id) })}>
          {worst.length > SHOWN ? `All ${worst.length}` : "View in Alerts"}
        </a>
      </div>
      <ul class="lines">
        {worst.slice(0, SHOWN).map((alert) => (
          <li key={alert.id} class="line-item">
            <SeverityBadge severity={alert.severity} />
            <div class="line-body">
              <span>{alert.message}</span>
              {alert.acknowledged ? (
                <span class="quiet ellipsis">
                  Acknowledged by {alert.acknowledged_by}
                  {alert.acknowledged_note ? `: ${alert.acknowledged_note}` : ""}
                </span>
              ) : null}
            </div>
            <span class="quiet nowrap">
              <Ago time={alert.opened_at} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
