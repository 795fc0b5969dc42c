// Stock as it is now: asked for, and asked for again when a device changes.

import { useEffect } from "preact/hooks";
import { all } from "../core/api";
import { follow } from "../core/live";
import { type Asked, useAsked, useDebounced } from "../core/query";
import type { StockLevel } from "../core/types";

const SETTLED_MS = 800;

export type Counts = Pick<StockLevel, "in_stock" | "reserved" | "deployed" | "maintenance">;

export function useStock(): Asked<StockLevel[]> {
  const asked = useAsked("stock", () => all<StockLevel>("/devices/stock", "levels"));
  const again = useDebounced(asked.again, SETTLED_MS);
  // A snapshot, too: it comes after a lost connection, when anything may have happened.
  useEffect(() => follow("devices", again), [again]);
  return asked;
}

export function total(levels: Counts[]): Counts {
  const sum = { in_stock: 0, reserved: 0, deployed: 0, maintenance: 0 };
  for (const level of levels) {
    sum.in_stock += level.in_stock;
    sum.reserved += level.reserved;
    sum.deployed += level.deployed;
    sum.maintenance += level.maintenance;
  }
  return sum;
}

/** By type, the types in order of their names; within one, what is low first, then what there is most of. */
export function byType(levels: StockLevel[]): [string, StockLevel[]][] {
  const types = new Map<string, StockLevel[]>();
  for (const level of levels) {
    const those = types.get(level.type);
    if (those) those.push(level);
    else types.set(level.type, [level]);
  }
  const size = (level: StockLevel) => level.in_stock + level.reserved + level.maintenance;
  for (const those of types.values()) {
    those.sort(
      (one, other) =>
        Number(other.low) - Number(one.low) ||
        size(other) - size(one) ||
        other.deployed - one.deployed ||
        one.location.localeCompare(other.location),
    );
  }
  return [...types].sort(([one], [other]) => one.localeCompare(other));
}
