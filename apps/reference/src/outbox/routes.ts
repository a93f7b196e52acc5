import { publicAccess } from "glacis";
import { totpCode, totpStep } from "glacis/authentication";
import { access, requestOf } from "glacis/hono";
import { html, url, type SafeHtml } from "glacis/input";
import type { Hono } from "hono";
import { setTimeout as sleep } from "node:timers/promises";
import type { DemoTenant } from "../demo.ts";
import { frameOf, type Outbox, type Services } from "../services.ts";
import { layout, type Frame } from "../views/layout.ts";
import { mailsIn, type Mail } from "./mails.ts";

const MOST_TRIES = 10;
const BETWEEN_TRIES_MS = 200;

/** A page that shows every mail and every code to everybody: for a demonstration on one's own machine, and mounted nowhere else. */
export function outboxRoutes(app: Hono, services: Services, { folder, tenants }: Outbox): void {
  app.get("/outbox", access(publicAccess("the mailbox of the demonstration")), async (c) => {
    const request = requestOf(c);
    const frame = await frameOf(services, request);
    const codes = codesOf(tenants, request.receivedAtMs);
    return c.html(String(outboxPage(frame, services.origin, await firstMailsIn(folder), codes)));
  });
}

/** Whoever comes here right after signing up was a second faster than the mail. */
async function firstMailsIn(folder: string): Promise<readonly Mail[]> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const mails = await mailsIn(folder);
    if (mails.length > 0) return mails;
    await sleep(BETWEEN_TRIES_MS);
  }
  return [];
}

interface Code {
  readonly email: string;
  readonly code: string;
}

/** What the apps of the demonstration's people show at this moment. */
function codesOf(tenants: readonly DemoTenant[], nowMs: number): readonly Code[] {
  return tenants
    .flatMap(({ people }) => people)
    .flatMap(({ email, totpSecret }) =>
      totpSecret === undefined ? [] : [{ email, code: totpCode(totpSecret, totpStep(nowMs), 6) }],
    );
}

function outboxPage(frame: Frame, origin: string, mails: readonly Mail[], codes: readonly Code[]): SafeHtml {
  return layout(
    frame,
    { title: "Outbox" },
    html`
      <div class="page-head">
        <div>
          <h1>Outbox</h1>
          <p class="lead">Mail of this demonstration stays on this machine. Here is what would have been sent, the newest first.</p>
        </div>
      </div>
      <div class="stack">
      ${
        codes.length > 0 &&
        html`
          <section class="sheet stack" aria-labelledby="codes-title">
            <h2 id="codes-title">Authenticator apps</h2>
            <p class="hint">Second factors of the demonstration’s accounts. A code works once and changes every half minute: load the page again for the next.</p>
            <dl class="facts">
              ${codes.map(({ email, code }) => html`<div><dt>${email}</dt><dd><code>${code.slice(0, 3)} ${code.slice(3)}</code></dd></div>`)}
            </dl>
          </section>`
      }
      ${mails.length === 0 && html`<p class="empty">No mail yet. It may take a second or two: load the page again.</p>`}
        ${mails.map(
          ({ to, subject, date, text }, index) => html`
            <article class="sheet stack" aria-labelledby="mail-${index}">
              <h2 id="mail-${index}">${subject}</h2>
              <p class="hint">To ${to}, ${date}</p>
              <p class="prose">${linked(text.trim(), origin)}</p>
            </article>`,
        )}
      </div>`,
  );
}

/** The text, with the one link of ours that it may hold. */
function linked(text: string, origin: string): SafeHtml {
  const lines = text.split("\n").map((line) => {
    const found = line.startsWith(`${origin}/`) ? new URL(line) : undefined;
    if (found === undefined) return html`${line}${"\n"}`;
    const token = found.searchParams.get("token");
    const steps = found.pathname.slice(1).split("/");
    const [first = "", second] = steps;
    const path = second === undefined ? url`/${first}` : url`/${first}/${second}`;
    const target =
      token === null
        ? path
        : second === undefined
          ? url`/${first}?token=${token}`
          : url`/${first}/${second}?token=${token}`;
    return html`<a href="${target}">${line}</a>${"\n"}`;
  });
  return html`${lines}`;
}
