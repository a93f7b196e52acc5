/** Pages for the authentication routes: forms that work without a script. Scripts show a password and ask for a passkey. */
import type { FieldError } from "../authentication/route-fields.ts";
import type { AuthenticationPage, AuthenticationView, RenderPage } from "../authentication/route-pages.ts";
import { passkeyScript } from "../authentication/passkey-script.ts";
import { passwordRevealScript } from "../authentication/password-reveal-script.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { pageStyle } from "../core/page-style.ts";
import { dangerouslyTrustHtml, html, type SafeHtml } from "../input/html.ts";
import type { SafeUrl } from "../input/url.ts";
import { CSRF_FIELD } from "../primitives/csrf-field.ts";
import { accountPage } from "./account-page.ts";

export interface AuthenticationPagesOptions {
  /** What the product is called. */
  readonly name: string;
  /** A style sheet of your own in place of the pages': ``url`/assets/site.css` ``. */
  readonly styleSheet?: SafeUrl;
}

interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: "text" | "email" | "password";
  /** What a password manager puts here. */
  readonly autocomplete: string;
  readonly optional?: boolean;
}

/** What a page says that only tells that something is done. */
const OUTCOMES: Readonly<Record<string, string>> = {
  changed: "Your password is changed. You are signed out everywhere else.",
  scheduled: "Your account will be deleted. A mail is on its way with a link that takes it back.",
  disowned: "Every session is ended, and the password does not work any more. Look into your mailbox for a new one.",
  added: "It is added. You are signed out everywhere else.",
  removed: "It is removed. You are signed out everywhere else.",
  renamed: "It has a new name.",
  ended: "They are signed out.",
};

interface PageText {
  readonly title: string;
  readonly lines?: readonly string[];
  readonly fields?: readonly Field[];
  readonly button?: string;
  readonly links?: readonly (readonly [path: string, text: string])[];
}

const EMAIL: Field = { name: "email", label: "E-mail address", type: "email", autocomplete: "username" };
const CURRENT: Field = { name: "password", label: "Password", type: "password", autocomplete: "current-password" };
const CHOSEN: Field = { name: "password", label: "New password", type: "password", autocomplete: "new-password" };
const CODE: Field = { name: "code", label: "Code", type: "text", autocomplete: "one-time-code" };

const TEXTS: Readonly<Record<AuthenticationPage, PageText>> = {
  sign_in: {
    title: "Sign in",
    fields: [EMAIL, CURRENT],
    button: "Sign in",
    links: [
      ["/forgot-password", "Forgot your password?"],
      ["/sign-up", "Make an account"],
    ],
  },
  second_factor: {
    title: "Second factor",
    lines: ["Enter the code of your app, or a recovery code."],
    button: "Sign in",
    links: [["/sign-in", "Begin again"]],
  },
  sign_up: {
    title: "Make an account",
    fields: [EMAIL, { ...CHOSEN, label: "Password" }],
    button: "Sign up",
    links: [["/sign-in", "You have one? Sign in"]],
  },
  sign_up_confirm: {
    title: "Confirm your address",
    lines: ["Enter the password that you chose when you signed up."],
    fields: [CURRENT],
    button: "Confirm",
  },
  forgot_password: {
    title: "Forgot your password?",
    lines: ["A link to choose a new one comes by mail."],
    fields: [EMAIL],
    button: "Send me a link",
    links: [["/sign-in", "Back to sign in"]],
  },
  reset_password: { title: "Choose a new password", fields: [CHOSEN], button: "Save" },
  email_confirm: { title: "Confirm your new address", button: "Confirm" },
  invitation: {
    title: "You are invited",
    lines: ["Enter your password, or choose one if you have no account yet."],
    fields: [{ ...CHOSEN, label: "Password" }],
    button: "Accept",
  },
  setup: { title: "Make the first account", fields: [EMAIL, { ...CHOSEN, label: "Password" }], button: "Make it" },
  disown: {
    title: "This was not you?",
    lines: ["This ends every session and voids the password. A link to choose a new one comes by mail."],
    button: "Protect my account",
  },
  keep_account: { title: "Keep your account", button: "Keep it" },
  confirm: {
    title: "Confirm it is you",
    fields: [CURRENT, { ...CODE, optional: true, label: "Code of your second factor, if you have one" }],
    button: "Confirm",
  },
  totp: { title: "Add a second factor", fields: [CODE], button: "Add" },
  recovery_codes: {
    title: "Recovery codes",
    lines: [
      "Keep these where nobody else finds them. Each works once; they are not shown again, and the former ones are void.",
    ],
  },
  change_password: {
    title: "Change your password",
    fields: [{ ...CURRENT, name: "current_password", label: "Current password" }, CHOSEN],
    button: "Change",
  },
  change_email: {
    title: "Change your address",
    fields: [{ ...EMAIL, label: "New e-mail address", autocomplete: "email" }, CURRENT],
    button: "Change",
  },
  delete_account: {
    title: "Delete your account",
    lines: ["You are signed out at once. For some days a link in a mail takes it back."],
    fields: [CURRENT],
    button: "Delete",
  },
  account: { title: "Your account" },
  mail_sent: {
    title: "Look into your mailbox",
    lines: ["If there is something for that address, a mail is on its way. It may take a minute."],
  },
  done: { title: "Done" },
  link_invalid: {
    title: "This link does not work any more",
    lines: ["It has been used, replaced by a newer one, or is too old. Ask for a new one."],
  },
};

