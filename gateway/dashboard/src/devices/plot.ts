// How a chart is drawn: uPlot's options.

import type uPlot from "uplot";
import { value as said } from "../core/format";
import type { Severity } from "../core/types";

export interface Limit {
  name: string;
  at: number;
  /** Where it counts as over; the limit itself where there is no other. */
  clear: number;
  direction: "above" | "below";
  severity: Severity;
}

export interface Drawing {
  width: number;
  height: number;
  from: number;
  to: number;
  limits: Limit[];
  onZoom: (from: number, to: number) => void;
  onReset: () => void;
  /** The point under the pointer; null: none. */
  onPoint: (index: number | null) => void;
}

const FONT = "11px system-ui, sans-serif";
const DRAGGED_PX = 6;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** A colour of the style sheet, let through. */
function thin(name: string, alpha: string): string {
  return `${colour(name)}${alpha}`;
}

/** `drawing` gives what holds at the moment it is drawn. */
export function optionsFor(drawing: () => Drawing): uPlot.Options {
  const { width, height } = drawing();
  const lineColour = colour("--accent");
  const axis: uPlot.Axis = {
    stroke: colour("--quiet"),
    font: FONT,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: true, range: () => [drawing().from, drawing().to] },
      y: { range: (_, least, most) => within(least, most, drawing().limits) },
    },
    axes: [
      { ...axis, size: 26, gap: 6, space: 80, values: times },
      { ...axis, size: 52, gap: 6, space: 34, values: (_, ticks) => ticks.map((tick) => tickSaid(tick, ticks)) },
    ],
    series: [
      {},
      { points: { show: false } },
      { points: { show: false } },
      { stroke: lineColour, width: 1.5, points: { show: true, size: 4, fill: lineColour, width: 0, filter: lonely } },
    ],
    bands: [{ series: [1, 2], fill: thin("--accent", "30") }],
    cursor: {
      y: false,
      sync: { key: "device" },
      drag: { x: true, y: false, setScale: false, dist: DRAGGED_PX },
      points: { size: 7, show: (plot, series) => (series === 3 ? cursorPoint(plot) : false) as HTMLElement },
      bind: {
        dblclick: () => () => {
          drawing().onReset();
          return null;
        },
      },
    },
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width: dragged } = plot.select;
          if (dragged < DRAGGED_PX) return;
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          drawing().onZoom(plot.posToVal(left, "x"), plot.posToVal(left + dragged, "x"));
        },
      ],
      setCursor: [(plot) => drawing().onPoint(plot.cursor.idx ?? null)],
      // Below what was measured.
      drawAxes: [(plot) => shadeBeyond(plot, drawing().limits), (plot) => drawLimits(plot, drawing().limits)],
    },
  };
}

/** Everything measured, and the limits. */
function within(least: number | null, most: number | null, limits: Limit[]): [number, number] {
  const all = [...(least === null ? [] : [least]), ...(most === null ? [] : [most]), ...limits.map((one) => one.at)];
  if (!all.length) return [0, 1];
  const low = Math.min(...all);
  const high = Math.max(...all);
  const pad = (high - low || Math.abs(high) || 1) * 0.08;
  return [low - pad, high + pad];
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const clockWithSeconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

function times(_: uPlot, ticks: number[], __: number, ___: number, step: number): string[] {
  return ticks.map((tick, place) => {
    const at = new Date(tick * 1000);
    if (step >= 86_400) return date.format(at);
    const before = place ? new Date((ticks[place - 1] as number) * 1000) : at;
    if (at.getDate() !== before.getDate()) return date.format(at);
    return (step < 60 ? clockWithSeconds : clock).format(at);
  });
}

/** With as many digits as all of them need. */
function tickSaid(tick: number, ticks: number[]): string {
  if (Math.abs(tick) >= 1e6) return tick.toExponential(1);
  const exact = (digits: number) => ticks.every((one) => Math.abs(Number(one.toFixed(digits)) - one) < 1e-9);
  const digits = [0, 1, 2, 3].find(exact) ?? 4;
  return tick.toFixed(digits);
}

/** Points without a neighbour: no line would show them. */
function lonely(plot: uPlot, series: number): number[] {
  const values = plot.data[series] as (number | null)[];
  const there = (at: number) => values[at] !== null && values[at] !== undefined;
  const found: number[] = [];
  for (let at = 0; at < values.length; at++) if (there(at) && !there(at - 1) && !there(at + 1)) found.push(at);
  return found;
}

function cursorPoint(_: uPlot): HTMLElement {
  const point = document.createElement("div");
  point.className = "chart-point";
  return point;
}

function shadeBeyond(plot: uPlot, limits: Limit[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  for (const limit of limits) {
    const at = Math.min(bbox.top + bbox.height, Math.max(bbox.top, plot.valToPos(limit.at, "y", true)));
    ctx.fillStyle = thin(`--fill-${limit.severity}`, "12");
    if (limit.direction === "above") ctx.fillRect(bbox.left, bbox.top, bbox.width, at - bbox.top);
    else ctx.fillRect(bbox.left, at, bbox.width, bbox.top + bbox.height - at);
  }
  ctx.restore();
}

function drawLimits(plot: uPlot, limits: Limit[]): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = "right";
  ctx.lineJoin = "round";
  const across = (at: number, dash: number[]) => {
    // In the middle of a pixel: on its edge, a line of one would be two of half the colour.
    const y = Math.round(plot.valToPos(at, "y", true)) + 0.5;
    ctx.setLineDash(dash.map((one) => one * ratio));
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    return y;
  };
  for (const limit of limits) {
    ctx.strokeStyle = colour(`--fill-${limit.severity}`);
    ctx.fillStyle = colour(`--${limit.severity}`);
    ctx.lineWidth = ratio;
    const y = across(limit.at, [6, 4]);
    if (limit.clear !== limit.at) across(limit.clear, [1, 4]);
    const above = limit.direction === "above" ? y - bbox.top > 16 * ratio : y + 16 * ratio > bbox.top + bbox.height;
    ctx.textBaseline = above ? "bottom" : "top";
    const text = `${limit.name} ${said(limit.at)}`;
    const at = [bbox.left + bbox.width - 4 * ratio, y + (above ? -2 : 3) * ratio] as const;
    // Readable also where a line runs through it.
    ctx.setLineDash([]);
    ctx.lineWidth = 4 * ratio;
    ctx.strokeStyle = colour("--surface");
    ctx.strokeText(text, ...at);
    ctx.fillText(text, ...at);
  }
  ctx.restore();
}
