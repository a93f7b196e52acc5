import { html, type SafeHtml } from "glacis/input";
import type { Assets } from "../assets.ts";
import type { Profile } from "../accounts/accounts.ts";
import type { VisitBanner } from "../support/support.ts";
import { csrfField } from "./form.ts";
import { logo } from "./icons.ts";
import { time } from "./time.ts";

export type PageAssets = Pick<Assets, "stylesheet" | "icon" | "script">;

export interface Frame {
  readonly assets: PageAssets;
  /** Lets this page's script run, and no other. */
  readonly nonce: string;
  /** Who is signed in. */
  readonly viewer: Profile | undefined;
  /** Somebody of Folio's staff looks in, as the viewer. */
  readonly visit?: VisitBanner | undefined;
  /** The viewer is of Folio's staff. */
  readonly isStaff?: boolean;
  readonly csrfToken: string;
}

export interface LayoutOptions {
  readonly title: string;
  /** The path of the section that is open. */
  readonly section?: string;
  /** Something went wrong with a form: said first in the title, where a screen reader begins. */
  readonly failed?: boolean;
  readonly notice?: string | undefined;
  /** One step of something: nothing leads away from it but the way back that the page itself has. */
  readonly focused?: boolean;
}

const SECTIONS = [
  ["/documents", "Documents"],
  ["/people", "People"],
  ["/settings", "Settings"],
] as const;
const FOR_WATCHERS = [
  ["/activity", "Activity"],
  ["/security", "Security"],
] as const;

/** Who may see the activity and the Security Center of a workspace. Holding the link back is courtesy: the pages themselves decide. */
const WATCHERS: ReadonlySet<string> = new Set(["owner", "admin"]);

/** What every page's head holds: the title, the stylesheet, the icon, and a script that a page can do without. */
export function head(title: string, { assets, nonce }: Pick<Frame, "assets" | "nonce">): SafeHtml {
  const { stylesheet, icon, script } = assets;
  return html`
    <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>${title} – Folio</title>
      <link rel="stylesheet" href="${stylesheet}">
      <link rel="icon" type="image/svg+xml" href="${icon}">
      <script src="${script.path}" integrity="${script.integrity}" nonce="${nonce}" defer></script>
      <meta name="theme-color" content="#f7f6f2" media="(prefers-color-scheme: light)">
      <meta name="theme-color" content="#131615" media="(prefers-color-scheme: dark)">
    </head>`;
}

/** The frame of every page. No inline script, no inline style: the strictest policy that there is fits it. */
export function layout(frame: Frame, options: LayoutOptions, content: SafeHtml): SafeHtml {
  const { viewer, visit } = frame;
  const { title, section, failed = false, notice, focused = false } = options;
  return html`<!doctype html>
<html lang="en">
  ${head(`${failed ? "Error: " : ""}${title}`, frame)}
  <body>
    <a class="skip" href="#main">Skip to content</a>
    ${visit !== undefined && viewer !== undefined && visitBanner(frame, viewer, visit)}
    <header class="masthead">
      <div class="masthead-inner">
        <a class="brand" href="${viewer === undefined && !focused ? "/" : "/documents"}">${logo} Folio</a>
        ${focused ? undefined : viewer === undefined ? strangerNav : memberNav(frame, viewer, section)}
      </div>
    </header>
    <main id="main" tabindex="-1">
      <div class="frame">
        ${notice !== undefined && html`<div class="notice" role="status"><p>${notice}</p></div>`}
        ${content}
      </div>
    </main>
    <footer class="foot">
      <div class="frame">
        <p>Folio keeps each workspace to itself.</p>
        <p>${viewer === undefined ? "Secured by Glacis." : `You are in ${viewer.tenantName}.`}</p>
      </div>
    </footer>
  </body>
</html>
`;
}

const strangerNav = html`
  <div class="nav"></div>
  <nav class="actions" aria-label="Account">
    <a class="button quiet small" href="/sign-in">Sign in</a>
    <a class="button small" href="/sign-up">Create a workspace</a>
  </nav>`;

/** On each page of a visit, before everything else that is read. */
function visitBanner(
  { csrfToken }: Frame,
  { name, tenantName }: Profile,
  { visitor, purpose, endsAtMs }: VisitBanner,
): SafeHtml {
  return html`
    <aside class="visit" aria-label="Support visit">
      <div class="visit-inner">
        <p><strong>Support visit.</strong> ${visitor} sees ${tenantName} as ${name}, to read only, until ${time(endsAtMs)}. <span class="visit-purpose">${purpose}</span></p>
        <form method="post" action="/support/end">
          ${csrfField(csrfToken)}
          <button class="button small" type="submit">End the visit</button>
        </form>
      </div>
    </aside>`;
}

const FOR_STAFF = [["/support", "Support desk"]] as const;
/** The settings are the person's own. */
const VISIT_SECTIONS = SECTIONS.filter(([path]) => path !== "/settings");

function memberNav({ csrfToken, visit, isStaff }: Frame, viewer: Profile, section: string | undefined): SafeHtml {
  const own = [...SECTIONS, ...(WATCHERS.has(viewer.role) ? FOR_WATCHERS : []), ...(isStaff === true ? FOR_STAFF : [])];
  const sections = visit === undefined ? own : VISIT_SECTIONS;
  return html`
    <nav class="nav" aria-label="Main">
      <ul>
        ${sections.map(
          ([path, label]) =>
            html`<li><a href="${path}" ?aria-current="${path === section && "page"}">${label}</a></li>`,
        )}
      </ul>
    </nav>
    <div class="who">
      <p class="who-text"><strong>${viewer.name}</strong><span>${viewer.tenantName}</span></p>
      ${
        visit === undefined &&
        html`
          <form method="post" action="/sign-out">
            ${csrfField(csrfToken)}
            <button class="button quiet small" type="submit">Sign out</button>
          </form>`
      }
    </div>`;
}
