/** The page of one's own account: what there is, and a button or a way to change it. */
import type { AccountView, AuthenticationView } from "../authentication/route-pages.ts";
import { html, type SafeHtml } from "../input/html.ts";
import { CSRF_FIELD } from "../primitives/csrf-field.ts";

type Page = Pick<AuthenticationView, "csrfToken" | "offers">;

/** The parts whose routes were left out are not there. */
export function accountPage(account: AccountView, page: Page): SafeHtml {
  return html`<p class="soft">${account.email}</p>
    ${signInSection(page)} ${factorSection(account, page)} ${sessionSection(account, page)} ${endSection(page)}`;
}

function signInSection(page: Page): SafeHtml {
  return html`<h2>Signing in</h2>
    <ul class="rows">
      ${row(page, "/account/email", "E-mail address", link("/account/email", "Change address"))}
      ${row(page, "/account/password", "Password", link("/account/password", "Change password"))}
    </ul>`;
}

function factorSection({ totp, recoveryCodes, passkeys }: AccountView, page: Page): SafeHtml | false {
  if (totp === undefined && passkeys === undefined) return false;
  const hasFactor = totp === true || (passkeys?.length ?? 0) > 0;
  return html`<h2>Second factors</h2>
    <p class="soft">With one of these your password alone lets nobody in.</p>
    <ul class="rows">
      ${totp === true && row(page, "/account/totp/remove", "Authenticator app", button(page, "/account/totp/remove", "Remove the app"))}
      ${totp === false && row(page, "/account/totp", "Authenticator app", link("/account/totp", "Add an app"))}
      ${(passkeys ?? []).map(({ id, name, createdAtMs }) =>
        row(
          page,
          "/account/passkeys/remove",
          html`${name}<br />${day("Passkey since", createdAtMs)}`,
          button(page, "/account/passkeys/remove", `Remove ${name}`, { id }),
        ),
      )}
      ${
        recoveryCodes !== undefined &&
        hasFactor &&
        row(
          page,
          "/account/recovery-codes",
          html`Recovery codes<br /><span class="soft">${recoveryCodes === 0 ? "None: a lost phone would lock you out." : `${recoveryCodes} left`}</span>`,
          button(page, "/account/recovery-codes", recoveryCodes === 0 ? "Make codes" : "Make new codes"),
        )
      }
    </ul>
    ${passkeys !== undefined && page.offers.includes("/account/passkeys") && passkeyForm(page)}`;
}

function passkeyForm({ csrfToken }: Page): SafeHtml {
  return html`<div class="field">
      <label for="passkey-name">Name of a new passkey</label>
      <input id="passkey-name" type="text" maxlength="60" autocomplete="off" />
    </div>
    <button class="quiet" type="button" data-passkey="register" data-options="/account/passkeys/options"
      data-answer="/account/passkeys" data-name="passkey-name" data-csrf="${csrfToken}"
      data-failed="That did not work. If you signed in a while ago, confirm it is you, then try again.">Add a passkey</button>
    <p role="status" data-passkey-status></p>`;
}

function sessionSection({ sessions }: AccountView, page: Page): SafeHtml {
  return html`<h2>Where you are signed in</h2>
    <ul class="rows">
      ${sessions.map(({ handle, label, current, seenAtMs }) =>
        row(
          page,
          "/account/sessions",
          html`${label}<br />${current ? html`<span class="soft">This one</span>` : day("Last seen", seenAtMs)}`,
          !current && button(page, "/account/sessions/end", `Sign out ${label}`, { handle }),
        ),
      )}
    </ul>
    ${sessions.length > 1 && page.offers.includes("/account/sessions/end-others") && html`<p>${button(page, "/account/sessions/end-others", "Sign out everywhere else")}</p>`}`;
}

function endSection(page: Page): SafeHtml {
  return html`<h2>Your data</h2>
    <ul class="rows">
      ${row(page, "/account/export", "A copy of your data", button(page, "/account/export", "Download"))}
      ${row(page, "/account/delete", "Your account", link("/account/delete", "Delete account"))}
      ${row(page, "/sign-out", "This browser", button(page, "/sign-out", "Sign out"))}
    </ul>`;
}

function row({ offers }: Page, path: string, what: SafeHtml | string, way: SafeHtml | false): SafeHtml | false {
  return offers.includes(path) && html`<li><div>${what}</div>${way}</li>`;
}

function link(path: string, text: string): SafeHtml {
  return html`<a href="${path}">${text}</a>`;
}

function button(
  { csrfToken }: Page,
  action: string,
  label: string,
  values: Readonly<Record<string, string>> = {},
): SafeHtml {
  return html`<form method="post" action="${action}">
    <input type="hidden" name="${CSRF_FIELD}" value="${csrfToken}" />
    ${Object.entries(values).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    <button class="quiet" type="submit">${label}</button>
  </form>`;
}

/** To the day, in no time zone of anybody's. */
function day(words: string, timeMs: number): SafeHtml {
  const date = new Date(timeMs).toISOString().slice(0, 10);
  return html`<span class="soft">${words} <time datetime="${date}">${date}</time></span>`;
}
