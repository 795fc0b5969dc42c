// One alert in the list.

import { duration, exactly, words } from "../core/format";
import { href } from "../core/router";
import type { Alert } from "../core/types";
import { Ago, SeverityBadge } from "../ui/badges";
import type { Act } from "./handle";

interface Given {
  alert: Alert;
  /** The name of its rule, where there still is one. */
  rule: string | undefined;
  fresh: boolean;
  /** None: this user may not. */
  onAct: ((act: Act) => void) | undefined;
}

const place = (id: string) => `alert-${id}`;

/** Moves the keyboard's focus to the alert, or to the top of the list when it is not there any more. */
export function focusAlert(id: string): void {
  requestAnimationFrame(() => (document.getElementById(place(id)) ?? document.getElementById("alerts-title"))?.focus());
}

export function nameOf(alert: Alert): string {
  return alert.device_name || `Device ${alert.device_id}`;
}

export function AlertItem({ alert, rule, fresh, onAct }: Given) {
  const open = alert.state === "active";
  return (
    <li
      id={place(alert.id)}
      class={`alert ${open ? "" : "over"} ${fresh ? "fresh" : ""}`}
      tabIndex={-1}
      aria-label={`${words(alert.severity)}: ${nameOf(alert)}, ${alert.message}`}
      data-alert={alert.id}
      data-state={alert.state}
    >
      <SeverityBadge severity={alert.severity} />
      <div class="alert-what">
        <a class="alert-device" href={href(`/devices/${alert.device_id}`)}>
          {nameOf(alert)}
        </a>
        <span>{alert.message}</span>
      </div>
      <div class="alert-when">
        <Ago time={alert.opened_at} />
        <span class="quiet">{rule ?? words(alert.kind)}</span>
      </div>
      <div class="alert-state">
        <Standing alert={alert} />
      </div>
      <div class="alert-acts">
        {onAct && open ? (
          <>
            {alert.acknowledged ? null : (
              <button type="button" class="button small" onClick={() => onAct("acknowledge")}>
                Acknowledge
              </button>
            )}
            <button type="button" class="button small" onClick={() => onAct("resolve")}>
              Resolve
            </button>
          </>
        ) : null}
      </div>
    </li>
  );
}

function Standing({ alert }: { alert: Alert }) {
  const lasted = alert.resolved_at ? Date.parse(alert.resolved_at) - Date.parse(alert.opened_at) : 0;
  return (
    <>
      {alert.resolved_at ? (
        <>
          <span title={exactly(alert.resolved_at)}>
            {alert.resolved_because === "by_hand" ? `Resolved by ${alert.resolved_by}` : words(alert.resolved_because)}
          </span>
          <span class="quiet">
            <Ago time={alert.resolved_at} />, after {duration(lasted)}
          </span>
          <Note text={alert.resolved_note} />
        </>
      ) : alert.acknowledged ? null : (
        <span class="quiet">Not acknowledged</span>
      )}
      {alert.acknowledged ? (
        <>
          <span class={alert.resolved_at ? "quiet" : ""} title={exactly(alert.acknowledged_at ?? alert.opened_at)}>
            Acknowledged by {alert.acknowledged_by}
          </span>
          <Note text={alert.acknowledged_note} />
        </>
      ) : null}
    </>
  );
}

function Note({ text }: { text: string }) {
  return text ? <q class="alert-note">{text}</q> : null;
}
