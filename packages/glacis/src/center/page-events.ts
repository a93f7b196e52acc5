/** Events: filtered, searched, followed live, exported; one event on a page of its own. */
import { html, type SafeHtml } from "../input/html.ts";
import { linkTo, withinReach, type CenterContext } from "./center-context.ts";
import { isCutShort, searchedBack } from "./event-panel.ts";
import type { ArchivedEvent } from "./event-record.ts";
import {
  cursorText,
  EVENT_TYPES,
  readCursor,
  readFilter,
  SEVERITIES,
  STATUSES,
  type EventCursor,
  type FilterName,
  type ReadFilter,
} from "./event-filter.ts";
import { eventTable, filterLink } from "./event-table.ts";
import { MOST_EXPORTED } from "./event-export.ts";
import { renderPage } from "./page-frame.ts";
import { emptyState, exactTime, number, panel, severityBadge, statusBadge, timeOf, visible } from "./widgets.ts";

const PAGE = 50;
const MOST_RELATED = 20;

export async function eventsPage(context: CenterContext): Promise<SafeHtml> {
  const { settings, query } = context;
  const read = readFilter(query);
  const before = readCursor(query.get("before"));
  const { store } = settings.archive;
  const { events, older } = await store.look(withinReach(context, read.filter), PAGE, before);
  const isPartial = isCutShort({ events, older }, PAGE);
  const isFirst = before === undefined;
  const live = isFirst && read.filter.toMs === undefined && read.invalid.length === 0;
  return renderPage(context, {
    page: "/events",
    title: "Events",
    lead: html`Kept for ${number(settings.archive.retentionDays)} days.`,
    actions: html`${live && followButton(context, read.values)} ${exportForm(context, read.values)}`,
    body: html`${filterForm(context, read)}
      ${
        read.invalid.length > 0 &&
        html`<p class="notice warn" role="alert">Left out, because it is no value of its field: ${read.invalid.join(", ")}.</p>`
      }
      <p class="unseen" id="live-status" role="status"></p>
      <section class="panel flush">
        <h2 class="unseen">Events, newest first</h2>
        ${
          events.length === 0
            ? html`${eventTable(context, "Events, newest first", [], "events")}${emptyState("Nothing found", isPartial ? "These conditions seldom meet. Look further back, or narrow the time." : isFirst ? "No event fits these conditions. Take one away, or widen the time." : "There is nothing older.")}`
            : eventTable(context, "Events, newest first", events, "events")
        }
      </section>
      ${isPartial && older !== undefined && html`<p class="notice info">Searched back to ${exactTime(older.timeMs)}.</p>`}
      ${pageLinks(context, read.values, isFirst, older, isPartial ? "Look further back" : "Older")}`,
  });
}

type Values = ReadFilter["values"];

function followButton(context: CenterContext, values: Values): SafeHtml {
  return html`<button type="button" class="button" id="follow" aria-pressed="false" data-source="${linkTo(context, "/events/live", values)}" hidden>
    <span class="dot" aria-hidden="true"></span>Follow live
  </button>`;
}

function exportForm(context: CenterContext, values: Values): SafeHtml {
  const { settings, request } = context;
  const entries = Object.entries(values);
  return html`<form method="post" action="${linkTo(context, "/events/export")}" class="inline">
    <input type="hidden" name="csrf_token" value="${settings.csrf.token(request)}" />
    ${entries.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    <button class="button" name="format" value="csv" title="${`At most ${number(MOST_EXPORTED)} events`}">Export CSV</button>
    <button class="button" name="format" value="jsonl" title="${`At most ${number(MOST_EXPORTED)} events`}">JSON lines</button>
  </form>`;
}

function filterForm(context: CenterContext, { values }: ReadFilter): SafeHtml {
  const isFiltered = Object.keys(values).length > 0;
  const advanced = (["event", "user", "tenant", "ip", "from", "to"] as const).some(
    (name) => values[name] !== undefined,
  );
  return html`<form method="get" action="${linkTo(context, "/events")}" class="filters" role="search">
    <div class="filter-row">
      <label class="grow"><span>Search</span><input type="search" name="search" value="${values.search ?? ""}" maxlength="200" placeholder="Event, user, tenant, address or request id" /></label>
      ${select("Type", "type", EVENT_TYPES, values)} ${select("Outcome", "status", STATUSES, values)}
      ${select("Severity", "severity", SEVERITIES, values)}
      <div class="filter-buttons">
        <button class="button primary">Apply</button>
        ${isFiltered && html`<a class="button" href="${linkTo(context, "/events")}">Clear</a>`}
      </div>
    </div>
    <details ?open="${advanced}">
      <summary>More conditions</summary>
      <div class="filter-row">
        ${text("Event", "event", values)} ${text("User", "user", values)}
        ${context.reach === "deployment" && text("Tenant", "tenant", values)} ${text("Address", "ip", values)}
        ${text("From (UTC)", "from", values, "datetime-local")} ${text("Until (UTC)", "to", values, "datetime-local")}
      </div>
    </details>
  </form>`;
}