/**
 * Pages for `authenticationRoutes({ render })`: whole without a script; those there are offer to show a password and to use a passkey. Write your own
 * function of the same type for your own design, or keep the pages and give them a style sheet.
 *
 * @throws TypeError on an unknown option.
 * @example
 * authenticationRoutes(flows, { csrf: layers.csrf, render: authenticationPages({ name: "Folio" }) });
 */
export function authenticationPages(options: AuthenticationPagesOptions): RenderPage {
  rejectUnknownOptions("authenticationPages", options, ["name", "styleSheet"]);
  const { name, styleSheet } = options;
  return (view) => {
    const { title } = TEXTS[view.page];
    return String(
      html`<!doctype html>
        <html lang="en">
          <head>
            <meta charset="utf-8" />
            <meta name="viewport" content="width=device-width, initial-scale=1" />
            <title>${view.errors.length > 0 && "Not yet: "}${title} - ${name}</title>
            ${styleSheet === undefined ? dangerouslyTrustHtml(pageStyle(view.nonce)) : html`<link rel="stylesheet" href="${styleSheet}" />`}
            ${script(passwordRevealScript, view.nonce)}
            ${(offersPasskey(view) || view.account?.passkeys !== undefined) && script(passkeyScript, view.nonce)}
          </head>
          <body>
            <header class="${view.page === "account" ? "brand wide" : "brand"}">${name}</header>
            <main>
              <h1>${title}</h1>
              ${view.account === undefined ? bodyOf(view) : accountPage(view.account, view)}
            </main>
          </body>
        </html>`,
    );
  };
}

/** As a module it runs when the page is there. The nonce is the library's own, of letters and digits. */
function script(text: string, nonce: string): SafeHtml {
  return dangerouslyTrustHtml(`<script type="module" nonce="${nonce}">${text}</script>`);
}

const WITH_PASSKEY: ReadonlySet<AuthenticationPage> = new Set(["sign_in", "second_factor", "confirm", "totp"]);

function offersPasskey({ page, methods = [] }: AuthenticationView): boolean {
  return WITH_PASSKEY.has(page) && methods.includes("passkey");
}

/** Not where a passkey is all that may be added. */
function asksForm({ page, action, methods }: AuthenticationView): boolean {
  return action !== "" && (page !== "totp" || methods === undefined || methods.includes("totp"));
}

