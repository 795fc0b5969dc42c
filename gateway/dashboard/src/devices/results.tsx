// What became of each device.

import { count } from "../core/format";
import { href } from "../core/router";
import type { ActionResults } from "../core/types";
import { StatusBadge } from "../ui/badges";
import { type Action, KINDS } from "./actions";

export function Results(given: { action: Action; results: ActionResults; names: ReadonlyMap<number, string> }) {
  const { succeeded, failed, results } = given.results;
  // What needs a look first.
  const rows = [...results].sort((one, other) => Number(Boolean(other.reason)) - Number(Boolean(one.reason)));
  return (
    <>
      <p class={failed ? "note warn" : "note good"} role="status">
        {count(succeeded)} {succeeded === 1 ? "was" : "were"} {KINDS[given.action].done}
        {failed
          ? `, ${count(failed)} ${failed === 1 ? "was refused and stays" : "were refused and stay"} selected`
          : ""}
        .
      </p>
      <div class="scroll results">
        <table class="table dense">
          <caption class="visually-hidden">What became of each device</caption>
          <thead>
            <tr>
              <th>Device</th>
              <th>Result</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ id, device, reason, message }) => (
              <tr key={id} data-device={id}>
                <th scope="row">
                  <a href={href(`/devices/${id}`)}>{device?.name ?? given.names.get(id) ?? `Device ${id}`}</a>
                </th>
                <td>
                  {reason ? (
                    <span class="refusal" data-reason={reason}>
                      {message}
                    </span>
                  ) : device ? (
                    <>
                      <StatusBadge status={device.status} /> <span class="quiet">{device.location}</span>
                    </>
                  ) : null}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
