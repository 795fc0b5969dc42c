// The fleet as a list.

import { useEffect, useState } from "preact/hooks";
import { count } from "../core/format";
import { mayAct } from "../core/session";
import { Title } from "../shell";
import "../style/devices.css";
import { Icon } from "../ui/icon";
import { Empty, Failed, Loading } from "../ui/states";
import { BulkBar } from "./bulkbar";
import { Filters } from "./filters";
import { clearFilters, filtered, place, toFirst, toNext, toPrevious } from "./question";
import { RegisterDialog } from "./register";
import { PAGE_SIZE, useRows } from "./rows";
import { chooseNone, refreshChosen } from "./selection";
import { DeviceTable } from "./table";

export function Devices() {
  const { asked, take } = useRows();
  const [registering, setRegistering] = useState(false);
  useEffect(() => chooseNone, []);
  const { data, error } = asked;
  return (
    <>
      <Title>Devices</Title>
      <div class="page-head">
        <h1>Devices</h1>
        {mayAct.value ? (
          <button type="button" class="button primary" onClick={() => setRegistering(true)}>
            <Icon name="plus" />
            Register
          </button>
        ) : null}
      </div>
      <Filters />
      {error && data ? <Failed error={error} again={asked.again} /> : null}
      <section class="card" aria-label="Devices">
        {data?.devices.length ? (
          <DeviceTable rows={data.devices} busy={!asked.current} />
        ) : error && !data ? (
          <Failed error={error} again={asked.again} />
        ) : !data || (asked.loading && !asked.current) ? (
          <Loading lines={12} />
        ) : filtered.value ? (
          <Empty icon="search" title="No device is like that.">
            <button type="button" class="link" onClick={clearFilters}>
              Clear filters
            </button>
          </Empty>
        ) : place.value.page > 1 ? (
          <Empty title="There are no more devices." />
        ) : (
          <Empty icon="devices" title="Nothing is registered yet.">
            {mayAct.value ? (
              <button type="button" class="link" onClick={() => setRegistering(true)}>
                Register the first device
              </button>
            ) : null}
          </Empty>
        )}
      </section>
      {data ? <Pager shown={data.devices.length} next={asked.current ? data.next_page_token : ""} /> : null}
      <BulkBar
        rows={data?.devices ?? []}
        more={Boolean(data?.next_page_token) || place.value.page > 1}
        onDone={(devices) => {
          take(devices);
          refreshChosen(devices);
          asked.again();
        }}
      />
      {registering ? <RegisterDialog onDone={() => asked.again()} onClose={() => setRegistering(false)} /> : null}
    </>
  );
}

function Pager({ shown, next }: { shown: number; next: string }) {
  const { page } = place.value;
  if (page === 1 && !next && shown < PAGE_SIZE) return <p class="pager quiet">{said(page, shown)}</p>;
  return (
    <nav class="pager" aria-label="Pages">
      <span class="quiet" aria-live="polite">
        {said(page, shown)}
      </span>
      {page > 2 ? (
        <button type="button" class="button" onClick={() => toFirst()}>
          First
        </button>
      ) : null}
      <button type="button" class="button" disabled={page === 1} onClick={toPrevious}>
        <Icon name="left" />
        Previous
      </button>
      <button type="button" class="button" disabled={!next} onClick={() => toNext(next)}>
        Next
        <Icon name="right" />
      </button>
    </nav>
  );
}

function said(page: number, shown: number): string {
  if (!shown) return page > 1 ? `Page ${count(page)}` : "";
  const first = (page - 1) * PAGE_SIZE;
  if (page === 1 && shown < PAGE_SIZE) return `${count(shown)} ${shown === 1 ? "device" : "devices"}`;
  return `${count(first + 1)} – ${count(first + shown)}`;
}
