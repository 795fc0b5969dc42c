// The open alerts that matter most.

import { known, openAlerts, openCount } from "../core/alerts";
import { href } from "../core/router";
import { Ago, SeverityBadge } from "../ui/badges";
import { Empty, Loading } from "../ui/states";

const SHOWN = 6;

export function NewestAlerts() {
  const alerts = openAlerts.value.slice(0, SHOWN);
  return (
    <section class="card" aria-labelledby="newest">
      <div class="card-head">
        <h2 id="newest">Needs attention</h2>
        {openCount.value > SHOWN ? <a href={href("/alerts")}>All {openCount.value}</a> : null}
      </div>
      {alerts.length ? (
        <ul class="lines">
          {alerts.map((alert) => (
            <li key={alert.id} class="line-item">
              <SeverityBadge severity={alert.severity} />
              <div class="line-body">
                <a href={href(`/devices/${alert.device_id}`)}>{alert.device_name || `Device ${alert.device_id}`}</a>
                <span class="quiet ellipsis">{alert.message}</span>
              </div>
              <span class="quiet nowrap">
                {alert.acknowledged ? "seen · " : ""}
                <Ago time={alert.opened_at} plain />
              </span>
            </li>
          ))}
        </ul>
      ) : known.value ? (
        <Empty icon="check" title="No open alerts." />
      ) : (
        <Loading />
      )}
    </section>
  );
}
