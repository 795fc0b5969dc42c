// Words with a colour, and a shape beside it: colour alone tells not everybody something.

import { duration, exactly, now, words } from "../core/format";
import type { Severity, Status } from "../core/types";

export function StatusBadge({ status }: { status: Status }) {
  return <span class={`badge status-${status}`}>{words(status)}</span>;
}

const SHAPES: Record<Severity, string> = { critical: "◆", warning: "▲", info: "●" };

export function SeverityBadge({ severity, count }: { severity: Severity; count?: number }) {
  return (
    <span class={`severity severity-${severity}`}>
      <span aria-hidden="true">{SHAPES[severity]}</span> {words(severity)}
      {count !== undefined && count > 1 ? ` · ${count}` : ""}
    </span>
  );
}

/** How long ago, growing; the exact time on hover. */
export function Ago({ time, plain = false }: { time: string | number; plain?: boolean }) {
  const ms = now.value - new Date(time).getTime();
  return (
    <time dateTime={new Date(time).toISOString()} title={exactly(time)}>
      {plain ? duration(ms) : `${duration(ms)} ago`}
    </time>
  );
}

export type Standing = "online" | "offline" | "never" | "off";

/** What is to be said of a device's presence: one that is in a warehouse is not "offline". */
export function standing(status: Status, online: boolean, lastSeen: string | undefined): Standing {
  if (online) return "online";
  if (status !== "deployed" && status !== "maintenance") return "off";
  return lastSeen ? "offline" : "never";
}

const SAID: Record<Standing, string> = {
  online: "Online",
  offline: "Offline",
  never: "Never seen",
  off: "Not in the field",
};

export function PresenceMark(given: { status: Status; online: boolean; lastSeen: string | undefined; long?: boolean }) {
  const how = standing(given.status, given.online, given.lastSeen);
  if (how === "off" && !given.long) return <span class="quiet">–</span>;
  return (
    <span class={`presence presence-${how}`}>
      <span class="dot" aria-hidden="true" />
      {SAID[how]}
      {how === "offline" && given.lastSeen ? (
        <span class="quiet">
          {" "}
          <Ago time={given.lastSeen} plain />
        </span>
      ) : null}
    </span>
  );
}
