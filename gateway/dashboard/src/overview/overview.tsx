// The fleet at a glance, live.

import { bySeverity, known, stats } from "../core/alerts";
import { count, words } from "../core/format";
import { href } from "../core/router";
import { Title } from "../shell";
import { Failed, Loading } from "../ui/states";
import { Bar } from "./bar";
import { Measured } from "./measured";
import { NewestAlerts } from "./newest";
import { total, useStock } from "./stock";
import { StockTable } from "./stocktable";

export function Overview() {
  const stock = useStock();
  const counts = total(stock.data ?? []);
  const all = counts.in_stock + counts.reserved + counts.deployed + counts.maintenance;
  const presence = stats.value?.devices;
  const alerts = bySeverity.value;
  return (
    <>
      <Title>Overview</Title>
      <div class="page-head">
        <h1>Overview</h1>
      </div>
      <div class="tiles">
        <section class="card tile" aria-labelledby="tile-devices">
          <h2 id="tile-devices">
            Devices <b data-figure="devices">{stock.data ? count(all) : "–"}</b>
          </h2>
          {stock.error && !stock.data ? <Failed error={stock.error} again={stock.again} /> : null}
          {stock.data ? (
            <Bar
              parts={(["deployed", "in_stock", "reserved", "maintenance"] as const).map((status) => ({
                name: words(status),
                value: counts[status],
                tone: status,
                to: href("/devices", { status }),
              }))}
            />
          ) : stock.error ? null : (
            <Loading lines={2} />
          )}
        </section>
        <section class="card tile" aria-labelledby="tile-presence">
          <h2 id="tile-presence">
            Online <b data-figure="online">{presence ? count(presence.online) : "–"}</b>
          </h2>
          {presence ? (
            <Bar
              parts={[
                { name: "Online", value: presence.online, tone: "online", to: href("/devices", { online: "true" }) },
                {
                  name: "Offline",
                  value: presence.offline,
                  tone: "offline",
                  to: href("/devices", { status: "deployed", online: "false" }),
                },
                {
                  name: "Never seen",
                  value: presence.never_seen,
                  tone: "never",
                  to: href("/devices", { status: "deployed", online: "false", order_by: "last_seen" }),
                },
              ]}
            />
          ) : (
            <Loading lines={2} />
          )}
        </section>
        <section class="card tile" aria-labelledby="tile-alerts">
          <h2 id="tile-alerts">
            Open alerts{" "}
            <b data-figure="alerts">{known.value ? count(alerts.critical + alerts.warning + alerts.info) : "–"}</b>
          </h2>
          {known.value ? (
            <Bar
              parts={(["critical", "warning", "info"] as const).map((severity) => ({
                name: words(severity),
                value: alerts[severity],
                tone: severity,
                to: href("/alerts", { severity }),
              }))}
            />
          ) : (
            <Loading lines={2} />
          )}
        </section>
      </div>
      <div class="columns">
        <StockTable stock={stock} />
        <div class="stack">
          <NewestAlerts />
          <Measured />
        </div>
      </div>
    </>
  );
}
