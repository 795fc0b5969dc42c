// Which devices the table shows.

import { useEffect, useRef, useState } from "preact/hooks";
import { words } from "../core/format";
import { useDebounced } from "../core/query";
import type { Severity, Status } from "../core/types";
import { Icon } from "../ui/icon";
import { usePlaces, useSuggestions, useTypes } from "./known";
import { ask, clearFilters, filtered, question } from "./question";

const TYPED_MS = 250;
const STATUSES: Status[] = ["in_stock", "reserved", "deployed", "maintenance", "retired"];
const SEVERITIES: Severity[] = ["info", "warning", "critical"];

const ORDERS: [string, string][] = [
  ["-id", "Newest first"],
  ["id", "Oldest first"],
  ["name", "Name"],
  ["-last_seen", "Seen last"],
  ["last_seen", "Silent longest"],
  ["-severity", "Worst alerts"],
];

export function Filters() {
  const [open, setOpen] = useState(false);
  const asked = question.value;
  const [choosing, setChoosing] = useState(false);
  const places = useSuggestions(usePlaces(choosing));
  const types = useTypes().map((type) => type.type);
  // One of the address may be of no type that there is.
  const known = asked.type && !types.includes(asked.type) ? [asked.type, ...types] : types;
  return (
    <search class={open ? "filters open" : "filters"}>
      <Typed class="filter-q" label="Search" name="q" placeholder="Name or serial number" icon />
      <button
        type="button"
        class="button filters-toggle"
        aria-expanded={open}
        aria-controls="more-filters"
        onClick={() => setOpen(!open)}
      >
        Filters{filtered.value ? ` · ${filtered.value}` : ""}
      </button>
      <div class="filters-more" id="more-filters">
        <Choice label="Status" name="status" any="Any status" of={STATUSES.map((one) => [one, words(one)])} />
        <Choice label="Type" name="type" any="Any type" of={known.map((one) => [one, one])} />
        <Typed
          label="Location"
          name="location"
          list={places.id}
          placeholder="Location, or Factory A/*"
          onFocus={() => setChoosing(true)}
        />
        {places.list}
        <Choice
          label="Presence"
          name="online"
          any="Online or not"
          of={[
            ["true", "Online"],
            ["false", "Not online"],
          ]}
        />
        <Choice
          label="Alerts"
          name="severity"
          any="With or without alerts"
          of={SEVERITIES.map((one) => [one, one === "critical" ? "Critical" : `${words(one)} or worse`])}
        />
        <label class="order-choice">
          <span class="visually-hidden">Order</span>
          <select
            class="select"
            value={asked.order_by}
            onChange={(event) => ask({ order_by: event.currentTarget.value })}
          >
            {ORDERS.some(([order]) => order === asked.order_by) ? null : (
              <option value={asked.order_by}>{asked.order_by}</option>
            )}
            {ORDERS.map(([order, said]) => (
              <option key={order} value={order}>
                {said}
              </option>
            ))}
          </select>
        </label>
        {filtered.value ? (
          <button type="button" class="link clear-filters" onClick={clearFilters}>
            Clear filters
          </button>
        ) : null}
      </div>
    </search>
  );
}

interface Chosen {
  label: string;
  name: "status" | "type" | "online" | "severity";
  any: string;
  of: [string, string][];
}

function Choice({ label, name, any, of }: Chosen) {
  const value = question.value[name];
  return (
    <select
      class={value ? "select chosen" : "select"}
      aria-label={label}
      value={value}
      onChange={(event) => ask({ [name]: event.currentTarget.value })}
    >
      <option value="">{any}</option>
      {of.map(([one, said]) => (
        <option key={one} value={one}>
          {said}
        </option>
      ))}
    </select>
  );
}

interface Writing {
  label: string;
  name: "q" | "location";
  class?: string;
  list?: string;
  placeholder?: string;
  icon?: boolean;
  onFocus?: () => void;
}

function Typed({ label, name, list, icon = false, placeholder = label, class: kind = "", onFocus }: Writing) {
  const value = question.value[name];
  const input = useRef<HTMLInputElement>(null);
  const tell = useDebounced((text: string) => {
    if (text !== question.value[name]) ask({ [name]: text }, { replace: true });
  }, TYPED_MS);
  // Back, forward and "clear" change what is asked; what somebody is typing stays as they type it.
  useEffect(() => {
    if (input.current && input.current.value.trim() !== value) input.current.value = value;
  }, [value]);
  return (
    <div class={`typed ${kind}`}>
      {icon ? <Icon name="search" /> : null}
      <input
        ref={input}
        type="search"
        class={value && name !== "q" ? "input chosen" : "input"}
        aria-label={label}
        placeholder={placeholder}
        defaultValue={value}
        list={list}
        maxLength={102}
        autocomplete="off"
        spellcheck={false}
        onFocus={onFocus}
        onInput={(event) => tell(event.currentTarget.value.trim())}
      />
    </div>
  );
}
