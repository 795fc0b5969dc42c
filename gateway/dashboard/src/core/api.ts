// REST, with the session's token.

import { accessToken, refreshed } from "./session";

/** What the server refused, in its own words; `reason` is stable. */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;
  /** Which fields were bad, and why. */
  readonly fields: Record<string, string>;

  constructor(status: number, message: string, reason = "", fields: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.fields = fields;
  }
}

export type Query = Record<string, string | number | boolean | string[] | undefined>;

export function withQuery(path: string, query: Query): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const each of value) given.append(name, each);
    else if (value !== undefined && value !== "") given.set(name, String(value));
  }
  const text = given.toString();
  return text ? `${path}?${text}` : path;
}

async function send(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const token = await accessToken();
  const ask = (bearer: string) =>
    fetch(path, {
      method,
      signal: signal ?? null,
      headers: {
        authorization: `Bearer ${bearer}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const response = await ask(token);
  if (response.status === 401 && (await refreshed(token))) return ask(await accessToken());
  return response;
}

interface Detail {
  "@type"?: string;
  reason?: string;
  field_violations?: { field: string; description: string }[];
  fieldViolations?: { field: string; description: string }[];
}

async function refusal(response: Response): Promise<Refusal> {
  const answer = (await response.json().catch(() => ({}))) as { message?: string; details?: Detail[] };
  const fields: Record<string, string> = {};
  let reason = "";
  for (const detail of answer.details ?? []) {
    if (detail.reason) reason = detail.reason;
    for (const bad of detail.field_violations ?? detail.fieldViolations ?? []) fields[bad.field] = bad.description;
  }
  return new Refusal(response.status, answer.message || `The server answered ${response.status}.`, reason, fields);
}

/** Raises Refusal, also when nobody answers. */
export async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await send(method, path, body, signal);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal(0, "Fieldstock cannot be reached.", "UNREACHABLE");
  }
  if (!response.ok) throw await refusal(response);
  return (await response.json()) as T;
}

export const get = <T>(path: string, query: Query = {}, signal?: AbortSignal) =>
  call<T>("GET", withQuery(path, query), undefined, signal);
export const put = <T>(path: string, body: unknown) => call<T>("PUT", path, body);
export const post = <T>(path: string, body: unknown) => call<T>("POST", path, body);
export const del = <T>(path: string, query: Query = {}) => call<T>("DELETE", withQuery(path, query));

/** All pages of a list, at most `pages` of them. */
export async function all<T>(path: string, plural: string, query: Query = {}, pages = 20): Promise<T[]> {
  const found: T[] = [];
  let token = "";
  for (let page = 0; page < pages; page++) {
    const answer = await get<Record<string, unknown>>(path, { ...query, page_size: 500, page_token: token });
    found.push(...(answer[plural] as T[]));
    token = String(answer.next_page_token ?? "");
    if (!token) break;
  }
  return found;
}

export function inWords(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
