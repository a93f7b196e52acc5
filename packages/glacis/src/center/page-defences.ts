/** What stands in front: rate limits and lockouts, CSP reports, the sealed route table, the keys. */
import { html, type SafeHtml } from "../input/html.ts";
import { linkTo, rangeWithinReach, withinReach, type CenterContext } from "./center-context.ts";
import { proposalText, proposeCsp, type CspViolation } from "./csp-proposal.ts";
import { eventPanel, searchedBack } from "./event-panel.ts";
import { renderPage } from "./page-frame.ts";
import { actorsPanel } from "./panel-actors.ts";
import type { SealedRoute } from "../core/security.ts";
import { badge, emptyState, number, panel, ranking, table, timeOf, visible, type Tone } from "./widgets.ts";

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** Controls that hold somebody back for asking too often. */
const LIMITING = /rate-limit|throttling|lockout|overload|stuffing/u;
const MOST_REPORTS = 1000;

export async function limitsPage(context: CenterContext): Promise<SafeHtml> {
  const { settings, nowMs } = context;
  const { store } = settings.archive;
  const [attackers, limited, held, lockouts, addresses] = await Promise.all([
    actorsPanel(context),
    eventPanel(context, {
      title: "Latest refusals by a limit",
      caption: "Latest refusals by a limit",
      filter: { type: "rate_limit" },
      limit: 25,
      none: emptyState("No limit was reached", "Nobody has asked too often."),
    }),
    eventPanel(context, {
      title: "Sign-ins that had to wait",
      caption: "Sign-ins that had to wait",
      filter: { event: "authn_login_fail_max" },
      limit: 10,
      none: html`<p class="quiet">No sign-in was held back.</p>`,
    }),
    eventPanel(context, {
      title: "Lockouts",
      caption: "Lockouts",
      filter: { event: "authn_login_lock" },
      limit: 10,
      note: html`Unlock an account on <a href="${linkTo(context, "/accounts")}">its page</a>`,
      none: html`<p class="quiet">No account is held back for good.</p>`,
    }),
    store.top("ip_address", rangeWithinReach(context, nowMs - DAY_MS, nowMs), 8),
  ]);
  const mounted = settings.security().controls.map(({ meta }) => meta);
  const limiting = new Map(mounted.filter(({ id }) => LIMITING.test(id)).map((meta) => [meta.id, meta.title]));
  return renderPage(context, {
    page: "/limits",
    title: "Rate limits and lockouts",
    lead: "Who asked too often, and what held them back.",
    body: html`<div class="halves">
        ${ranking(
          "Refused most often in 24 hours",
          addresses.map(({ value, count }) => ({
            label: value,
            count,
            href: linkTo(context, "/events", { ip: value }),
          })),
          "Nobody was refused.",
        )}
        ${panel({
          title: "Mounted",
          body: html`<ul class="plain-list">${[...limiting].map(([id, title]) => html`<li><span>${title}</span><span class="mono quiet">${id}</span></li>`)}</ul>`,
        })}
      </div>
      ${attackers} ${limited} ${held} ${lockouts}`,
  });
}

export async function cspPage(context: CenterContext): Promise<SafeHtml> {
  const { settings, nowMs } = context;
  const filter = { type: "csp_violation" } as const;
  const week = withinReach(context, { ...filter, fromMs: nowMs - WEEK_MS });
  const reports = await settings.archive.store.look(week, MOST_REPORTS);
  const { violations, additions } = proposeCsp(reports.events);
  return renderPage(context, {
    page: "/csp",
    title: "CSP reports",
    lead: "What browsers blocked on our pages in the last seven days.",
    body: html`${panel({
      title: "Proposed change",
      note: "The smallest policy under which these reports end",
      body:
        additions.size === 0
          ? emptyState(
              "Nothing to allow",
              violations.length === 0
                ? "No browser has reported anything."
                : "What was reported should stay blocked: scripts and inline code without our nonce, plain HTTP or other schemes.",
            )
          : html`<pre tabindex="0">${proposalText(additions)}</pre>
              <p class="quiet">Anybody can send reports. Allow an origin only when you know why the page needs it.</p>`,
    })}
    ${panel({
      title: "Violations",
      note: html`${reports.older !== undefined && "the latest "}${number(reports.events.length)} reports`,
      body: html`${
        violations.length === 0
          ? html`<p class="quiet">No violation.</p>`
          : table<CspViolation>(
              "Violations",
              [
                { title: "Directive", kind: "mono", cell: ({ directive }) => visible(directive, 60) },
                { title: "Blocked", kind: "mono wide", cell: ({ source }) => visible(source, 80) },
                { title: "On", kind: "mono clip", cell: ({ documents }) => visible(documents.join(" "), 80) },
                { title: "Reports", kind: "number", cell: ({ count }) => number(count) },
                { title: "Last", cell: ({ lastMs }) => timeOf(lastMs, nowMs) },
                {
                  title: "Advice",
                  cell: ({ allowable }) => (allowable ? badge("your decision", "info") : badge("keep blocked", "warn")),
                },
              ],
              violations,
            )
      }
      ${searchedBack(context, filter, reports)}`,
    })}`,
  });
}

