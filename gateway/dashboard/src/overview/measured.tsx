// What the fleet measured in the last hour.

import { stats } from "../core/alerts";
import { count, value, words } from "../core/format";
import { Scroll } from "../ui/scroll";
import { Empty, Loading } from "../ui/states";

export function Measured() {
  const told = stats.value;
  const metrics = Object.entries(told?.metrics ?? {}).sort(([one], [other]) => one.localeCompare(other));
  return (
    <section class="card" aria-labelledby="measured">
      <div class="card-head">
        <h2 id="measured">Measured in the last hour</h2>
      </div>
      {metrics.length ? (
        <Scroll label="What was measured">
          <table class="table dense">
            <thead>
              <tr>
                <th>Metric</th>
                <th class="number">Least</th>
                <th class="number">Mean</th>
                <th class="number">Most</th>
                <th class="number">Values</th>
              </tr>
            </thead>
            <tbody>
              {metrics.map(([name, metric]) => (
                <tr key={name}>
                  <td>{words(name)}</td>
                  <td class="number">{value(metric.min)}</td>
                  <td class="number">{value(metric.avg)}</td>
                  <td class="number">{value(metric.max)}</td>
                  <td class="number">{count(Number(metric.count))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      ) : told ? (
        <Empty icon="devices" title="No readings in the last hour." />
      ) : (
        <Loading />
      )}
    </section>
  );
}
