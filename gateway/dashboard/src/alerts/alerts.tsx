// The alerts, live: what is open, who has seen it, and what was.

import { useState } from "preact/hooks";
import "../style/alerts.css";
import { mayAct } from "../core/session";
import type { Alert } from "../core/types";
import { useRules } from "../rules/known";
import { Title } from "../shell";
import { Empty, Failed, Loading } from "../ui/states";
import { Filters, States } from "./filters";
import { type Act, Handle } from "./handle";
import { AlertItem, focusAlert } from "./item";
import { useAlerts } from "./list";
import { narrowed, wanted } from "./wanted";

export function Alerts() {
  const list = useAlerts(wanted.value);
  const rules = useRules();
  const [handling, setHandling] = useState<{ alert: Alert; act: Act } | null>(null);
  const names = new Map((rules.data ?? []).map((rule) => [rule.id, rule.name]));
  const page = list.current ? list.data : undefined;
  return (
    <>
      <Title>Alerts</Title>
      <div class="page-head">
        <h1 id="alerts-title" tabIndex={-1}>
          Alerts
        </h1>
        <States />
      </div>
      <Filters rules={rules.data ?? []} />
      <section class="card" aria-labelledby="alerts-title">
        {page?.alerts.length ? (
          <ul class="alerts live" aria-label="Alerts" aria-busy={list.loading}>
            {page.alerts.map((alert) => (
              <AlertItem
                key={alert.id}
                alert={alert}
                rule={names.get(alert.rule_id)}
                fresh={list.fresh.has(alert.id)}
                onAct={mayAct.value ? (act) => setHandling({ alert, act }) : undefined}
              />
            ))}
          </ul>
        ) : list.error ? null : page ? (
          <None />
        ) : (
          <Loading lines={8} />
        )}
        {list.error ? <Failed error={list.error} again={list.again} /> : null}
        {page && list.more ? (
          <div class="alerts-foot">
            <button type="button" class="button" onClick={list.more} disabled={list.busy}>
              {list.busy ? "Loading …" : "Show older"}
            </button>
          </div>
        ) : null}
      </section>
      {handling ? (
        <Handle
          {...handling}
          onClose={(now) => {
            setHandling(null);
            if (!now) return;
            list.take(now);
            // The button that was pressed is gone, and may be the alert as well.
            focusAlert(now.id);
          }}
        />
      ) : null}
    </>
  );
}

function None() {
  if (narrowed.value) return <Empty icon="search" title="No alert fits these filters." />;
  if (wanted.value.state === "active") {
    return (
      <Empty icon="check" title="No open alerts.">
        New ones appear here by themselves.
      </Empty>
    );
  }
  return <Empty icon="alerts" title="There were no alerts yet." />;
}