const ACCESS_TONE: Readonly<Record<string, Tone>> = { public: "warn", authenticated: "info" };

export function routesPage(context: CenterContext): SafeHtml {
  const { routes } = context.settings.security();
  const open = routes.filter(({ rule }) => rule.access.kind === "public").length;
  return renderPage(context, {
    page: "/routes",
    title: "Policies and routes",
    lead: html`The sealed table: ${number(routes.length)} routes, ${number(open)} of them open to everyone, each with its reason.`,
    body: html`<section class="panel flush">
      <h2 class="unseen">Routes</h2>
      ${table<SealedRoute>(
        "Routes",
        [
          { title: "Method", cell: ({ method }) => badge(method, "neutral") },
          { title: "Path", kind: "mono wide", cell: ({ pattern }) => visible(pattern, 100) },
          {
            title: "Who may call it",
            kind: "wide",
            cell: ({ rule }) =>
              html`${badge(rule.access.kind === "all" ? "several" : rule.access.kind, ACCESS_TONE[rule.access.kind] ?? "good")} <span>${visible(rule.access.description.replace(/^public: /u, ""), 160)}</span>`,
          },
          { title: "Kind", cell: ({ rule }) => rule.kind },
          { title: "CSRF", cell: ({ method, rule }) => csrfCell(method, rule.csrfExempt) },
        ],
        routes,
      )}
    </section>`,
  });
}

function csrfCell(method: string, exempt: string | undefined): SafeHtml | string {
  if (["GET", "HEAD", "OPTIONS"].includes(method)) return html`<span class="quiet">–</span>`;
  return exempt === undefined
    ? badge("token", "good")
    : html`<span title="${exempt}">${badge("exempt", "warn")}</span>`;
}

const ROTATE_AFTER_DAYS = 365;
const MOST_PURPOSES = 100;

export function keysPage(context: CenterContext): SafeHtml {
  const { settings, nowMs } = context;
  const { keys, keyDates = {} } = settings;
  const rows = (keys?.ids ?? []).map((id, index) => {
    const sinceMs = Object.hasOwn(keyDates, id) ? Date.parse(keyDates[id] ?? "") : Number.NaN;
    return {
      id,
      isCurrent: index === 0,
      ageDays: Number.isFinite(sinceMs) ? Math.floor((nowMs - sinceMs) / DAY_MS) : undefined,
    };
  });
  return renderPage(context, {
    page: "/keys",
    title: "Keys",
    lead: "Master keys by their ids. No key is ever shown.",
    body:
      rows.length === 0
        ? panel({
            title: "Master keys",
            body: emptyState("No keys to show", "Hand securityCenter() the key ring, and its ids are listed here."),
          })
        : html`<section class="panel flush">
            <h2 class="unseen">Master keys</h2>
            ${table<(typeof rows)[number]>(
              "Master keys",
              [
                { title: "Id", kind: "mono wide", cell: ({ id }) => visible(id, 40) },
                {
                  title: "Use",
                  cell: ({ isCurrent }) => (isCurrent ? badge("current", "good") : badge("still accepted", "neutral")),
                },
                { title: "Age", kind: "number", cell: ({ ageDays }) => ageCell(ageDays) },
              ],
              rows,
            )}
          </section>
          ${purposesPanel(keys?.purposes)}`,
  });
}

/** Keys of two purposes open nothing of each other; this is what the master keys have been asked for. */
function purposesPanel(purposes: readonly string[] | undefined): SafeHtml {
  if (purposes === undefined || purposes.length === 0) return html``;
  return panel({
    title: "Used for",
    note: "Each purpose has a key of its own, derived from the current master key",
    body: html`<ul class="chips">${purposes.slice(0, MOST_PURPOSES).map((purpose) => html`<li class="mono">${visible(purpose, 80)}</li>`)}</ul>`,
  });
}

function ageCell(ageDays: number | undefined): SafeHtml | string {
  if (ageDays === undefined) return html`<span class="quiet">not told</span>`;
  if (ageDays === 0) return "since today";
  return ageDays > ROTATE_AFTER_DAYS ? badge(`${number(ageDays)} days: rotate`, "warn") : `${number(ageDays)} days`;
}
