// A device's history, newest first.

import { useMemo, useState } from "preact/hooks";
import { get } from "../core/api";
import { exactly, moment, words } from "../core/format";
import { useAsked } from "../core/query";
import type { DeviceLog } from "../core/types";
import { Failed, Loading } from "../ui/states";

const PAGE_SIZE = 20;

interface Page {
  logs: DeviceLog[];
  next_page_token: string;
}

/** `told`: lines that came since the page was opened. */
export function Log({ id, told }: { id: number; told: DeviceLog[] }) {
  const path = `/devices/${id}/logs`;
  const newest = useAsked(`logs:${id}`, (signal) => get<Page>(path, { page_size: PAGE_SIZE }, signal));
  const [older, setOlder] = useState<Page>();
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const next = older ? older.next_page_token : newest.data?.next_page_token;
  const logs = useMemo(() => {
    const known = new Map<number, DeviceLog>();
    for (const log of [...told, ...(newest.data?.logs ?? []), ...(older?.logs ?? [])]) known.set(log.id, log);
    return [...known.values()].sort((one, other) => other.id - one.id);
  }, [told, newest.data, older]);
  const more = async () => {
    setBusy(true);
    try {
      const page = await get<Page>(path, { page_size: PAGE_SIZE, page_token: next });
      setOlder({ ...page, logs: [...(older?.logs ?? []), ...page.logs] });
      setProblem(undefined);
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };
  const failed = newest.error ?? problem;
  return (
    <section class="card" aria-labelledby="log">
      <div class="card-head">
        <h2 id="log">Log</h2>
      </div>
      {failed ? <Failed error={failed} again={newest.error ? newest.again : more} /> : null}
      {logs.length ? (
        <ol class="lines log">
          {logs.map((log) => (
            <Line key={log.id} log={log} />
          ))}
        </ol>
      ) : newest.error ? null : (
        <Loading />
      )}
      {next ? (
        <div class="card-foot">
          <button type="button" class="button small" onClick={more} disabled={busy}>
            {busy ? "Loading …" : "Show older"}
          </button>
        </div>
      ) : null}
    </section>
  );
}

function Line({ log }: { log: DeviceLog }) {
  return (
    <li class="log-line">
      <span class={`log-mark fill-${log.new_status}`} aria-hidden="true" />
      <div class="line-body">
        <span>
          <b>{words(log.action)}</b>
          <span class="quiet"> by {log.performed_by_name || "the system"}</span>
        </span>
        {log.notes ? <span class="log-notes">{log.notes}</span> : null}
      </div>
      <time class="quiet nowrap" dateTime={log.created_at} title={exactly(log.created_at)}>
        {moment(log.created_at)}
      </time>
    </li>
  );
}
