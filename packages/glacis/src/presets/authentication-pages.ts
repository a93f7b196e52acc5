/** Plain pages for the authentication routes: forms that work without a script and without a style that a policy would have to allow. The one script shows a password. */
import type { FieldError } from "../authentication/route-fields.ts";
import type { AuthenticationPage, AuthenticationView, RenderPage } from "../authentication/route-pages.ts";
import { passwordRevealScript } from "../authentication/password-reveal-script.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { dangerouslyTrustHtml, html, type SafeHtml } from "../input/html.ts";
import type { SafeUrl } from "../input/url.ts";
import { CSRF_FIELD } from "../primitives/csrf-field.ts";

export interface AuthenticationPagesOptions {
  /** What the product is called. */
  readonly name: string;
  /** A style sheet of your own: ``url`/assets/site.css` ``. */
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
      ["/sign-up", "Sign up"],
    ],
  },
  second_factor: {
    title: "Second factor",
    lines: ["Enter the code of your app, or a recovery code."],
    button: "Go on",
  },
  sign_up: { title: "Sign up", fields: [EMAIL, { ...CHOSEN, label: "Password" }], button: "Sign up" },
  sign_up_confirm: {
    title: "Confirm your address",
    lines: ["Enter the password that you chose when you signed up."],
    fields: [CURRENT],
    button: "Confirm",
  },
  forgot_password: { title: "Forgot your password?", fields: [EMAIL], button: "Send me a link" },
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
  totp: {
    title: "Add an authenticator app",
    lines: ["Scan the code, then enter what the app shows."],
    fields: [CODE],
    button: "Add",
  },
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
  mail_sent: {
    title: "Look into your mailbox",
    lines: ["If there is something for that address, a mail is on its way. It may take a minute."],
  },
  done: { title: "Done", lines: ["It is done."] },
  link_invalid: {
    title: "This link does not work any more",
    lines: ["It has been used, replaced by a newer one, or is too old. Ask for a new one."],
  },
};

/**
 * Pages for `authenticationRoutes({ render })`: plain, and whole without a script; the one there is offers to show a password. Write your own function of the same type for your own design.
 *
 * @throws TypeError on an unknown option.
 * @example
 * authenticationRoutes(flows, { csrf: layers.csrf, render: authenticationPages({ name: "Folio" }) });
 */
export function authenticationPages(options: AuthenticationPagesOptions): RenderPage {
  rejectUnknownOptions("authenticationPages", options, ["name", "styleSheet"]);
  const { name, styleSheet } = options;
  const sheet = styleSheet === undefined ? undefined : html`<link rel="stylesheet" href="${styleSheet}" />`;
  return (view) => {
    const { title } = TEXTS[view.page];
    return String(
      html`<!doctype html>
        <html lang="en">
          <head>
            <meta charset="utf-8" />
            <meta name="viewport" content="width=device-width" />
            <title>${title} - ${name}</title>
            ${sheet}
            ${revealScript(view.nonce)}
          </head>
          <body>
            <main><h1>${title}</h1>
              ${bodyOf(view)}</main>
          </body>
        </html>`,
    );
  };
}

/** As a module it runs when the page is there. The nonce is the library's own, of letters and digits. */
function revealScript(nonce: string): SafeHtml {
  return dangerouslyTrustHtml(`<script type="module" nonce="${nonce}">${passwordRevealScript}</script>`);
}

function bodyOf(view: AuthenticationView): SafeHtml {
  const { lines = [], links = [] } = TEXTS[view.page];
  const general = view.errors.filter(({ field }) => field === "");
  return html`${[...lines, ...(view.page === "sign_in" || view.action === "" ? [] : passwordLines(view))].map(
    (line) => html`<p>${line}</p>`,
  )}
  ${[view.notice, ...general.map(({ message }) => message)].map(
    (line) => line !== undefined && html`<p role="alert">${line}</p>`,
  )}
  ${
    view.enrolment &&
    html`<figure>${dangerouslyTrustHtml(view.enrolment.qrSvg)}<figcaption><code>${view.enrolment.secret}</code></figcaption></figure>`
  }
  ${view.codes && html`<ul>${view.codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>`}
  ${view.action !== "" && formOf(view)} ${links.map(([path, text]) => html`<p><a href="${path}">${text}</a></p>`)}`;
}

function passwordLines({ page, passwordRules = [] }: AuthenticationView): readonly string[] {
  return TEXTS[page].fields?.some(({ autocomplete }) => autocomplete === "new-password") === true ? passwordRules : [];
}

function formOf(view: AuthenticationView): SafeHtml {
  const { fields = [], button = "Go on" } = TEXTS[view.page];
  const profile = (view.profile ?? []).map((name): Field => ({ name, label: name, type: "text", autocomplete: "on" }));
  const shown = [...profile, ...fields];
  const hidden = Object.entries(view.values).filter(([name]) => shown.every((field) => field.name !== name));
  return html`<form method="post" action="${view.action}">
    <input type="hidden" name="${CSRF_FIELD}" value="${view.csrfToken}" />
    ${hidden.map(([name, value]) => name !== "method" && html`<input type="hidden" name="${name}" value="${value}" />`)}
    ${shown.map((field) => inputOf(field, view))} ${view.page === "second_factor" && secondFactorOf(view)}
    <button type="submit">${button}</button>
  </form>`;
}

function inputOf({ name, label, type, autocomplete, optional = false }: Field, view: AuthenticationView): SafeHtml {
  const errors = view.errors.filter(({ field }: FieldError) => field === name);
  const value = type === "password" ? "" : (view.values[name] ?? "");
  return html`<p>
    <label
      >${label}
      <input
        type="${type}"
        name="${name}"
        value="${value}"
        autocomplete="${autocomplete}"
        ?required="${!optional}"
        ?data-reveal="${type === "password" && "Show password"}"
        aria-invalid="${errors.length > 0 ? "true" : "false"}"
    /></label>
    ${errors.map(({ message }) => html`<em role="alert">${message}</em>`)}
  </p>`;
}

function secondFactorOf(view: AuthenticationView): SafeHtml {
  const methods = (view.methods ?? ["totp", "recovery_code"]).filter(
    (one) => one === "totp" || one === "recovery_code",
  );
  return html`<p>
      <label
        >Kind
        <select name="method">
          ${methods.map((method) => html`<option value="${method}">${method === "totp" ? "App" : "Recovery code"}</option>`)}
        </select></label
      >
    </p>
    ${inputOf(CODE, view)}`;
}
