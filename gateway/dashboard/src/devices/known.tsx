// Types and places that there are, to choose from. Asked for once a minute at most, when somebody is about to choose.

import { type Signal, signal } from "@preact/signals";
import { useEffect, useId } from "preact/hooks";
import { all } from "../core/api";
import type { DeviceType, StockLevel } from "../core/types";

const FRESH_MS = 60_000;
/** 2,000 places are as many as anybody scrolls through; more can be typed. */
const PAGES = 4;

interface Known<T> {
  there: Signal<T[]>;
  asked: number;
  ask: () => Promise<T[]>;
}

const types: Known<DeviceType> = {
  there: signal([]),
  asked: 0,
  ask: () => all<DeviceType>("/devices/types", "types", {}, PAGES),
};

const places: Known<string> = {
  there: signal([]),
  asked: 0,
  ask: async () => {
    const levels = await all<StockLevel>("/devices/stock", "levels", {}, PAGES);
    return [...new Set(levels.map((level) => level.location))].filter(Boolean).sort((a, b) => a.localeCompare(b));
  },
};

function useKnown<T>(known: Known<T>, wanted = true): T[] {
  useEffect(() => {
    if (!wanted || Date.now() - known.asked < FRESH_MS) return;
    known.asked = Date.now();
    known.ask().then(
      (there) => {
        known.there.value = there;
      },
      // Whoever wants one can type it; the next one who looks asks again.
      () => {
        known.asked = 0;
      },
    );
  }, [known, wanted]);
  return known.there.value;
}

export const useTypes = () => useKnown(types);
export const usePlaces = (wanted = true) => useKnown(places, wanted);

/** A list for an input's `list`, and its id. */
export function useSuggestions(values: string[]) {
  const id = useId();
  return {
    id,
    list: (
      <datalist id={id}>
        {values.map((value) => (
          <option key={value} value={value} />
        ))}
      </datalist>
    ),
  };
}
