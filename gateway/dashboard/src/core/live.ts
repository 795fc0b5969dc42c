// Socket.IO: who on this page follows what, through lost connections and fresh tokens.

import { signal } from "@preact/signals";
import { io, type Socket } from "socket.io-client";
import { accessToken, onRenewed, refreshed, standing } from "./session";

export type Line = "connecting" | "live" | "lost";

/** How things stand with the connection; `since` in milliseconds since 1970. */
export const line = signal<{ state: Line; since: number }>({ state: "connecting", since: Date.now() });

export interface Snapshot<T> {
  topic: string;
  version: number;
  items: T[];
  total?: number;
  error?: { reason: string; message: string; retrying: boolean };
}

type Listener = (event: string, data: unknown) => void;

const listeners = new Map<string, Set<Listener>>();
const EVENTS: Record<string, string[]> = {
  alerts: ["alert"],
  presence: ["presence"],
  stats: ["stats"],
  devices: ["device"],
};
const OF_ONE_DEVICE = ["reading", "alert", "presence", "device"];

let socket: Socket | undefined;
let retry: number | undefined;
let shownToken = "";

/** Follows a topic until the function that it returns is called. `listener` gets the snapshots and the events. */
export function follow(topic: string, listener: Listener): () => void {
  const there = listeners.get(topic);
  if (there) there.add(listener);
  else listeners.set(topic, new Set([listener]));
  // Also when others follow it already: the answer is a snapshot, which this one has not seen.
  ask(topic);
  return () => {
    const left = listeners.get(topic);
    left?.delete(listener);
    if (left && !left.size) {
      listeners.delete(topic);
      ask(topic);
    }
  };
}

/** For whoever has asked for something already: says of each snapshot whether it is the first of another connection.
 *
 * Then anything may have happened meanwhile. To count snapshots would not do: one that was on its way as the connection
 * was lost never comes.
 */
export function reconnections(): () => boolean {
  let known = line.peek().state === "live" ? line.peek().since : 0;
  return () => {
    const { since } = line.peek();
    const another = since !== known;
    known = since;
    return another;
  };
}

const asked = new Set<string>();

/** Subscribes or unsubscribes, all topics of one moment at once. */
function ask(topic: string): void {
  if (!asked.size) queueMicrotask(askAll);
  asked.add(topic);
}

function askAll(): void {
  const topics = [...asked];
  asked.clear();
  if (!socket?.connected) return;
  const wanted = topics.filter((topic) => listeners.has(topic));
  const done = topics.filter((topic) => !listeners.has(topic));
  if (done.length) socket.emit("unsubscribe", { topics: done });
  if (wanted.length) socket.emit("subscribe", { topics: wanted });
}

function become(state: Line): void {
  if (line.value.state !== state) line.value = { state, since: Date.now() };
}

function tell(event: string, data: unknown): void {
  const about = deviceOf(event, data);
  for (const [topic, interested] of listeners) {
    const one = topic.startsWith("device:");
    const wanted = one ? OF_ONE_DEVICE.includes(event) && topic === `device:${about}` : EVENTS[topic]?.includes(event);
    if (wanted) for (const listener of interested) listener(event, data);
  }
}

function deviceOf(event: string, data: unknown): number | undefined {
  const given = data as { id?: number; device_id?: number };
  return event === "device" ? given.id : given.device_id;
}

function connect(): void {
  if (socket) return;
  const opened = io({
    path: "/ws/monitoring",
    transports: ["websocket"],
    reconnectionDelay: 500,
    reconnectionDelayMax: 5_000,
    auth: (give) => {
      void accessToken().then((token) => {
        shownToken = token;
        give({ token });
      });
    },
  });
  socket = opened;
  opened.on("connect", () => {
    become("live");
    const topics = [...listeners.keys()];
    if (topics.length) opened.emit("subscribe", { topics });
  });
  opened.on("disconnect", (why) => {
    if (socket !== opened) return;
    become("lost");
    // Told to go: the official client then does not come back by itself.
    if (why === "io server disconnect") comeBack(opened);
  });
  opened.on("connect_error", () => {
    if (socket !== opened) return;
    become("lost");
    // Refused rather than not reached: with another token, perhaps.
    if (!opened.active) comeBack(opened, shownToken);
  });
  opened.on("snapshot", (snapshot: Snapshot<unknown>) => {
    for (const listener of listeners.get(snapshot.topic) ?? []) listener("snapshot", snapshot);
  });
  for (const event of [...new Set([...Object.values(EVENTS).flat(), ...OF_ONE_DEVICE])]) {
    opened.on(event, (data: unknown) => tell(event, data));
  }
}

function comeBack(opened: Socket, refusedToken = ""): void {
  window.clearTimeout(retry);
  retry = window.setTimeout(
    async () => {
      if (refusedToken) await refreshed(refusedToken);
      if (socket === opened && standing.value === "signed_in") opened.connect();
    },
    500 + Math.random() * 1_000,
  );
}

function disconnect(): void {
  window.clearTimeout(retry);
  const closing = socket;
  socket = undefined;
  closing?.disconnect();
  line.value = { state: "connecting", since: Date.now() };
}

onRenewed((token) => {
  if (socket?.connected) socket.emit("authenticate", { token });
});

standing.subscribe((now) => {
  if (now === "signed_in") connect();
  else disconnect();
});

// A laptop that wakes up, a network that is back: no need to wait for the next try.
window.addEventListener("online", () => {
  if (socket && !socket.connected && standing.value === "signed_in") socket.connect();
});
