import { html } from "hono/html";
import type { Child } from "hono/jsx";
import type { Assets } from "../assets.ts";
import type { Profile } from "../accounts/accounts.ts";
import { CsrfField } from "./form.tsx";
import { Logo } from "./icons.tsx";

export type PageAssets = Pick<Assets, "stylesheet" | "icon" | "script">;

export interface Frame {
  readonly assets: PageAssets;
  /** Lets this page's script run, and no other. */
  readonly nonce: string;
  /** Who is signed in. */
  readonly viewer: Profile | undefined;
  readonly csrfToken: string;
}

export interface LayoutProps {
  readonly frame: Frame;
  readonly title: string;
  /** The path of the section that is open. */
  readonly section?: string;
  /** Something went wrong with a form: said first in the title, where a screen reader begins. */
  readonly failed?: boolean;
  readonly notice?: string | undefined;
  readonly children?: Child;
}

const SECTIONS = [
  ["/documents", "Documents"],
  ["/people", "People"],
  ["/settings", "Settings"],
] as const;

/** The stylesheet, the icon, and a script that a page can do without. */
export function HeadAssets({ assets, nonce }: { assets: PageAssets; nonce: string }) {
  const { script } = assets;
  return (
    <>
      <link rel="stylesheet" href={assets.stylesheet} />
      <link rel="icon" type="image/svg+xml" href={assets.icon} />
      <script src={script.path} integrity={script.integrity} nonce={nonce} defer></script>
    </>
  );
}

/** The frame of every page. No inline script, no inline style: the strictest policy that there is fits it. */
export function Layout({ frame, title, section, failed = false, notice, children }: LayoutProps) {
  const { assets, viewer, csrfToken } = frame;
  return html`<!doctype html>${(
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <title>{`${failed ? "Error: " : ""}${title} – Folio`}</title>
          <HeadAssets assets={assets} nonce={frame.nonce} />
          <meta name="theme-color" content="#f7f6f2" media="(prefers-color-scheme: light)" />
          <meta name="theme-color" content="#131615" media="(prefers-color-scheme: dark)" />
        </head>
        <body>
          <a class="skip" href="#main">
            Skip to content
          </a>
          <header class="masthead">
            <div class="masthead-inner">
              <a class="brand" href={viewer === undefined ? "/" : "/documents"}>
                <Logo />
                Folio
              </a>
              {viewer === undefined ? (
                <StrangerNav />
              ) : (
                <MemberNav viewer={viewer} section={section} token={csrfToken} />
              )}
            </div>
          </header>
          <main id="main" tabindex={-1}>
            <div class="frame">
              {notice !== undefined && (
                <div class="notice" role="status">
                  <p>{notice}</p>
                </div>
              )}
              {children}
            </div>
          </main>
          <Foot viewer={viewer} />
        </body>
      </html>
    )}`;
}

function StrangerNav() {
  return (
    <>
      <div class="nav" />
      <nav class="actions" aria-label="Account">
        <a class="button quiet small" href="/sign-in">
          Sign in
        </a>
        <a class="button small" href="/sign-up">
          Create a workspace
        </a>
      </nav>
    </>
  );
}

function MemberNav(props: { viewer: Profile; section: string | undefined; token: string }) {
  const { viewer, section, token } = props;
  return (
    <>
      <nav class="nav" aria-label="Main">
        <ul>
          {SECTIONS.map(([path, label]) => (
            <li>
              <a href={path} aria-current={path === section ? "page" : undefined}>
                {label}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="who">
        <p class="who-text">
          <strong>{viewer.name}</strong>
          <span>{viewer.tenantName}</span>
        </p>
        <form method="post" action="/sign-out">
          <CsrfField token={token} />
          <button class="button quiet small" type="submit">
            Sign out
          </button>
        </form>
      </div>
    </>
  );
}

function Foot({ viewer }: { viewer: Profile | undefined }) {
  return (
    <footer class="foot">
      <div class="frame">
        <p>Folio keeps each workspace to itself.</p>
        <p>{viewer === undefined ? "Secured by Glacis." : `You are in ${viewer.tenantName}.`}</p>
      </div>
    </footer>
  );
}