function select(title: string, name: FilterName, options: readonly string[], values: Values): SafeHtml {
  return html`<label><span>${title}</span>
    <select name="${name}">
      <option value="">Any</option>
      ${options.map((option) => html`<option value="${option}" ?selected="${values[name] === option}">${option.replaceAll("_", " ")}</option>`)}
    </select></label>`;
}

function text(title: string, name: FilterName, values: Values, type = "text"): SafeHtml {
  return html`<label><span>${title}</span><input type="${type}" name="${name}" value="${values[name] ?? ""}" maxlength="200" /></label>`;
}

function pageLinks(
  context: CenterContext,
  values: Values,
  isFirst: boolean,
  older: EventCursor | undefined,
  onwards: string,
): SafeHtml {
  if (isFirst && older === undefined) return html``;
  return html`<nav class="pages" aria-label="Pages of events">
    ${!isFirst && html`<a class="button" href="${linkTo(context, "/events", values)}">Newest</a>`}
    ${older !== undefined && html`<a class="button" rel="next" href="${linkTo(context, "/events", { ...values, before: cursorText(older) })}">${onwards}</a>`}
  </nav>`;
}

/** @returns undefined when there is no such event within this person's reach */
export async function eventPage(context: CenterContext): Promise<SafeHtml | undefined> {
  const { settings, query, user, nowMs } = context;
  const id = /^\d{1,18}$/u.exec(query.get("id") ?? "")?.[0];
  const event = id === undefined ? undefined : await settings.archive.store.one(id);
  if (event === undefined) return undefined;
  if (context.reach === "tenant" && event.record.tenant_id !== user.tenantId) return undefined;
  const { record, timeMs } = event;
  const related = await relatedEvents(context, event);
  const fields = Object.entries(record)
    .filter(([name, value]) => value !== undefined && name !== "error")
    .toSorted(([left], [right]) => placeOf(left) - placeOf(right) || (left < right ? -1 : 1));
  return renderPage(context, {
    page: "/events",
    title: visible(record.event, 80),
    lead: html`${exactTime(timeMs)} · ${timeOf(timeMs, nowMs)}`,
    actions: html`${severityBadge(record.severity)} ${statusBadge(record.status)} <a class="button" href="${linkTo(context, "/events")}">All events</a>`,
    body: html`${panel({
      title: "Fields",
      body: html`<dl class="fields">
        ${fields.map(([name, value]) => html`<div><dt>${visible(name, 60)}</dt><dd class="mono">${visible(String(value), 600)}</dd></div>`)}
      </dl>`,
    })}
    ${record.error !== undefined && panel({ title: "Error", body: html`<pre tabindex="0">${visible(record.error, 4000).replaceAll("\\u000A", "\n")}</pre>` })}
    ${panel({
      title: "The same request",
      note: html`More of the same ${filterLink(context, "user", record.user_id)} ${filterLink(context, "ip", record.ip_address)}`,
      body: related,
    })}`,
  });
}

/** What happened, to whom, from where, by which request; what only some events have comes last. */
const FIELD_ORDER = [
  "time event event_type status severity reason detail control user_id actor_id tenant_id resource_type resource_id action",
  "ip_address user_agent method route request_id",
].flatMap((names) => names.split(" "));

function placeOf(field: string): number {
  const place = FIELD_ORDER.indexOf(field);
  return place === -1 ? FIELD_ORDER.length : place;
}

async function relatedEvents(context: CenterContext, { id, record }: ArchivedEvent): Promise<SafeHtml> {
  const filter = { search: record.request_id ?? "" };
  const page =
    filter.search === ""
      ? { events: [], older: undefined }
      : await context.settings.archive.store.look(withinReach(context, filter), MOST_RELATED);
  const others = page.events.filter((one) => one.id !== id);
  return html`${
    others.length === 0
      ? html`<p class="quiet">Nothing else was written about this request.</p>`
      : eventTable(context, "Events of the same request", others)
  }
  ${searchedBack(context, filter, page)}`;
}
