/** Events as rows of a table. */
import type { AuditRecord } from "../core/event.ts";
import { html, type SafeHtml } from "../input/html.ts";
import { linkTo, type CenterContext } from "./center-context.ts";
import type { ArchivedEvent } from "./event-record.ts";
import {
  clockTime,
  exactTime,
  severityBadge,
  statusBadge,
  table,
  timeOf,
  visible,
  visibleId,
  type Column,
} from "./widgets.ts";

export function eventTable(
  context: CenterContext,
  caption: string,
  events: readonly ArchivedEvent[],
  id = "",
): SafeHtml {
  const { nowMs } = context;
  const columns: readonly Column<ArchivedEvent>[] = [
    {
      title: "Time (UTC)",
      kind: "time",
      cell: ({ id, timeMs }) =>
        html`<a class="mono" href="${linkTo(context, "/event", { id })}" title="${exactTime(timeMs)}">${clockTime(timeMs, nowMs)}</a>
          <small>${timeOf(timeMs, nowMs)}</small>`,
    },
    { title: "Severity", cell: ({ record }) => severityBadge(record.severity) },
    {
      title: "Event",
      kind: "wide stack",
      cell: ({ record }) =>
        html`<span class="mono">${visible(record.event, 60)}</span>
          ${record.resource_type === "alarm" && html`<strong>${visible(record.resource_id ?? "", 60)}</strong>`}
          ${detailOf(record) !== "" && html`<small>${detailOf(record)}</small>`}`,
    },
    { title: "Outcome", cell: ({ record }) => statusBadge(record.status) },
    { title: "User", kind: "mono clip", cell: ({ record }) => filterLink(context, "user", record.user_id) },
    { title: "Address", kind: "mono clip", cell: ({ record }) => filterLink(context, "ip", record.ip_address) },
    {
      title: "Route",
      kind: "mono clip",
      cell: ({ record }) => {
        const route = visible([record.method, record.route].filter(Boolean).join(" "), 60);
        return route === "" ? html`<span class="quiet">–</span>` : route;
      },
    },
  ];
  return table(caption, columns, events, id);
}

/** What tells an event from others of its name: in what way, what was blocked, of which kind. For the eye. */
export function detailOf({ detail, directive, blocked, limit, purpose }: AuditRecord): string {
  return [detail, directive, blocked, limit, purpose]
    .filter((part) => part !== undefined && part !== "")
    .map((part) => visible(String(part), 60))
    .join(" · ");
}

export function filterLink(
  context: CenterContext,
  name: "user" | "ip" | "tenant" | "search",
  value: string | undefined,
): SafeHtml | string {
  if (value === undefined || value === "") return html`<span class="quiet">–</span>`;
  return html`<a class="plain" href="${linkTo(context, "/events", { [name]: value })}" title="${visible(value)}">${name === "user" || name === "tenant" ? visibleId(value) : visible(value, 40)}</a>`;
}
