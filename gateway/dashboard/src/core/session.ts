// Who is signed in. All tabs share one session: a refresh token that is used twice revokes the whole family, so only one
// tab at a time may use it, and the others take over what it got.

import { computed, signal } from "@preact/signals";
import { alone } from "./alone";
import type { Role, User } from "./types";

interface Tokens {
  access: string;
  refresh: string;
  /** Milliseconds since 1970, by this machine's clock. */
  expires: number;
}

const KEY = "fieldstock.session";
const REFRESH_BEFORE_MS = 60_000;
const RETRY_MS = 5_000;

export type Standing = "starting" | "signed_out" | "signed_in";

export const user = signal<User | null>(null);
export const standing = signal<Standing>("starting");
/** Why nobody is signed in any more; empty when that was wished for. */
export const farewell = signal("");

const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };
export const mayAct = computed(() => (user.value ? RANK[user.value.role] >= 1 : false));
export const mayAdminister = computed(() => user.value?.role === "admin");

let tokens: Tokens | null = stored();
let timer: number | undefined;
const renewed = new Set<(access: string) => void>();

/** Called with each fresh access token. */
export function onRenewed(listener: (access: string) => void): void {
  renewed.add(listener);
}

function stored(): Tokens | null {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null") as Tokens | null;
  } catch {
    return null;
  }
}

function keep(next: Tokens | null): void {
  if (next) localStorage.setItem(KEY, JSON.stringify(next));
  else localStorage.removeItem(KEY);
  adopt(next);
}

function adopt(next: Tokens | null): void {
  const before = tokens;
  tokens = next;
  window.clearTimeout(timer);
  if (!next) return;
  timer = window.setTimeout(refreshInTime, Math.max(0, next.expires - REFRESH_BEFORE_MS - Date.now()));
  if (next.access !== before?.access) for (const tell of renewed) tell(next.access);
}

async function refreshInTime(): Promise<void> {
  if (!(await refreshed(tokens?.access ?? "")) && tokens) {
    timer = window.setTimeout(refreshInTime, RETRY_MS);
  }
}

async function post(path: string, body: unknown): Promise<Response> {
  return fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

function fromAnswer(answer: { access_token: string; refresh_token: string; expires_in: number }): Tokens {
  return {
    access: answer.access_token,
    refresh: answer.refresh_token,
    expires: Date.now() + answer.expires_in * 1000,
  };
}

/** The access token to ask with; refreshed first when its time is over. Empty when nobody is signed in. */
export async function accessToken(): Promise<string> {
  if (tokens && tokens.expires - Date.now() < 5_000) await refreshed(tokens.access);
  return tokens?.access ?? "";
}

/** A token other than `refusedOne`; false when there is none to be had now. Signs out when the session is over. */
export async function refreshed(refusedOne: string): Promise<boolean> {
  return alone("fieldstock.refresh", async () => {
    const shared = stored();
    if (!shared) {
      if (tokens) end("You signed out in another tab.");
      return false;
    }
    if (shared.access !== refusedOne && shared.expires > Date.now()) {
      adopt(shared);
      return true;
    }
    let response: Response;
    try {
      response = await post("/auth/refresh", { refresh_token: shared.refresh });
    } catch {
      return false;
    }
    if (response.status === 401) {
      end("Your session has ended. Sign in again to go on where you were.");
      return false;
    }
    if (!response.ok) return false;
    keep(fromAnswer(await response.json()));
    return true;
  });
}

function end(why: string): void {
  keep(null);
  user.value = null;
  farewell.value = why;
  standing.value = "signed_out";
}

/** Returns why it was refused; empty when it was not. */
export async function signIn(username: string, password: string): Promise<string> {
  let response: Response;
  try {
    response = await post("/auth/login", { username, password });
  } catch {
    return "Fieldstock cannot be reached. Is the network up?";
  }
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) return "The username or the password is not right.";
  if (!response.ok) return answer.message || `Fieldstock answered ${response.status}.`;
  keep(fromAnswer(answer));
  await begin();
  return "";
}

export async function signOut(): Promise<void> {
  const refresh = tokens?.refresh;
  end("");
  // Also without an answer nobody is signed in here any more; the family then ends with its time.
  if (refresh) await post("/auth/logout", { refresh_token: refresh }).catch(() => undefined);
}

let trying: number | undefined;

/** Finds out who the stored session belongs to. */
export async function begin(): Promise<void> {
  window.clearTimeout(trying);
  if (!tokens) {
    standing.value = "signed_out";
    return;
  }
  adopt(tokens);
  try {
    let response = await me();
    if (response.status === 401 && (await refreshed(tokens.access))) response = await me();
    if (response.ok) {
      user.value = (await response.json()) as User;
      farewell.value = "";
      standing.value = "signed_in";
      return;
    }
    if (response.status === 401 || response.status === 403) {
      if (tokens) end("Your session has ended. Sign in again to go on where you were.");
      return;
    }
  } catch {
    // Nobody could be asked: tried again below.
  }
  if (tokens) trying = window.setTimeout(begin, RETRY_MS);
}

async function me(): Promise<Response> {
  return fetch("/auth/me", { headers: { authorization: `Bearer ${await accessToken()}` } });
}

window.addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  const shared = stored();
  if (!shared) {
    if (tokens) end("You signed out in another tab.");
    return;
  }
  const wasOut = standing.value !== "signed_in";
  adopt(shared);
  if (wasOut) void begin();
});
