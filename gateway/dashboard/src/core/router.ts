// What is shown is in the address: path and query. Back and forward work, and an address can be sent to a colleague.

import { computed, signal } from "@preact/signals";

export const address = signal(location.pathname + location.search);

const parsed = computed(() => new URL(address.value, location.origin));
/** Without /app: "/", "/devices", "/devices/7", "/alerts", "/rules". */
export const path = computed(() => parsed.value.pathname.replace(/^\/app(?=\/|$)/, "").replace(/(?<=.)\/$/, "") || "/");
export const query = computed(() => parsed.value.searchParams);

export function href(to: string, params: Record<string, string | undefined> = {}): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value) given.set(name, value);
  const text = given.toString();
  return (to === "/" ? "/" : `/app${to}`) + (text ? `?${text}` : "");
}

export function go(to: string, { replace = false } = {}): void {
  if (to === address.value) return;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  const before = path.value;
  address.value = to;
  if (path.value !== before) window.scrollTo(0, 0);
}

/** Changes some of the query; empty values are left out. */
export function setQuery(changes: Record<string, string | undefined>, { replace = false } = {}): void {
  const next: Record<string, string | undefined> = Object.fromEntries(query.value);
  Object.assign(next, changes);
  go(href(path.value, next), { replace });
}

window.addEventListener("popstate", () => {
  address.value = location.pathname + location.search;
});

// Links within the page, unless they are meant for another tab.
document.addEventListener("click", (event) => {
  const link = (event.target as Element).closest?.("a[href]");
  if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || !(url.pathname === "/" || /^\/app(\/|$)/.test(url.pathname))) return;
  event.preventDefault();
  go(url.pathname + url.search);
});
