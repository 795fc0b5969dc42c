// Numbers and times as people read them.

import { signal } from "@preact/signals";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export const count = (value: number) => whole.format(value);

/** A measured value: four significant digits are what a sensor has. */
export function value(given: number): string {
  if (!Number.isFinite(given)) return "–";
  const size = Math.abs(given);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return given.toExponential(2);
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 1 : 2;
  return new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(given);
}

/** The present second; what shows an age follows it. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);

/** "4 s", "12 min", "3 h", "5 d": how long ago, or how long. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h`;
  return `${Math.floor(hours / 24)} d`;
}

const dated = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const longDated = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "full",
  timeStyle: "long",
});
const dayOnly = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

export const moment = (iso: string | number) => dated.format(new Date(iso));
export const exactly = (iso: string | number) => longDated.format(new Date(iso));
export const day = (iso: string) => (iso ? dayOnly.format(new Date(`${iso}T00:00:00Z`)) : "–");

const WORDS: Record<string, string> = {
  in_stock: "In stock",
  reserved: "Reserved",
  deployed: "Deployed",
  maintenance: "Maintenance",
  retired: "Retired",
  cpu: "CPU",
};

/** "in_stock" → "In stock"; what has no words of its own gets its own spelling with blanks. */
export function words(name: string): string {
  const known = WORDS[name];
  if (known) return known;
  const spaced = name.replaceAll("_", " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
