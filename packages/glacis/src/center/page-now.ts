/** The first page: does an alarm ring, is somebody at the door, and what is different from before. */
import { html, type SafeHtml } from "../input/html.ts";
import { attacksPanel, namesOf } from "./attacks.ts";
import { linkTo, rangeWithinReach, type CenterContext } from "./center-context.ts";
import { barsOf, outcomeChart, sparkline, totalOf } from "./chart.ts";
import { BUCKET_MS, MOST_COUNTED, type EventCount, type TopField, type TopValue } from "./event-store.ts";
import { eventPanel } from "./event-panel.ts";
import { ringingPanel } from "./page-alarms.ts";
import { renderPage } from "./page-frame.ts";
import { emptyState, number, panel, ranking, visibleId } from "./widgets.ts";

const HOUR_MS = 3_600_000;

const RANGES = {
  "24h": { title: "24 hours", lengthMs: 24 * HOUR_MS, barMs: 2 * BUCKET_MS },
  "7d": { title: "7 days", lengthMs: 168 * HOUR_MS, barMs: 4 * HOUR_MS },
  "30d": { title: "30 days", lengthMs: 720 * HOUR_MS, barMs: 12 * HOUR_MS },
} as const;
type RangeName = keyof typeof RANGES;
const RANGE_NAMES = Object.keys(RANGES) as readonly RangeName[];

const MOST_RANKED = 6;

export async function nowPage(context: CenterContext): Promise<SafeHtml> {
  const { settings, nowMs, query } = context;
  const { store } = settings.archive;
  const rangeName = RANGE_NAMES.find((name) => name === query.get("range")) ?? "24h";
  const { lengthMs, barMs, title } = RANGES[rangeName];
  const fromMs = nowMs - lengthMs - ((nowMs - lengthMs) % barMs);
  const range = rangeWithinReach(context, fromMs, nowMs);
  const top = async (field: TopField): Promise<readonly TopValue[]> => store.top(field, range, MOST_RANKED);
  const [counts, before, addresses, users, routes, latest, ringing, attacks] = await Promise.all([
    store.counts(range, barMs),
    store.counts(rangeWithinReach(context, fromMs - lengthMs, fromMs - 1), barMs),
    top("ip_address"),
    top("user_id"),
    top("event"),
    eventPanel(context, {
      title: "Latest critical events",
      caption: "Latest critical events",
      filter: { severity: "critical" },
      fromMs,
      limit: 5,
      all: "All critical events",
      none: emptyState("No critical event", `Nothing critical has happened in the last ${title}.`),
    }),
    ringingPanel(context),
    attacksPanel(context),
  ]);
  const names = await namesOf(context, new Set(users.map(({ value }) => value)));
  const bars = barsOf(counts, fromMs, nowMs, barMs);
  const refusals = bars.reduce((sum, { refused, failed }) => sum + refused + failed, 0);
  const counted = refusals > MOST_COUNTED ? `among the latest ${number(MOST_COUNTED)}` : undefined;
  return renderPage(context, {
    page: "",
    title: "Now",
    lead: html`The last ${title}, compared with the ${title} before.`,
    actions: rangeLinks(context, rangeName),
    body: html`${ringing} ${tiles(context, bars, before)} ${attacks}
      ${panel({ title: "Events by outcome", note: html`times in UTC`, body: outcomeChart(bars, barMs) })}
      <div class="thirds">
        ${ranking("Refused and failed, by address", linked(context, "ip", addresses), "Nobody was refused.", counted)}
        ${ranking("By user", linked(context, "user", users, names), "No signed-in user was refused.", counted)}
        ${ranking("By event", linked(context, "event", routes), "Nothing was refused.", counted)}
      </div>
      ${latest}`,
  });
}

function rangeLinks(context: CenterContext, current: RangeName): SafeHtml {
  return html`<nav class="switch" aria-label="Time range">
    ${RANGE_NAMES.map(
      (name) =>
        html`<a href="${linkTo(context, "", { range: name })}" ?aria-current="${name === current ? "true" : undefined}">${name}</a>`,
    )}
  </nav>`;
}

function linked(
  context: CenterContext,
  name: "ip" | "user" | "event",
  values: readonly TopValue[],
  names: ReadonlyMap<string, string> = new Map(),
) {
  return values.map(({ value, count }) => ({
    label: value,
    shown: names.get(value) ?? (name === "user" ? visibleId(value) : value),
    count,
    href: linkTo(context, "/events", { [name]: value }),
  }));
}

interface Tile {
  readonly title: string;
  readonly of: (count: EventCount) => number;
  readonly filter: Readonly<Record<string, string>>;
  /** Whether more of it is worse. */
  readonly isBad: boolean;
}

const TILES: readonly Tile[] = [
  { title: "Events", of: totalOf, filter: {}, isBad: false },
  { title: "Refused requests", of: ({ refused }) => refused, filter: { status: "refused" }, isBad: true },
  {
    title: "Failed sign-ins",
    of: ({ failedSignIns }) => failedSignIns,
    filter: { type: "authentication", status: "failed" },
    isBad: true,
  },
  { title: "Errors and critical", of: ({ severe }) => severe, filter: { severity: "error" }, isBad: true },
];

function tiles(context: CenterContext, bars: readonly EventCount[], before: readonly EventCount[]): SafeHtml {
  return html`<ul class="tiles">
    ${TILES.map(({ title, of, filter, isBad }) => {
      const total = bars.reduce((sum, bar) => sum + of(bar), 0);
      const former = before.reduce((sum, bar) => sum + of(bar), 0);
      return html`<li>
        <a href="${linkTo(context, "/events", filter)}">
          <span class="tile-title">${title}</span>
          <span class="tile-value">${number(total)}</span>
          ${change(total, former, isBad)} ${sparkline(bars.map(of))}
        </a>
      </li>`;
    })}
  </ul>`;
}

function change(total: number, former: number, isBad: boolean): SafeHtml {
  if (total === former) return html`<span class="change">unchanged</span>`;
  if (former === 0) return html`<span class="change">none before</span>`;
  const percent = Math.round(((total - former) / former) * 100);
  const tone = !isBad || percent === 0 ? "" : percent > 0 ? "bad" : "good";
  const text = percent === 0 ? "about the same" : `${percent > 0 ? "▲" : "▼"} ${number(Math.abs(percent))} %`;
  return html`<span class="change ${tone}">${text}</span>`;
}
