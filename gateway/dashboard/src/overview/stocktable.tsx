// Stock by type and location.

import { useState } from "preact/hooks";
import { count } from "../core/format";
import type { Asked } from "../core/query";
import { href } from "../core/router";
import type { StockLevel } from "../core/types";
import { Scroll } from "../ui/scroll";
import { Empty, Failed, Loading } from "../ui/states";
import { byType, total } from "./stock";

const SHOWN = 6;

export function StockTable({ stock }: { stock: Asked<StockLevel[]> }) {
  return (
    <section class="card" aria-labelledby="stock">
      <div class="card-head">
        <h2 id="stock">Stock by type and location</h2>
      </div>
      {stock.data?.length ? (
        <Scroll label="Stock">
          <table class="table dense">
            <thead>
              <tr>
                <th>Type, location</th>
                <th class="number">In stock</th>
                <th class="number">Reserved</th>
                <th class="number">Maintenance</th>
                <th class="number">Deployed</th>
                <th class="number">Minimum</th>
              </tr>
            </thead>
            {byType(stock.data).map(([type, levels]) => (
              <TypeRows key={type} type={type} levels={levels} />
            ))}
          </table>
        </Scroll>
      ) : stock.error && !stock.data ? (
        <Failed error={stock.error} again={stock.again} />
      ) : stock.data ? (
        <Empty title="Nothing is registered yet.">
          Register the first device under <a href={href("/devices")}>Devices</a>.
        </Empty>
      ) : (
        <Loading lines={6} />
      )}
    </section>
  );
}

function TypeRows({ type, levels }: { type: string; levels: StockLevel[] }) {
  const [whole, setWhole] = useState(false);
  const there = levels.filter(
    (level) => level.in_stock + level.reserved + level.deployed + level.maintenance || level.minimum,
  );
  const sum = total(there);
  // A line that says there is one more takes as much room as that one.
  const some = there.length <= SHOWN + 1 ? there.length : SHOWN;
  const rows = whole ? there : there.slice(0, some);
  return (
    <tbody>
      <tr class="group">
        <th scope="rowgroup">
          <a href={href("/devices", { type })}>{type}</a>
        </th>
        <Cells level={sum} />
        <td />
      </tr>
      {rows.map((level) => (
        <tr key={level.location} class={level.low ? "low" : ""}>
          <td class="indented">
            <a class="plain" href={href("/devices", { type, location: level.location })}>
              {level.location || <span class="quiet">No location</span>}
            </a>
          </td>
          <Cells level={level} />
          <td class="number">
            {level.minimum ? (
              <>
                {level.low ? <span class="flag">Low</span> : null} {count(level.minimum)}
              </>
            ) : (
              ""
            )}
          </td>
        </tr>
      ))}
      {there.length > some ? (
        <tr>
          <td class="indented" colSpan={6}>
            <button type="button" class="link" onClick={() => setWhole(!whole)}>
              {whole ? "Show fewer" : `${count(there.length - some)} more locations`}
            </button>
          </td>
        </tr>
      ) : null}
    </tbody>
  );
}

function Cells({ level }: { level: Pick<StockLevel, "in_stock" | "reserved" | "maintenance" | "deployed"> }) {
  return (
    <>
      {([level.in_stock, level.reserved, level.maintenance, level.deployed] as const).map((value, place) => (
        <td key={place} class={value ? "number" : "number zero"}>
          {count(value)}
        </td>
      ))}
    </>
  );
}
