import type { LinkedIdentity, SessionView } from "glacis/authentication";
import { html, type SafeHtml } from "glacis/input";
import { BLANK, csrfField, errorSummary, field, type FormState } from "../views/form.ts";
import { layout, type Frame } from "../views/layout.ts";
import { time } from "../views/time.ts";
import type { Profile } from "./accounts.ts";
import { PROVIDER, type OwnIdentity } from "./single-sign-on.ts";
import { secondFactorsSection, type SecondFactorsView } from "./second-factor-pages.ts";

/** `hasOwnWayIn`: the account opens without the provider too. */
export type IdentityView = OwnIdentity & { readonly hasOwnWayIn: boolean };

export interface SettingsView {
  readonly profile: Profile;
  readonly profileState: FormState;
  readonly passwordRules: string;
  readonly factors: SecondFactorsView;
  /** Undefined where the workspace has no identity provider. */
  readonly identity: IdentityView | undefined;
  readonly sessions: readonly SessionView[];
  /** The viewer decides whether support may look in. */
  readonly hasSupport: boolean;
  readonly notice: string | undefined;
}

export function settingsPage(frame: Frame, view: SettingsView): SafeHtml {
  const { profile, profileState, notice } = view;
  const { errors } = profileState;
  return layout(
    frame,
    { title: "Settings", section: "/settings", notice, failed: Object.keys(errors).length > 0 },
    html`
      <div class="page-head">
        <div>
          <h1>Settings</h1>
          <p class="lead">${profile.email} · ${profile.role} of ${profile.tenantName}</p>
        </div>
      </div>
      ${errorSummary(errors)}
      <div class="columns even">
        <section class="sheet stack" aria-labelledby="profile-title">
          <h2 id="profile-title">Profile</h2>
          <form class="stack" method="post" action="/settings/profile" novalidate>
            ${csrfField(frame.csrfToken)}
            ${field({ state: profileState, name: "name", label: "Your name", autocomplete: "name", maxlength: 80, required: true })}
            <button class="button" type="submit">Save name</button>
          </form>
        </section>
        ${passwordSection(frame, profile, view.passwordRules)}
      </div>
      ${secondFactorsSection(frame, view.factors)}
      ${view.identity !== undefined && identitySection(frame, view.identity)}
      ${(profile.role === "owner" || profile.role === "admin") && workspaceSection(frame, profile)}
      ${sessionList(frame, view.sessions)}
      ${view.hasSupport && supportSection()}
      ${accountSection(frame, profile)}`,
  );
}

function passwordSection(frame: Frame, profile: Profile, rules: string): SafeHtml {
  // The address is for password managers; without a name it is not sent.
  return html`
    <section class="sheet stack" aria-labelledby="password-title">
      <h2 id="password-title">Password</h2>
      <form class="stack" method="post" action="/account/password" novalidate>
        <input class="visually-hidden" type="text" value="${profile.email}" autocomplete="username" readonly
          tabindex="-1" aria-hidden="true">
        ${csrfField(frame.csrfToken)}
        ${field({ state: BLANK, name: "current_password", label: "Present password", type: "password", autocomplete: "current-password", required: true })}
        ${field({ state: BLANK, name: "password", label: "New password", type: "password", hint: rules, autocomplete: "new-password", required: true })}
        <p class="hint">Changing it signs you out everywhere else.</p>
        <button class="button" type="submit">Change password</button>
      </form>
    </section>`;
}

/** Signing in through the workspace's identity provider. Both buttons ask for a fresh proof first. */
function identitySection({ csrfToken }: Frame, { name, linked, hasOwnWayIn }: IdentityView): SafeHtml {
  const form = (action: "link" | "unlink", label: string): SafeHtml => html`
    <form method="post" action="${`/sso/${action}`}">
      ${csrfField(csrfToken)}
      <input type="hidden" name="provider" value="${PROVIDER}">
      <input type="hidden" name="next" value="${`/settings?notice=${action}ed`}">
      <button class="button quiet small" type="submit">${label}</button>
    </form>`;
  return html`
    <section class="sheet stack after" aria-labelledby="identity-title">
      <h2 id="identity-title">Single sign-on</h2>
      <ul class="rows">
        <li>
          <div>
            <strong>${name}</strong>
            <p class="hint">${linked === undefined ? "Link it, and it signs you in to this account." : usage(linked)}</p>
            ${
              linked !== undefined &&
              !hasOwnWayIn &&
              html`<p class="hint">It is the only way into your account. <a href="/forgot-password">Choose a password</a> before you unlink it.</p>`
            }
          </div>
          ${linked === undefined ? form("link", `Link ${name}`) : hasOwnWayIn && form("unlink", `Unlink ${name}`)}
        </li>
      </ul>
    </section>`;
}

