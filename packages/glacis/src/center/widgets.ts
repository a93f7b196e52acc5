/** The small parts that pages are made of. Every value passes through `html`. */
import type { AuditRecord, EventSeverity } from "../core/event.ts";
import { html, type SafeHtml } from "../input/html.ts";

export type Tone = "neutral" | "good" | "warn" | "bad" | "info";

const STATUS_TONE: Readonly<Record<AuditRecord["status"], Tone>> = {
  succeeded: "good",
  failed: "bad",
  refused: "warn",
  observed: "info",
};
const SEVERITY_TONE: Readonly<Record<EventSeverity, Tone>> = {
  info: "neutral",
  warning: "warn",
  error: "bad",
  critical: "bad",
};

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Marks that turn the direction of text around, and characters that draw nothing: they let one name look like another. */
const DECEPTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

export function badge(text: string, tone: Tone): SafeHtml {
  return html`<span class="badge ${tone}">${visible(text)}</span>`;
}

export function statusBadge(status: AuditRecord["status"]): SafeHtml {
  return badge(status, Object.hasOwn(STATUS_TONE, status) ? STATUS_TONE[status] : "neutral");
}

export function severityBadge(severity: EventSeverity): SafeHtml {
  const tone = Object.hasOwn(SEVERITY_TONE, severity) ? SEVERITY_TONE[severity] : "neutral";
  return html`<span class="level ${tone}">${visible(severity)}</span>`;
}

/**
 * A value of an event for the eye: characters that draw nothing or turn the line around are shown as what they are.
 *
 * @param longest in UTF-16 units
 */
export function visible(text: string, longest = 160): string {
  const clipped = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return clipped
    .toWellFormed()
    .replace(DECEPTIVE, (mark) => `\\u${mark.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}`);
}

/** A UUID and its kind; what somebody typed is shown as it is. */
const LONG_ID = /^[\w-]{25,}$/u;

/** An id for the eye: of a long one both ends, because ids that are made in turn differ at their end. The whole of it belongs into a title. */
export function visibleId(id: string): string {
  return LONG_ID.test(id) ? `${id.slice(0, 8)}…${id.slice(-8)}` : visible(id, 40);
}

/** A time as a person says it, and exactly. */
export function timeOf(timeMs: number, nowMs: number): SafeHtml {
  return html`<time datetime="${new Date(timeMs).toISOString()}" title="${exactTime(timeMs)}"
    >${relativeTime(timeMs, nowMs)}</time
  >`;
}

export function exactTime(timeMs: number): string {
  return `${new Date(timeMs).toISOString().replace("T", " ").slice(0, 19)} UTC`;
}

/** The time of day, with the day where it is another one. */
export function clockTime(timeMs: number, nowMs: number): string {
  const [time, now] = [exactTime(timeMs), exactTime(nowMs)];
  return time.slice(0, 10) === now.slice(0, 10) ? time.slice(11, 19) : time.slice(5, 16);
}

export function relativeTime(timeMs: number, nowMs: number): string {
  const ago = nowMs - timeMs;
  if (ago < -MINUTE_MS) return exactTime(timeMs);
  if (ago < MINUTE_MS) return "just now";
  if (ago < HOUR_MS) return `${Math.floor(ago / MINUTE_MS)} min ago`;
  if (ago < DAY_MS) return `${Math.floor(ago / HOUR_MS)} h ago`;
  const days = Math.floor(ago / DAY_MS);
  return days === 1 ? "yesterday" : `${days} days ago`;
}

export function number(value: number): string {
  return value.toLocaleString("en-US");
}

/** What stands where there is nothing to show: what that means, and what to do if it should not be so. */
export function emptyState(title: string, text: string): SafeHtml {
  return html`<div class="empty">
    <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 3l7 3v5c0 4.6-3 8.2-7 10-4-1.800-7-5.400-7-10V6zM9 12l2.200 2.200L15.500 10" /></svg>
    <p class="empty-title">${title}</p>
    <p>${text}</p>
  </div>`;
}

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => SafeHtml | string;
  /** A class of the column, such as `number` or `wide`. */
  readonly kind?: string;
}

/**
 * A table in a frame that scrolls by itself; the caption is read, not seen. On a phone each row is a card, and each cell says what it is; roles keep it a
 * table for those who listen, which another way to draw it would end.
 */
export function table<Row>(caption: string, columns: readonly Column<Row>[], rows: readonly Row[], id = ""): SafeHtml {
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">
    <table role="table" class="cards" ?id="${id === "" ? undefined : id}">
      <caption class="unseen">
        ${caption}
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          ${columns.map(({ title, kind = "" }) => html`<th role="columnheader" scope="col" class="${kind}">${title}</th>`)}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${rows.map(
          (row) =>
            html`<tr role="row">
              ${columns.map(({ title, cell, kind = "" }) => html`<td role="cell" class="${kind}" data-title="${title}">${cell(row)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

export interface PanelOptions {
  readonly title: string;
  readonly note?: SafeHtml | string;
  readonly body: SafeHtml;
  readonly kind?: string;
}

export function panel({ title, note, body, kind = "" }: PanelOptions): SafeHtml {
  return html`<section class="panel ${kind}">
    <header>
      <h2>${title}</h2>
      ${note !== undefined && html`<div class="note">${note}</div>`}
    </header>
    ${body}
  </section>`;
}

export interface RankedValue {
  readonly label: string;
  /** What is shown in place of the label, which then is the title. */
  readonly shown?: string;
  readonly count: number;
  readonly href: string;
}

/** The most frequent values with bars: the longest is the first. */
export function ranking(title: string, values: readonly RankedValue[], none: string, note?: string): SafeHtml {
  const most = Math.max(1, ...values.map(({ count }) => count));
  const body =
    values.length === 0
      ? html`<p class="quiet">${none}</p>`
      : html`<ol class="ranking">
          ${values.map(
            ({ label, shown = label, count, href }) =>
              html`<li>
                <a href="${href}" title="${visible(label)}">${visible(shown, 48)}</a><span>${number(count)}</span>
                <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
                  <rect width="100" height="4" class="rail" /><rect width="${Math.max(1, Math.round((count / most) * 100))}" height="4" class="fill" />
                </svg>
              </li>`,
          )}
        </ol>`;
  return panel({ title, body, ...(note !== undefined && { note }) });
}
