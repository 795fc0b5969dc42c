// What the table is asked: it is all in the address, the page included.

import { computed, effect, signal } from "@preact/signals";
import { address, href, path, query, setQuery } from "../core/router";

export const FILTERS = ["q", "status", "type", "location", "online", "severity"] as const;
export type Question = Record<(typeof FILTERS)[number] | "order_by", string>;

/** Who was registered last comes first. */
const DEFAULT_ORDER = "-id";

export const question = computed<Question>(() => {
  const given = (name: string) => query.value.get(name) ?? "";
  return {
    q: given("q"),
    status: given("status"),
    type: given("type"),
    location: given("location"),
    online: given("online"),
    severity: given("severity"),
    order_by: given("order_by") || DEFAULT_ORDER,
  };
});

/** `after`: the token of the page; empty: the first one. */
export const place = computed(() => ({
  after: query.value.get("after") ?? "",
  page: Math.max(1, Math.trunc(Number(query.value.get("page"))) || 1),
}));

export const filtered = computed(() => FILTERS.filter((name) => question.value[name]).length);

/** Where the table was left: the way back from a device. */
export const left = signal(href("/devices"));
effect(() => {
  if (path.value === "/devices") left.value = address.value;
});

/** Another question begins at its first page. While somebody types, `replace`: a letter is no step back. */
export function ask(changes: Partial<Question>, { replace = false } = {}): void {
  const order = changes.order_by === DEFAULT_ORDER ? { order_by: "" } : {};
  setQuery({ ...changes, ...order, after: "", page: "" }, { replace });
}

export function clearFilters(): void {
  ask(Object.fromEntries(FILTERS.map((name) => [name, ""])));
}

// A token leads forward only: what led to the pages before is remembered, for as long as the question is the same.
let trail: { of: string; tokens: string[] } = { of: "", tokens: [] };

/** The tokens of the pages by their numbers, from 1. */
function tokens(): string[] {
  const of = JSON.stringify(question.value);
  if (trail.of !== of) trail = { of, tokens: [] };
  trail.tokens[place.value.page] = place.value.after;
  return trail.tokens;
}

export function toNext(token: string): void {
  const page = place.value.page + 1;
  tokens()[page] = token;
  show(token, page);
}

/** To the page before; to the first one where the address was opened in the middle. */
export function toPrevious(): void {
  const page = place.value.page - 1;
  const token = tokens()[page];
  if (token && page > 1) show(token, page);
  else toFirst();
}

function show(token: string, page: number): void {
  setQuery({ after: token, page: String(page) });
  window.scrollTo(0, 0);
}

export function toFirst({ replace = false } = {}): void {
  setQuery({ after: "", page: "" }, { replace });
  window.scrollTo(0, 0);
}
