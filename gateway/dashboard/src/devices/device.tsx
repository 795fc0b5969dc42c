// One device.

import { useState } from "preact/hooks";
import { Refusal } from "../core/api";
import { href } from "../core/router";
import type { DeviceLog } from "../core/types";
import { Title } from "../shell";
import "../style/devices.css";
import "../style/device.css";
import { Empty, Failed, Loading } from "../ui/states";
import { Charts } from "./charts";
import { Details } from "./details";
import { DeviceHead } from "./head";
import { Log } from "./log";
import { OpenAlerts } from "./openalerts";
import { SettingsCard } from "./settings";
import { isUnheardOf, useStanding } from "./standing";

export function DeviceView({ id }: { id: number }) {
  const [told, setTold] = useState<DeviceLog[]>([]);
  const { device, health, alerts, take } = useStanding(id, (log) =>
    setTold((before) => (before.some((one) => one.id === log.id) ? before : [log, ...before])),
  );
  const there = device.data;
  if (!there)
    return (
      <>
        <Title>{`Device ${id}`}</Title>
        {device.error instanceof Refusal && device.error.status === 404 ? (
          <Empty icon="devices" title={`There is no device ${id}.`}>
            <a href={href("/devices")}>To the devices</a>
          </Empty>
        ) : device.error ? (
          <Failed error={device.error} again={device.again} />
        ) : (
          <Loading lines={10} />
        )}
      </>
    );
  return (
    <>
      <Title>{there.name}</Title>
      <DeviceHead device={there} health={health.data} alerts={alerts.data} onDone={take} />
      {device.error ? <Failed error={device.error} again={device.again} /> : null}
      <div class="columns device-columns">
        <div class="stack">
          <OpenAlerts alerts={alerts} device={there} />
          {health.error && !health.data && !isUnheardOf(health.error) ? (
            <Failed error={health.error} again={health.again} />
          ) : (
            <Charts device={there} health={health.data} />
          )}
        </div>
        <div class="stack">
          <Details device={there} onDone={take} />
          <SettingsCard device={there} online={health.data?.online ?? false} />
          <Log id={id} told={told} />
        </div>
      </div>
    </>
  );
}
