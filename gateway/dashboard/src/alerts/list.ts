// The alerts that fit the filters, newest first: asked for page by page, and kept as they are by what is told live.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { isNewer } from "../core/alerts";
import { get, inWords } from "../core/api";
import { follow, reconnections } from "../core/live";
import { type Asked, useAsked } from "../core/query";
import type { Alert } from "../core/types";
import { say } from "../ui/toast";
import { fits, type Wanted } from "./wanted";

const PAGE = 50;
const AT_MOST = 500;

export interface Page {
  alerts: Alert[];
  next_page_token: string;
}

export interface Listed extends Asked<Page> {
  /** Shows as many again; nothing to call while there are no more. */
  more: (() => void) | undefined;
  busy: boolean;
  /** Those that came while the list was looked at. */
  fresh: ReadonlySet<string>;
  /** What is known of an alert now. */
  take: (alert: Alert) => void;
}

export function useAlerts(wanted: Wanted): Listed {
  const key = JSON.stringify(wanted);
  const shown = useRef(PAGE);
  const fresh = useRef(new Set<string>());
  // Told while an answer was under way, which may be of before.
  const told = useRef<Alert[]>([]);
  const [busy, setBusy] = useState(false);

  const ask = (size: number, token: string, signal?: AbortSignal) =>
    get<Page>("/monitoring/alerts", { ...asQuery(wanted), page_size: size, page_token: token }, signal);
  const asked = useAsked(key, async (signal) => {
    told.current = [];
    // After a lost connection as many as there were.
    const page = await ask(Math.min(shown.current, AT_MOST), "", signal);
    return told.current.reduce((so, alert) => merged(so, alert, wanted), page);
  });

  useEffect(() => {
    shown.current = PAGE;
    fresh.current = new Set();
    const reconnected = reconnections();
    return follow("alerts", (event, data) => {
      if (event === "snapshot") {
        if (reconnected()) asked.again();
        return;
      }
      const alert = data as Alert;
      told.current.push(alert);
      if (alert.version === 1) fresh.current.add(alert.id);
      asked.change((page) => merged(page, alert, wanted));
    });
  }, [key]);

  const take = useCallback((alert: Alert) => asked.change((page) => merged(page, alert, wanted)), [key]);
  const token = asked.data?.next_page_token;
  const more = async () => {
    setBusy(true);
    try {
      const next = await ask(PAGE, token ?? "");
      shown.current += PAGE;
      asked.change((page) => ({ ...next, alerts: [...page.alerts, ...unseen(next.alerts, page.alerts)] }));
    } catch (error) {
      say(inWords(error), true);
    } finally {
      setBusy(false);
    }
  };
  return { ...asked, more: token ? more : undefined, busy, fresh: fresh.current, take };
}

function asQuery({ state, severity, device_id, rule_id }: Wanted) {
  return { state, severity, rule_id, ...(device_id ? { device_id } : {}) };
}

function unseen(next: Alert[], seen: Alert[]): Alert[] {
  const ids = new Set(seen.map((alert) => alert.id));
  return next.filter((alert) => !ids.has(alert.id));
}

/** The page with what is now known of an alert; the same page when that is nothing new. */
export function merged(page: Page, alert: Alert, wanted: Wanted): Page {
  const place = page.alerts.findIndex((one) => one.id === alert.id);
  const before = page.alerts[place];
  if (!isNewer(alert, before)) return page;
  const others = page.alerts.filter((one) => one !== before);
  if (!fits(alert, wanted)) return before ? { ...page, alerts: others } : page;
  const at = others.findIndex((one) => isBefore(alert, one));
  // Older than all that are shown: it will come with its page.
  if (at < 0 && !before && page.next_page_token) return page;
  others.splice(at < 0 ? others.length : at, 0, alert);
  return { ...page, alerts: others };
}

function isBefore(one: Alert, other: Alert): boolean {
  const [first, second] = [Date.parse(one.opened_at), Date.parse(other.opened_at)];
  return first === second ? one.id > other.id : first > second;
}
