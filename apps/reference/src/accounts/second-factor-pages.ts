import type { Passkey, TotpEnrolment } from "glacis/authentication";
import { dangerouslyTrustHtml, html, type SafeHtml } from "glacis/input";
import { csrfField, errorSummary, field, hasErrors, type FormState } from "../views/form.ts";
import { layout, type Frame } from "../views/layout.ts";
import { time } from "../views/time.ts";

const CODE = {
  name: "code",
  label: "Code",
  hint: "Six digits, as your app shows them now.",
  autocomplete: "one-time-code",
  inputmode: "numeric",
  required: true,
} as const;
const RECOVERY = {
  name: "code",
  label: "Recovery code",
  hint: "One of those that you wrote down. It works once.",
  autocomplete: "off",
  prefix: "recovery-",
  required: true,
} as const;

/** The second half of a sign-in. */
export function secondFactorPage(frame: Frame, state: FormState, methods: readonly string[]): SafeHtml {
  const tried = state.values["method"];
  const stateOf = (method: string): FormState =>
    tried === undefined || tried === method ? state : { ...state, errors: {} };
  const next = state.values["next"];
  const form = (method: string, content: SafeHtml, label: string): SafeHtml => html`
    <form class="stack" method="post" action="/sign-in/second-factor" novalidate>
      ${csrfField(frame.csrfToken)}
      <input type="hidden" name="method" value="${method}">
      ${next !== undefined && html`<input type="hidden" name="next" value="${next}">`}
      ${content}
      <button class="button wide" type="submit">${label}</button>
    </form>`;
  const has = (method: string): boolean => methods.length === 0 || methods.includes(method);
  return layout(
    frame,
    { title: "Second step", failed: hasErrors(state), focused: true },
    html`
      <div class="narrow stack">
        ${errorSummary(state.errors, tried === "recovery_code" ? "recovery-" : "")}
        <div class="sheet stack">
          <h1>One more step</h1>
          <p class="lead">Your password is right. Now show your second factor.</p>
          ${methods.includes("passkey") && passkeySignIn(frame.csrfToken)}
          ${has("totp") && form("totp", field({ ...CODE, state: stateOf("totp"), autofocus: true }), "Sign in")}
        </div>
        ${
          has("recovery_code") &&
          html`
            <details class="sheet" ?open="${tried === "recovery_code"}">
              <summary>Use a recovery code</summary>
              ${form("recovery_code", field({ ...RECOVERY, state: stateOf("recovery_code") }), "Sign in with a recovery code")}
            </details>`
        }
        <p><a href="/sign-in">Begin again</a></p>
      </div>`,
  );
}

function passkeySignIn(token: string): SafeHtml {
  return html`
    <div class="stack" data-needs-script hidden>
      <button class="button wide" type="button" data-passkey="authenticate" data-options="/sign-in/passkey/options"
        data-answer="/sign-in/passkey" data-csrf="${token}">Use your passkey</button>
      <p class="hint" role="status" data-passkey-status></p>
    </div>`;
}

export interface SecondFactorsView {
  readonly totp: boolean;
  readonly recoveryCodes: number;
  /** Undefined where browsers have none. */
  readonly passkeys: readonly Passkey[] | undefined;
}

/** Part of the settings. */
export function secondFactorsSection(frame: Frame, view: SecondFactorsView): SafeHtml {
  const any = view.totp || (view.passkeys ?? []).length > 0;
  return html`
    <section class="sheet stack after" id="second-factors" aria-labelledby="factors-title">
      <h2 id="factors-title">Second factors</h2>
      <p class="hint">With one of these your password alone lets nobody in.</p>
      <ul class="rows">
        <li>
          <div>
            <strong>Authenticator app</strong>
            <p class="hint">${view.totp ? "You are asked for a code of your app when you sign in." : "An app on your phone shows a new code every half minute."}</p>
          </div>
          ${view.totp ? button(frame, "/settings/authenticator/remove", "Remove the app") : button(frame, "/settings/authenticator", "Add an app")}
        </li>
        ${(view.passkeys ?? []).map((passkey) => passkeyRow(frame, passkey))}
        ${any && recoveryRow(frame, view.recoveryCodes)}
      </ul>
      ${view.passkeys !== undefined && addPasskey(frame)}
    </section>`;
}

function passkeyRow(frame: Frame, { id, name, createdAtMs, usedAtMs }: Passkey): SafeHtml {
  return html`
    <li>
      <div>
        <strong>Passkey: ${name}</strong>
        <p class="hint">Added ${time(createdAtMs)}${usedAtMs !== undefined && html`, last used ${time(usedAtMs)}`}</p>
      </div>
      ${button(frame, "/settings/passkeys/remove", `Remove ${name}`, { id })}
    </li>`;
}

