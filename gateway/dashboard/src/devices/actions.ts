// What can be done to a device, and by whom. The server decides; here is what is worth offering.

import { call, del, post, put } from "../core/api";
import { mayAct, mayAdminister } from "../core/session";
import type { ActionResults, Device, Status } from "../core/types";

export type Action = "deploy" | "reserve" | "recall" | "relocate" | "maintenance" | "retire";

interface Kind {
  from: Status[];
  name: string;
  /** "Deployed", as in "Pump 4 sensor was …". */
  done: string;
  /** What follows, for those who are about to do it. */
  consequence: string;
  location: "none" | "needed" | "may";
}

const EVERYWHERE: Status[] = ["in_stock", "reserved", "deployed", "maintenance"];

export const KINDS: Record<Action, Kind> = {
  deploy: {
    from: ["in_stock", "reserved", "maintenance"],
    name: "Deploy",
    done: "deployed",
    consequence: "It may connect, and its monitoring is armed.",
    location: "needed",
  },
  reserve: {
    from: ["in_stock"],
    name: "Reserve",
    done: "reserved",
    consequence: "It is set aside, until the time given or until it is released.",
    location: "none",
  },
  recall: {
    from: ["deployed", "reserved", "maintenance"],
    name: "Recall",
    done: "taken back to stock",
    consequence: "It is cut off at once, and its open alerts are closed.",
    location: "needed",
  },
  relocate: {
    from: EVERYWHERE,
    name: "Relocate",
    done: "relocated",
    consequence: "It goes on doing what it does, elsewhere.",
    location: "needed",
  },
  maintenance: {
    from: ["in_stock", "reserved", "deployed"],
    name: "Maintenance",
    done: "sent to maintenance",
    consequence: "Its readings are kept, and its alerts are muted.",
    location: "may",
  },
  retire: {
    from: EVERYWHERE,
    name: "Retire",
    done: "retired",
    consequence: "It is out of use for good, and its credential stops working.",
    location: "none",
  },
};

const ACTIONS = Object.keys(KINDS) as Action[];

/** A return is called by where from. */
export function nameOf(action: Action, status?: Status): string {
  if (action === "recall" && status === "reserved") return "Release";
  if (action === "recall" && status === "maintenance") return "Return to stock";
  return KINDS[action].name;
}

/** `what`: "Pump 4 sensor", "3 devices". */
export function titleOf(action: Action, what: string, status?: Status): string {
  if (action === "maintenance") return `Send ${what} to maintenance`;
  if (action === "recall" && status === "maintenance") return `Return ${what} to stock`;
  return `${nameOf(action, status)} ${what}`;
}

const mayDo = (action: Action) => (action === "retire" ? mayAdminister.value : mayAct.value);

/** What one may do with devices of which some have one of these statuses. */
export function offered(statuses: Iterable<Status>): Action[] {
  const there = new Set(statuses);
  return ACTIONS.filter((action) => mayDo(action) && KINDS[action].from.some((status) => there.has(status)));
}

/** What an action's form was given; what is empty is not sent. */
export interface Given {
  location: string;
  for: string;
  until: string;
  override: boolean;
  notes: string;
}

function body(action: Action, given: Given): Record<string, unknown> {
  const sent: Record<string, unknown> = { notes: given.notes };
  if (KINDS[action].location !== "none") sent.location = given.location;
  if (action === "reserve" || action === "deploy") sent.for = given.for;
  if (action === "reserve" && given.until) sent.until = given.until;
  if (action === "deploy" && given.override) sent.override = true;
  return Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== ""));
}

export function actOnOne(action: Action, id: number, version: number, given: Given): Promise<Device> {
  if (action === "retire") return del<Device>(`/devices/${id}`, { notes: given.notes, version });
  return put<Device>(`/devices/${id}/${action}`, { ...body(action, given), version });
}

export function actOnMany(action: Action, ids: number[], given: Given): Promise<ActionResults> {
  return post<ActionResults>("/devices/actions", { action, ids, ...body(action, given) });
}

export const renewCredential = (id: number, version: number) =>
  call<{ serial_number: string; secret: string }>("POST", `/devices/${id}/credential`, { version });
