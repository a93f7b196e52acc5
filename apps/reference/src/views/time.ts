import { html, type SafeHtml } from "glacis/input";

const FORMAT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });

/** A moment, in UTC because the server does not know where the reader is. */
export function time(at: Date | number): SafeHtml {
  const date = new Date(at);
  return html`<time datetime="${date.toISOString()}">${FORMAT.format(date)} UTC</time>`;
}
