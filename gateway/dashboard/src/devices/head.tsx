// What a device is, how it is, and what can be done with it.

import { useState } from "preact/hooks";
import { count, duration, exactly, moment } from "../core/format";
import { href } from "../core/router";
import type { Alert, Device, Health } from "../core/types";
import { Ago, PresenceMark, SeverityBadge, StatusBadge } from "../ui/badges";
import { Icon } from "../ui/icon";
import { ActionDialog } from "./actiondialog";
import { type Action, nameOf, offered } from "./actions";
import { left } from "./question";

interface Props {
  device: Device;
  health: Health | undefined;
  alerts: Alert[] | undefined;
  onDone: (device: Device) => void;
}

/** Of a clock that is off by less, a message's way is the better part. */
const WORTH_TELLING_MS = 500;
const WRONG_MS = 30_000;

export function DeviceHead({ device, health, alerts, onDone }: Props) {
  const [acting, setActing] = useState<Action>();
  const actions = offered([device.status]);
  return (
    <header class="device-head">
      <a class="back" href={left.value}>
        <Icon name="left" size={14} />
        Devices
      </a>
      <div class="page-head">
        <div class="device-title">
          <h1>{device.name}</h1>
          <StatusBadge status={device.status} />
          {health ? (
            <PresenceMark status={device.status} online={health.online} lastSeen={health.last_seen} long />
          ) : null}
        </div>
        {actions.length ? (
          <fieldset class="device-actions" aria-label="Actions">
            {actions.map((action) => (
              <button
                key={action}
                type="button"
                class={`button ${action === "retire" ? "danger" : action === "deploy" ? "primary" : ""}`}
                onClick={() => setActing(action)}
              >
                {nameOf(action, device.status)}
              </button>
            ))}
          </fieldset>
        ) : null}
      </div>
      <Facts device={device} health={health} alerts={alerts} />
      {acting ? (
        <ActionDialog
          action={acting}
          devices={[{ device_id: device.id, name: device.name, status: device.status }]}
          onDone={(devices) => devices.forEach(onDone)}
          onClose={() => setActing(undefined)}
        />
      ) : null}
    </header>
  );
}

function Facts({ device, health, alerts }: Omit<Props, "onDone">) {
  const worst = health?.severity;
  const open = alerts?.length ?? health?.open_alerts;
  return (
    <dl class="strip live">
      <div>
        <dt>Location</dt>
        <dd>{device.location || <span class="quiet">None</span>}</dd>
      </div>
      <div>
        <dt>Type</dt>
        <dd>
          <a class="plain" href={href("/devices", { type: device.type })}>
            {device.type}
          </a>
        </dd>
      </div>
      <div>
        <dt>Serial number</dt>
        <dd class="mono">{device.serial_number}</dd>
      </div>
      <div>
        <dt>Last seen</dt>
        <dd>
          {health?.last_seen ? <Ago time={health.last_seen} /> : <span class="quiet">{health ? "Never" : "–"}</span>}
        </dd>
      </div>
      <div>
        <dt>Clock</dt>
        <dd>
          <Skew ms={health?.clock_skew_ms} />
        </dd>
      </div>
      <div>
        <dt>Open alerts</dt>
        <dd>
          {open && worst ? <SeverityBadge severity={worst} count={open} /> : open === undefined ? "–" : count(open)}
        </dd>
      </div>
      {device.status === "reserved" ? (
        <div>
          <dt>Reserved for</dt>
          <dd>
            {device.reserved_for}
            {device.reserved_until ? (
              <span class="quiet" title={exactly(device.reserved_until)}>
                {" "}
                until {moment(device.reserved_until)}
              </span>
            ) : null}
          </dd>
        </div>
      ) : null}
    </dl>
  );
}

function Skew({ ms }: { ms: number | undefined }) {
  if (ms === undefined) return <span class="quiet">Not told</span>;
  const off = Math.abs(ms);
  if (off < WORTH_TELLING_MS) return <>In time</>;
  return (
    <span class={off >= WRONG_MS ? "wrong" : ""}>
      {off < 1_000 ? `${Math.round(off)} ms` : duration(off)} {ms > 0 ? "ahead" : "behind"}
    </span>
  );
}
