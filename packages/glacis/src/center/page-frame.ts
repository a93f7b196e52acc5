/** The frame of every page: navigation on the left, one heading, the page's own part. */
import { html, type SafeHtml } from "../input/html.ts";
import { linkTo, type CenterContext } from "./center-context.ts";
import type { Reach } from "./center-options.ts";
import { visible, visibleId } from "./widgets.ts";

export type PageName =
  | ""
  | "/alarms"
  | "/events"
  | "/accounts"
  | "/csp"
  | "/limits"
  | "/routes"
  | "/keys"
  | "/findings"
  | "/audit";

interface NavigationEntry {
  readonly page: PageName;
  readonly title: string;
  readonly icon: SafeHtml;
  readonly reach: Reach;
}

const icon = (path: SafeHtml): SafeHtml => html`<svg viewBox="0 0 24 24" aria-hidden="true">${path}</svg>`;

/** In the order of the navigation. What shows more than one tenant is for the deployment's own people. */
export const NAVIGATION: readonly { readonly title: string; readonly entries: readonly NavigationEntry[] }[] = [
  {
    title: "Watch",
    entries: [
      { page: "", title: "Now", reach: "tenant", icon: icon(html`<path d="M3 12h4l3-8 4 16 3-8h4" />`) },
      {
        page: "/alarms",
        title: "Alarms",
        reach: "deployment",
        icon: icon(html`<path d="M6 16v-5a6 6 0 0 1 12 0v5l2 2H4zM10 21h4" />`),
      },
      {
        page: "/events",
        title: "Events",
        reach: "tenant",
        icon: icon(html`<path d="M8 6h13M8 12h13M8 18h13M3 6h.010M3 12h.010M3 18h.010" />`),
      },
      {
        page: "/accounts",
        title: "Accounts",
        reach: "tenant",
        icon: icon(html`<circle cx="12" cy="8" r="4" /><path d="M4 21c0-4 3.600-6 8-6s8 2 8 6" />`),
      },
    ],
  },
  {
    title: "Defences",
    entries: [
      {
        page: "/limits",
        title: "Rate limits",
        reach: "deployment",
        icon: icon(html`<path d="M4 18a9 9 0 1 1 16 0M12 14l4-5" />`),
      },
      {
        page: "/csp",
        title: "CSP reports",
        reach: "deployment",
        icon: icon(
          html`<path d="M12 3l7 3v5c0 4.600-3 8.200-7 10-4-1.800-7-5.400-7-10V6zM9.500 9.500l5 5M14.500 9.500l-5 5" />`,
        ),
      },
      {
        page: "/routes",
        title: "Routes",
        reach: "deployment",
        icon: icon(
          html`<circle cx="6" cy="19" r="2" /><circle cx="18" cy="5" r="2" /><path d="M8 19h6a4 4 0 0 0 0-8h-4a4 4 0 0 1 0-6h6" />`,
        ),
      },
      {
        page: "/keys",
        title: "Keys",
        reach: "deployment",
        icon: icon(html`<circle cx="8" cy="15" r="4" /><path d="M11 12l8-8M16 7l3 3" />`),
      },
    ],
  },
  {
    title: "Evidence",
    entries: [
      {
        page: "/findings",
        title: "Findings",
        reach: "deployment",
        icon: icon(html`<path d="M9 4h6v3H9zM7 5H5v16h14V5h-2M9 14l2 2 4-4" />`),
      },
      {
        page: "/audit",
        title: "Audit chain",
        reach: "deployment",
        icon: icon(
          html`<path d="M10 14a4 4 0 0 0 6 .500l3-3a4 4 0 0 0-5.700-5.700L12 7M14 10a4 4 0 0 0-6-.500l-3 3a4 4 0 0 0 5.700 5.700L12 17" />`,
        ),
      },
    ],
  },
];

export interface PageParts {
  readonly page: PageName;
  readonly title: string;
  readonly lead?: SafeHtml | string | undefined;
  readonly actions?: SafeHtml | undefined;
  readonly body: SafeHtml;
}

const NOTICES: Readonly<Record<string, string>> = {
  unlocked: "The account is unlocked. Its failed attempts are forgotten.",
  revoked: "The session is ended.",
  "revoked-all": "Every session of the account is ended.",
  released: "It may go on. Its points are forgotten, and every process knows within two seconds.",
  verified: "The audit log was read from its first entry to its last.",
  verifying: "The audit log is being read. That takes a moment; come back for the result.",
};

export function renderPage(context: CenterContext, parts: PageParts): SafeHtml {
  const { assets, request, settings, query } = context;
  // A word of a list, never text: a link must not be able to put words into our mouth.
  const word = query.get("notice") ?? "";
  const notice = Object.hasOwn(NOTICES, word) ? NOTICES[word] : undefined;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>${parts.title} · ${settings.name} Security Center</title>
        <link rel="stylesheet" href="${assets.style}" />
        <script src="${assets.script}" nonce="${request.nonce}" defer></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to content</a>
        <div class="shell">
          ${sideBar(context, parts.page)}
          <main id="main" tabindex="-1">
            <header class="page-head">
              <div>
                <h1>${parts.title}</h1>
                ${parts.lead !== undefined && html`<p class="lead">${parts.lead}</p>`}
              </div>
              ${parts.actions !== undefined && html`<div class="page-actions">${parts.actions}</div>`}
            </header>
            ${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`} ${parts.body}
          </main>
        </div>
      </body>
    </html>`;
}

function sideBar(context: CenterContext, current: PageName): SafeHtml {
  const { settings, reach, user } = context;
  const groups = NAVIGATION.map(({ title, entries }) => ({
    title,
    entries: entries.filter((entry) => reach === "deployment" || entry.reach === "tenant"),
  })).filter(({ entries }) => entries.length > 0);
  return html`<aside class="side">
    <a class="brand" href="${linkTo(context, "")}">
      <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 2l8 3.400v5.800c0 5.200-3.400 8.900-8 10.800-4.600-1.900-8-5.600-8-10.800V5.400z" class="shield" /><path d="M8.500 12l2.500 2.500 4.500-5" class="tick" /></svg>
      <span><strong>${settings.name}</strong><small>Security Center</small></span>
    </a>
    <nav aria-label="Security Center">
      ${groups.map(
        (group) =>
          html`<p class="group">${group.title}</p>
            <ul>
              ${group.entries.map(
                ({ page, title, icon: drawing }) =>
                  html`<li>
                    <a href="${linkTo(context, page)}" ?aria-current="${page === current ? "page" : undefined}">${drawing}<span>${title}</span></a>
                  </li>`,
              )}
            </ul>`,
      )}
    </nav>
    ${settings.homePage !== undefined && html`<a class="home" href="${settings.homePage}">${icon(html`<path d="M15 5l-7 7 7 7" />`)}<span>Back to ${settings.name}</span></a>`}
    <div class="who">
      <span class="scope">${reach === "deployment" ? "All tenants" : "This tenant"}</span>
      <span class="id" title="${visible(user.id)}">${visibleId(user.id)}</span>
      <span>Level ${user.assurance} · every action is audited</span>
    </div>
  </aside>`;
}
