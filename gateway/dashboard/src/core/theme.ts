// Dark, light, or as the machine has it.

import { signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";

const KEY = "fieldstock.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

function chosen(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "auto";
}

export const theme = signal<Theme>(chosen());
/** What is shown: charts are drawn anew when it changes. */
export const shown = signal<"light" | "dark">("light");

function apply(): void {
  shown.value = theme.value === "auto" ? (dark.matches ? "dark" : "light") : theme.value;
  document.documentElement.dataset.theme = shown.value;
}

theme.subscribe((now) => {
  if (now === "auto") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, now);
  apply();
});
dark.addEventListener("change", apply);

export function nextTheme(): void {
  const order: Theme[] = ["auto", "light", "dark"];
  theme.value = order[(order.indexOf(theme.value) + 1) % order.length] ?? "auto";
}
