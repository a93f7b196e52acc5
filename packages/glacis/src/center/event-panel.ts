/** The latest events that fit a filter, as a part of a page; it says how far back it has looked. */
import { html, type SafeHtml } from "../input/html.ts";
import { linkTo, withinReach, type CenterContext } from "./center-context.ts";
import { cursorText, type EventFilter } from "./event-filter.ts";
import type { EventPage } from "./event-store.ts";
import { eventTable } from "./event-table.ts";
import { exactTime, panel } from "./widgets.ts";

/** Conditions as the page of events takes them in an address. */
export type PanelFilter = Omit<EventFilter, "fromMs" | "toMs">;

export interface EventPanelOptions {
  readonly title: string;
  /** What a screen reader calls the table. */
  readonly caption: string;
  readonly filter: PanelFilter;
  readonly fromMs?: number;
  readonly limit: number;
  /** Of the link to all events of the filter. */
  readonly all?: string;
  /** Beside the title, in place of a link to all of them. */
  readonly note?: SafeHtml;
  /** Where there is none as far back as events are kept. */
  readonly none: SafeHtml;
}

/** Looks within bounds: a filter that seldom meets shows what was found so far, and until when. */
export async function eventPanel(context: CenterContext, options: EventPanelOptions): Promise<SafeHtml> {
  const { title, caption, filter, fromMs, limit, none, all = "All of them", note } = options;
  const page = await context.settings.archive.store.look(
    withinReach(context, { ...filter, ...(fromMs !== undefined && { fromMs }) }),
    limit,
  );
  const isPartial = isCutShort(page, limit);
  return panel({
    title,
    note: note ?? html`<a href="${linkTo(context, "/events", { ...filter })}">${all}</a>`,
    body: html`${
      page.events.length > 0
        ? eventTable(context, caption, page.events)
        : isPartial
          ? html`<p class="quiet">None among the latest events.</p>`
          : none
    }
    ${isPartial && searchedBack(context, filter, page)}`,
  });
}

/** Whether a look ended before it found as many as were asked for, and before the archive's end. */
export function isCutShort({ events, older }: EventPage, limit: number): boolean {
  return older !== undefined && events.length < limit;
}

/** How far back was looked, and the way on. */
export function searchedBack(context: CenterContext, filter: PanelFilter, { older }: EventPage): SafeHtml {
  if (older === undefined) return html``;
  const onwards = linkTo(context, "/events", { ...filter, before: cursorText(older) });
  return html`<p class="searched">Searched back to ${exactTime(older.timeMs)}. <a href="${onwards}">Look further back</a></p>`;
}
