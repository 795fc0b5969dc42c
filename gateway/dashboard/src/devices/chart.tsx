// One metric over time.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { count, moment, value, words } from "../core/format";
import { shown } from "../core/theme";
import { Ago } from "../ui/badges";
import { type Columns, plotted, summary } from "./columns";
import { type Drawing, type Limit, optionsFor } from "./plot";

interface Props {
  metric: string;
  unit: string;
  columns: Columns | undefined;
  step: number;
  from: number;
  to: number;
  limits: Limit[];
  latest: { value: number; time: string } | undefined;
  /** Whether the newest value is how it is now. */
  fresh: boolean;
  onZoom: (from: number, to: number) => void;
  onReset: () => void;
}

const HEIGHT = 150;

export function Chart(props: Props) {
  const { metric, unit, columns, step, from, to, limits } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [point, setPoint] = useState<number | null>(null);
  const data = useMemo(() => (columns ? plotted(columns, step) : [[], [], [], []]), [columns, step]);
  const drawing = useRef<Drawing>({} as Drawing);
  drawing.current = {
    width: host.current?.clientWidth ?? 600,
    height: HEIGHT,
    from,
    to,
    limits,
    onZoom: props.onZoom,
    onReset: props.onReset,
    onPoint: setPoint,
  };

  // Colours are read when it is made.
  const theme = shown.value;
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    drawing.current.width = element.clientWidth;
    const made = new uPlot(
      optionsFor(() => drawing.current),
      data as uPlot.AlignedData,
      element,
    );
    plot.current = made;
    const resized = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width !== made.width) made.setSize({ width, height: HEIGHT });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [theme]);
  useEffect(() => {
    plot.current?.setData(data as uPlot.AlignedData);
  }, [data, from, to, limits]);

  const numbers = columns ? summary(columns, from, to) : null;
  const name = words(metric);
  const said = numbers
    ? `least ${value(numbers.least)}, mean ${value(numbers.mean)}, most ${value(numbers.most)}`
    : "nothing measured";
  return (
    <figure class="chart" aria-label={name} data-metric={metric}>
      <figcaption class="chart-head">
        <h3>{name}</h3>
        <span class={props.fresh ? "chart-now" : "chart-now old"}>
          {props.latest ? (
            <>
              <b>{value(props.latest.value)}</b> {unit}
              <span class="quiet chart-age">
                {props.fresh ? "" : "last value, "}
                <Ago time={props.latest.time} />
              </span>
            </>
          ) : (
            <span class="quiet">No value yet</span>
          )}
        </span>
        <span class="chart-said quiet">
          <Said data={data as (number | null)[][]} point={point} step={step} />
          {point === null && numbers ? (
            <>
              <span>
                least <b>{value(numbers.least)}</b>
              </span>
              <span>
                mean <b>{value(numbers.mean)}</b>
              </span>
              <span>
                most <b>{value(numbers.most)}</b>
              </span>
              <span class="chart-count">{count(numbers.values)} values</span>
            </>
          ) : null}
        </span>
      </figcaption>
      <div
        ref={host}
        class="chart-plot"
        role="img"
        aria-label={`${name}, ${moment(from * 1000)} to ${moment(to * 1000)}: ${said}${limitsSaid(limits)}`}
      />
      {numbers ? null : <p class="chart-none quiet">Nothing was measured in this time.</p>}
    </figure>
  );
}

function limitsSaid(limits: Limit[]): string {
  return limits.map((limit) => `; limit: ${limit.direction} ${value(limit.at)}, ${limit.name}`).join("");
}

/** What is under the pointer. */
function Said({ data, point, step }: { data: (number | null)[][]; point: number | null; step: number }) {
  if (point === null) return null;
  const [time, most, least, mean] = data.map((column) => column[point]);
  if (typeof time !== "number") return null;
  if (typeof mean !== "number") return <span>{moment(time * 1000)}: nothing</span>;
  return (
    <>
      <span>{moment(time * 1000)}</span>
      <span>
        <b>{value(mean)}</b>
      </span>
      {step && typeof least === "number" && typeof most === "number" && least !== most ? (
        <span>
          {value(least)} – {value(most)}
        </span>
      ) : null}
    </>
  );
}