function usage({ linkedAtMs, usedAtMs }: LinkedIdentity): SafeHtml {
  return html`Linked ${time(linkedAtMs)}${usedAtMs !== undefined && html`, last used ${time(usedAtMs)}`}`;
}

/** What concerns everybody in the workspace. */
function workspaceSection(frame: Frame, { role, secondFactorRequired }: Profile): SafeHtml {
  return html`
    <section class="sheet stack after" aria-labelledby="workspace-title">
      <h2 id="workspace-title">Your workspace</h2>
      <ul class="rows">
        <li>
          <div>
            <strong>API keys</strong>
            <p class="hint">For programs that read or write documents.</p>
          </div>
          <a class="button quiet small" href="/settings/api-keys">Manage keys</a>
        </li>
        <li>
          <div>
            <strong>Webhooks</strong>
            <p class="hint">For programs that want to hear when a document changes.</p>
          </div>
          <a class="button quiet small" href="/settings/webhooks">Manage webhooks</a>
        </li>
        ${
          role === "owner" &&
          html`<li>
            <div>
              <strong>Second factors for everybody</strong>
              <p class="hint">${secondFactorRequired ? "Whoever has none adds one before they are signed in." : "Each person decides for themselves."}</p>
            </div>
            <form method="post" action="/settings/second-factor-policy">
              ${csrfField(frame.csrfToken)}
              <input type="hidden" name="second_factor" value="${secondFactorRequired ? "optional" : "required"}">
              <button class="button quiet small" type="submit">${secondFactorRequired ? "Leave it to each" : "Require one"}</button>
            </form>
          </li>`
        }
      </ul>
    </section>`;
}

function sessionList(frame: Frame, sessions: readonly SessionView[]): SafeHtml {
  return html`
    <section class="sheet stack after" aria-labelledby="sessions-title">
      <h2 id="sessions-title">Where you are signed in</h2>
      <ul class="rows">
        ${sessions.map(
          (session) => html`
            <li>
              <div>
                <strong>${session.label}</strong>
                <p class="hint">Signed in ${time(session.createdAtMs)}, last used ${time(session.seenAtMs)}</p>
              </div>
              ${session.current && html`<span class="badge">This one</span>`}
            </li>`,
        )}
      </ul>
      ${
        sessions.length > 1 &&
        html`
          <form method="post" action="/settings/sessions/end-others">
            ${csrfField(frame.csrfToken)}
            <button class="button quiet" type="submit">Sign out everywhere else</button>
          </form>`
      }
    </section>`;
}

function supportSection(): SafeHtml {
  return html`
    <section class="sheet stack after" aria-labelledby="support-title">
      <h2 id="support-title">Support access</h2>
      <p>Folio's support sees your workspace only while you let them. What they looked at is on record.</p>
      <p><a class="button quiet" href="/settings/support">Allow it, end it, see what was done</a></p>
    </section>`;
}

function accountSection(frame: Frame, { email }: Profile): SafeHtml {
  return html`
    <section class="sheet stack after" aria-labelledby="account-title">
      <h2 id="account-title">Your account</h2>
      <ul class="rows">
        <li>
          <div>
            <strong>E-mail address</strong>
            <p class="hint">${email}</p>
          </div>
          <a class="button quiet small" href="/account/email">Change the address</a>
        </li>
        <li>
          <div>
            <strong>A copy of what is yours</strong>
            <p class="hint">Your account, your sessions and your documents, as one file.</p>
          </div>
          <form method="post" action="/account/export">
            ${csrfField(frame.csrfToken)}
            <button class="button quiet small" type="submit">Export</button>
          </form>
        </li>
        <li>
          <div>
            <strong>The end</strong>
            <p class="hint">Your account and your documents go after 14 days, in which you can take it back.</p>
          </div>
          <a class="button quiet small warn" href="/account/delete">Delete the account</a>
        </li>
      </ul>
    </section>`;
}
