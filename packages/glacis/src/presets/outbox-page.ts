/** The mails of an outbox on a page, so that whoever develops can open their links. Never in production. */
import type { OutboxMail } from "../authentication/mail-transport.ts";
import { publicAccess } from "../core/access.ts";
import type { Mode } from "../core/control.ts";
import { answer } from "../core/decision.ts";
import type { Endpoint } from "../core/endpoint.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { pageStyle } from "../core/page-style.ts";
import { routeRule } from "../core/route.ts";
import { dangerouslyTrustHtml, html, type SafeHtml } from "../input/html.ts";

export interface OutboxPageOptions {
  readonly outbox: OutboxMail;
  readonly mode: Mode;
  /** `/outbox` */
  readonly path?: string;
}

/**
 * A page with the mails of an outbox, or nothing at all in production.
 *
 * @throws TypeError on an unknown option or a path that is none.
 * @example
 * const endpoints = [...layers.endpoints, ...outboxPage({ outbox, mode: layers.mode })];
 */
export function outboxPage(options: OutboxPageOptions): readonly Endpoint[] {
  rejectUnknownOptions("outboxPage", options, ["outbox", "mode", "path"]);
  const { outbox, mode, path = "/outbox" } = options;
  if (!/^\/[\w/-]+$/u.test(path)) throw new TypeError('outboxPage() needs a plain path, such as "/outbox".');
  if (mode === "production") return [];
  const headers = [["content-type", "text/html; charset=utf-8"]] as const;
  return [
    {
      method: "GET",
      path,
      accepts: [],
      rule: routeRule(publicAccess("mails of a development machine"), { kind: "page" }),
      handle: ({ nonce }) => answer(200, headers, String(pageOf(outbox, nonce))),
    },
  ];
}

function pageOf(outbox: OutboxMail, nonce: string): SafeHtml {
  const mails = outbox.recent();
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Outbox</title>
        ${dangerouslyTrustHtml(pageStyle(nonce))}
      </head>
      <body>
        <header class="brand wide">Mails of this development machine</header>
        <main>
          <h1>Outbox</h1>
          ${mails.length === 0 && html`<p>No mail yet.</p>`}
          ${mails.map(
            ({ to, subject, text }) =>
              html`<article>
                <h2>${subject}</h2>
                <p class="soft">To ${to}</p>
                ${text.split("\n\n").map((line) => html`<p>${linked(line.trim())}</p>`)}
              </article>`,
          )}
        </main>
      </body>
    </html>`;
}

function linked(line: string): SafeHtml | string {
  return /^https?:\/\/\S+$/u.test(line) ? html`<a href="${line}">${line}</a>` : line;
}