function bodyOf(view: AuthenticationView): SafeHtml {
  const { lines = [], links = [] } = TEXTS[view.page];
  const general = view.errors.filter(({ field }) => field === "");
  const outcome = view.page === "done" ? (OUTCOMES[view.values["status"] ?? ""] ?? "It is done.") : undefined;
  const ways = links.filter(([path]) => view.offers.includes(path));
  return html`${[...lines, outcome].map((line) => line !== undefined && html`<p>${line}</p>`)}
  ${[view.notice, ...general.map(({ message }) => message)].map(
    (line) => line !== undefined && html`<p role="alert">${line}</p>`,
  )}
  ${
    view.enrolment &&
    html`<p>Scan the code with an authenticator app, then enter what the app shows.</p>
      <figure>${dangerouslyTrustHtml(view.enrolment.qrSvg)}<figcaption>Or type it: <code>${view.enrolment.secret}</code></figcaption></figure>`
  }
  ${view.codes && html`<ul class="codes">${view.codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>`}
  ${asksForm(view) && formOf(view)} ${offersPasskey(view) && passkeyButton(view)}
  ${ways.length > 0 && html`<p class="links">${ways.map(([path, text]) => html`<a href="${path}">${text}</a>`)}</p>`}
  ${(view.page === "done" || view.page === "recovery_codes") && view.offers.includes("/account") && html`<p class="links"><a href="/account">Your account</a></p>`}`;
}

function passkeyButton(view: AuthenticationView): SafeHtml {
  const { page, csrfToken, values } = view;
  const adds = page === "totp";
  const path = adds ? "/account/passkeys" : "/sign-in/passkey";
  const next = values["next"] === undefined ? "" : `?next=${encodeURIComponent(values["next"])}`;
  return html`<div>
    ${asksForm(view) && html`<p class="or">or</p>`}
    <button class="quiet full" type="button" data-passkey="${adds ? "register" : "authenticate"}" data-options="${`${path}/options`}"
      data-answer="${`${path}${next}`}" data-csrf="${csrfToken}">${adds ? "Add a passkey" : "Use a passkey"}</button>
    <p role="status" data-passkey-status></p>
  </div>`;
}

function formOf(view: AuthenticationView): SafeHtml {
  const { fields = [], button = "Go on" } = TEXTS[view.page];
  const profile = (view.profile ?? []).map((name): Field => ({
    name,
    label: labelOf(name),
    type: "text",
    autocomplete: "on",
  }));
  const shown = [...profile, ...fields];
  const hidden = Object.entries(view.values).filter(([name]) => shown.every((field) => field.name !== name));
  return html`<form method="post" action="${view.action}">
    <input type="hidden" name="${CSRF_FIELD}" value="${view.csrfToken}" />
    ${hidden.map(([name, value]) => name !== "method" && html`<input type="hidden" name="${name}" value="${value}" />`)}
    ${view.page === "second_factor" && secondFactorOf(view)} ${shown.map((field) => inputOf(field, view))}
    <button class="full" type="submit">${button}</button>
  </form>`;
}

/** `company_name` as people read it. */
function labelOf(name: string): string {
  const words = name
    .replaceAll("_", " ")
    .replace(/(?<=[a-z])(?=[A-Z])/gu, " ")
    .toLowerCase();
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`;
}

function inputOf({ name, label, type, autocomplete, optional = false }: Field, view: AuthenticationView): SafeHtml {
  const errors = view.errors.filter(({ field }: FieldError) => field === name);
  const value = type === "password" ? "" : (view.values[name] ?? "");
  const rules = autocomplete === "new-password" ? (view.passwordRules ?? []) : [];
  const described = [...(rules.length > 0 ? [`${name}-rules`] : []), ...(errors.length > 0 ? [`${name}-wrong`] : [])];
  return html`<div class="field">
    <label for="${`field-${name}`}">${label}</label>
    <input
      id="${`field-${name}`}"
      type="${type}"
      name="${name}"
      value="${value}"
      autocomplete="${autocomplete}"
      ?required="${!optional}"
      ?inputmode="${autocomplete === "one-time-code" && "text"}"
      ?data-reveal="${type === "password" && "Show password"}"
      aria-invalid="${errors.length > 0 ? "true" : "false"}"
      ?aria-describedby="${described.length > 0 && described.join(" ")}"
    />
    ${rules.length > 0 && html`<p class="soft" id="${`${name}-rules`}">${rules.join(" ")}</p>`}
    ${errors.length > 0 && html`<p class="wrong" role="alert" id="${`${name}-wrong`}">${errors.map(({ message }) => message).join(" ")}</p>`}
  </div>`;
}

function secondFactorOf(view: AuthenticationView): SafeHtml {
  const methods = (view.methods ?? ["totp", "recovery_code"]).filter(
    (one) => one === "totp" || one === "recovery_code",
  );
  return html`<div class="field">
      <label for="field-method">Kind</label>
      <select id="field-method" name="method">
        ${methods.map(
          (method) =>
            html`<option value="${method}" ?selected="${view.values["method"] === method}">${method === "totp" ? "Code of the app" : "Recovery code"}</option>`,
        )}
      </select>
    </div>
    ${inputOf(CODE, view)}`;
}
