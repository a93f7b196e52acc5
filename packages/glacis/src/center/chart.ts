/** Charts as SVG from the server: no script, no inline style, a table for whoever does not see them. */
import type { AuditRecord } from "../core/event.ts";
import { html, type SafeHtml } from "../input/html.ts";
import type { EventCount } from "./event-store.ts";
import { number } from "./widgets.ts";

const ORDER = ["succeeded", "observed", "refused", "failed"] as const satisfies readonly AuditRecord["status"][];
const WIDTH = 960;
const HEIGHT = 220;
const LEFT = 44;
const BOTTOM = 24;
const TOP = 8;
const GRID_LINES = 4;
const NOTHING = { succeeded: 0, observed: 0, refused: 0, failed: 0, failedSignIns: 0, severe: 0 } as const;

/** Every stretch from one time to another, those without events included. */
export function barsOf(
  counts: readonly EventCount[],
  fromMs: number,
  toMs: number,
  barMs: number,
): readonly EventCount[] {
  const known = new Map(counts.map((count) => [count.fromMs, count]));
  const bars: EventCount[] = [];
  for (let at = fromMs - (fromMs % barMs); at <= toMs; at += barMs)
    bars.push(known.get(at) ?? { fromMs: at, ...NOTHING });
  return bars;
}

export function totalOf(bar: EventCount): number {
  return ORDER.reduce((sum, status) => sum + bar[status], 0);
}

/** Stacked bars of events by outcome. */
export function outcomeChart(bars: readonly EventCount[], barMs: number): SafeHtml {
  const top = niceCeiling(Math.max(1, ...bars.map(totalOf)));
  const total = bars.reduce((sum, bar) => sum + totalOf(bar), 0);
  const plot = HEIGHT - TOP - BOTTOM;
  const step = (WIDTH - LEFT) / Math.max(1, bars.length);
  const labelEvery = Math.max(1, Math.ceil(bars.length / 8));
  return html`<div class="chart">
    <ul class="legend">
      ${ORDER.map((status) => html`<li class="${status}">${status}</li>`)}
    </ul>
    <div class="plot" role="region" aria-label="Chart of events by outcome" tabindex="0">
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${`${number(total)} events by outcome over time; the same as a table below`}">
      ${gridLines(top, plot)}
      ${bars.map((bar, index) => stackedBar(bar, LEFT + index * step, step, plot / top, barMs))}
      ${bars.map((bar, index) =>
        index % labelEvery === 0
          ? html`<text x="${(LEFT + index * step + step / 2).toFixed(1)}" y="${HEIGHT - 6}" class="axis middle">${axisTime(bar.fromMs, barMs)}</text>`
          : "",
      )}
    </svg>
    </div>
    ${chartTable(bars, barMs)}
  </div>`;
}

function gridLines(top: number, plot: number): readonly SafeHtml[] {
  return Array.from({ length: GRID_LINES + 1 }, (_, index) => {
    const y = (TOP + plot - (plot * index) / GRID_LINES).toFixed(1);
    return html`<line x1="${LEFT}" x2="${WIDTH}" y1="${y}" y2="${y}" class="grid" /><text x="${LEFT - 8}" y="${(Number(y) + 4).toFixed(1)}" class="axis end">${shortNumber((top * index) / GRID_LINES)}</text>`;
  });
}

function stackedBar(bar: EventCount, x: number, step: number, scale: number, barMs: number): SafeHtml {
  const width = Math.max(1, step - Math.min(4, step * 0.25));
  let y = HEIGHT - BOTTOM;
  const parts = ORDER.flatMap((status) => {
    const height = bar[status] * scale;
    if (height === 0) return [];
    y -= height;
    return [
      html`<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" class="${status}" />`,
    ];
  });
  const words = ORDER.filter((status) => bar[status] > 0).map((status) => `${number(bar[status])} ${status}`);
  return html`<g><title>${`${barTime(bar.fromMs, barMs)}: ${words.join(", ") || "nothing"}`}</title>${parts}<rect x="${x.toFixed(1)}" y="${TOP}" width="${step.toFixed(1)}" height="${HEIGHT - BOTTOM - TOP}" class="hover" /></g>`;
}

function chartTable(bars: readonly EventCount[], barMs: number): SafeHtml {
  return html`<details class="data">
    <summary>Show as a table</summary>
    <div class="scroll" role="region" aria-label="Events by outcome" tabindex="0">
      <table>
        <thead>
          <tr>
            <th scope="col">From (UTC)</th>
            ${ORDER.map((status) => html`<th scope="col" class="number">${status}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${bars
            .filter((bar) => totalOf(bar) > 0)
            .map(
              (bar) =>
                html`<tr>
                  <th scope="row">${barTime(bar.fromMs, barMs)}</th>
                  ${ORDER.map((status) => html`<td class="number">${number(bar[status])}</td>`)}
                </tr>`,
            )}
        </tbody>
      </table>
    </div>
  </details>`;
}

/** A line without axes, for a tile. */
export function sparkline(values: readonly number[]): SafeHtml {
  const most = Math.max(1, ...values);
  const step = 100 / Math.max(1, values.length - 1);
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${(27 - (value / most) * 24).toFixed(1)}`);
  return html`<svg viewBox="0 0 100 28" preserveAspectRatio="none" aria-hidden="true" class="spark">
    <polygon points="${`0,28 ${points.join(" ")} 100,28`}" class="area" /><polyline points="${points.join(" ")}" />
  </svg>`;
}

/** A round number that the grid divides into whole ones: nobody counts half an event. */
function niceCeiling(value: number): number {
  if (value <= 5 * GRID_LINES) return GRID_LINES * Math.ceil(value / GRID_LINES);
  const magnitude = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 4, 6, 8, 10].find((factor) => factor * magnitude >= value) ?? 10;
  return step * magnitude;
}

function shortNumber(value: number): string {
  if (value >= 1_000_000) return `${+(value / 1_000_000).toFixed(1)}M`;
  return value >= 1000 ? `${+(value / 1000).toFixed(1)}k` : String(+value.toFixed(1));
}

function axisTime(ms: number, barMs: number): string {
  const text = new Date(ms).toISOString();
  return barMs >= 7_200_000 ? text.slice(5, 10) : text.slice(11, 16);
}

function barTime(ms: number, barMs: number): string {
  const text = new Date(ms).toISOString().replace("T", " ");
  return barMs >= 86_400_000 ? text.slice(0, 10) : text.slice(0, 16);
}