function recoveryRow(frame: Frame, left: number): SafeHtml {
  return html`
    <li>
      <div>
        <strong>Recovery codes</strong>
        <p class="hint">${left === 0 ? "You have none. Make some, or a lost phone locks you out." : `${left} left, for the day your phone is lost.`}</p>
      </div>
      ${button(frame, "/settings/recovery-codes", left === 0 ? "Make recovery codes" : "Make new ones")}
    </li>`;
}

function addPasskey({ csrfToken }: Frame): SafeHtml {
  return html`
    <div class="stack" data-needs-script hidden>
      ${field({ state: { values: {}, errors: {} }, name: "passkey-name", label: "Name of a new passkey (optional)", hint: "Such as the device that keeps it.", maxlength: 60 })}
      <button class="button quiet" type="button" data-passkey="register" data-options="/settings/passkeys/options"
        data-answer="/settings/passkeys" data-name="passkey-name" data-csrf="${csrfToken}"
        data-failed="That did not work. If you signed in a while ago, sign in again first.">Add a passkey</button>
      <p class="hint" role="status" data-passkey-status></p>
    </div>`;
}

function button(
  { csrfToken }: Frame,
  action: string,
  label: string,
  values: Readonly<Record<string, string>> = {},
): SafeHtml {
  return html`
    <form method="post" action="${action}">
      ${csrfField(csrfToken)}
      ${Object.entries(values).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
      <button class="button quiet small" type="submit">${label}</button>
    </form>`;
}

type Enrolment = Pick<TotpEnrolment, "qrSvg" | "secret">;

/** @param enrolment shown once; without it the app has the secret already, and only the code is missing */
export function authenticatorPage(frame: Frame, state: FormState, enrolment?: Enrolment): SafeHtml {
  const back = html`<p><a href="/settings">Back to the settings</a></p>`;
  return layout(
    frame,
    { title: "Add an authenticator app", section: "/settings", failed: hasErrors(state) },
    enrolmentForm(frame, state, enrolment, "/settings/authenticator/confirm", back),
  );
}

/** For whoever is not let in without a second factor. */
export function enrolmentPage(frame: Frame, state: FormState, enrolment?: Enrolment): SafeHtml {
  const why = html`<p class="hint">Your workspace requires a second factor. You are signed in once you have added one.</p>
    <p><a href="/sign-in">Begin again</a></p>`;
  return layout(
    frame,
    { title: "Add an authenticator app", failed: hasErrors(state), focused: true },
    enrolmentForm(frame, state, enrolment, "/account/totp", why),
  );
}

function enrolmentForm(
  frame: Frame,
  state: FormState,
  enrolment: Enrolment | undefined,
  action: "/settings/authenticator/confirm" | "/account/totp",
  after: SafeHtml,
): SafeHtml {
  return html`
      <div class="narrow stack">
        ${errorSummary(state.errors)}
        <div class="sheet stack">
          <h1>Add an authenticator app</h1>
          ${enrolment === undefined ? html`<p class="lead">Your app has the secret. Enter the code that it shows now.</p>` : scan(enrolment)}
          <form class="stack" method="post" action="${action}" novalidate>
            ${csrfField(frame.csrfToken)}
            ${field({ ...CODE, state })}
            <button class="button wide" type="submit">Add the app</button>
          </form>
          ${after}
        </div>
      </div>`;
}

function scan({ qrSvg, secret }: Enrolment): SafeHtml {
  return html`
    <p class="lead">Scan this with the app, or type the key by hand. Then enter the code that the app shows.</p>
    <div class="qr" role="img" aria-label="QR code with the key that stands below">${dangerouslyTrustHtml(qrSvg)}</div>
    <p class="key">Key: <code>${(secret.match(/.{1,4}/gu) ?? []).join(" ")}</code></p>`;
}

/** The codes, once. */
export function recoveryCodesPage(frame: Frame, codes: readonly string[]): SafeHtml {
  return layout(
    frame,
    { title: "Your recovery codes", section: "/settings" },
    html`
      <div class="narrow stack">
        <div class="sheet stack">
          <h1>Your recovery codes</h1>
          <p class="lead">Print them or write them down, and keep them where your phone is not. Each works once; they are not shown again.</p>
          <ol class="codes">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ol>
          <p class="actions"><a class="button" href="/settings?notice=factors">I have kept them</a></p>
        </div>
      </div>`,
  );
}
