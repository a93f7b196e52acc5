/** The pages of the library's flows, in Folio's own design. Each is one form, or says what happened. */
import { CSRF_FIELD, type AuthenticationView, type RenderPage } from "glacis/authentication";
import { html, type SafeHtml } from "glacis/input";
import type { Assets } from "../assets.ts";
import type { DemoTenant } from "../demo.ts";
import { csrfField, errorSummary, field, type FieldOptions, type FormState } from "../views/form.ts";
import { layout, type Frame } from "../views/layout.ts";
import { SSO_START } from "./single-sign-on.ts";
import { demoAccounts } from "./pages.ts";
import { enrolmentPage, secondFactorPage } from "./second-factor-pages.ts";

export interface FlowPagesOptions {
  readonly assets: Assets;
  /** Shown on the sign-in page. */
  readonly demo: readonly DemoTenant[];
  readonly hasPasskeys: boolean;
  /** The name of the identity provider that people may sign in through. */
  readonly provider?: string | undefined;
}

interface FlowPage {
  readonly title: string;
  readonly lead?: string;
  readonly fields?: readonly Omit<FieldOptions, "state">[];
  readonly button?: string;
  readonly danger?: boolean;
  readonly after?: SafeHtml;
}

const EMAIL = {
  name: "email",
  label: "E-mail address",
  type: "email",
  autocomplete: "username",
  required: true,
} as const;
const PRESENT = {
  name: "password",
  label: "Password",
  type: "password",
  autocomplete: "current-password",
  required: true,
} as const;
const CHOSEN = { ...PRESENT, label: "New password", autocomplete: "new-password" } as const;
const NAME = { name: "name", label: "Your name", autocomplete: "name", maxlength: 80, required: true } as const;
const SETTINGS = html`<p><a href="/settings">Back to the settings</a></p>`;
const TO_SIGN_IN = html`<p><a href="/sign-in">Go to the sign-in page</a></p>`;

const PAGES: Readonly<Record<Exclude<AuthenticationView["page"], "second_factor" | "totp">, FlowPage>> = {
  sign_in: {
    title: "Sign in",
    fields: [{ ...EMAIL, autofocus: true }, PRESENT],
    button: "Sign in",
    after: html`
      <p><a href="/forgot-password">Forgot your password?</a></p>
      <p>New here? <a href="/sign-up">Create a workspace</a></p>`,
  },
  sign_up: {
    title: "Create a workspace",
    lead: "A workspace belongs to one team. You will be its owner.",
    fields: [
      {
        name: "workspace",
        label: "Workspace",
        hint: "Such as the name of your company.",
        autocomplete: "organization",
        maxlength: 80,
        required: true,
        autofocus: true,
      },
      NAME,
      EMAIL,
      { ...CHOSEN, label: "Password" },
    ],
    button: "Create workspace",
    after: html`<p>Already have one? <a href="/sign-in">Sign in</a></p>`,
  },
  sign_up_confirm: {
    title: "Confirm your address",
    lead: "Enter the password that you chose when you signed up. Your workspace is made, and you are signed in.",
    fields: [{ ...PRESENT, autofocus: true }],
    button: "Confirm and sign in",
  },
  forgot_password: {
    title: "Forgot your password?",
    lead: "Tell us your address. If it has an account, a link comes by mail, and works once within 30 minutes.",
    fields: [{ ...EMAIL, autofocus: true }],
    button: "Send me a link",
    after: TO_SIGN_IN,
  },
  reset_password: {
    title: "Choose a new password",
    lead: "You are signed out everywhere. Then sign in with the new password.",
    fields: [{ ...CHOSEN, autofocus: true }],
    button: "Save the new password",
  },
  email_confirm: {
    title: "Confirm your new address",
    lead: "From now on you sign in with it. You are signed out everywhere.",
    button: "Confirm",
  },
  invitation: {
    title: "You are invited",
    lead: "A colleague wants you in a workspace. Choose a password, or enter your own if you have an account.",
    fields: [NAME, { ...CHOSEN, label: "Password" }],
    button: "Join the workspace",
  },
  disown: {
    title: "This was not you?",
    lead: "Every session ends at once and the password is void. A link to choose a new one comes by mail.",
    button: "Protect my account",
    danger: true,
  },
  keep_account: { title: "Keep your account", lead: "It will not be deleted.", button: "Keep it" },
  confirm: {
    title: "Confirm that it is you",
    lead: "What you are about to do needs a fresh proof.",
    fields: [
      { ...PRESENT, required: false, autofocus: true },
      {
        name: "code",
        label: "Code",
        hint: "Of your authenticator app, or a recovery code; leave it empty if you have neither.",
        autocomplete: "one-time-code",
      },
    ],
    button: "Confirm",
    after: SETTINGS,
  },
  change_password: {
    title: "Change your password",
    lead: "You are signed out everywhere else.",
    fields: [{ ...PRESENT, name: "current_password", label: "Present password" }, CHOSEN],
    button: "Change password",
    after: SETTINGS,
  },
  change_email: {
    title: "Change your address",
    lead: "A link goes to the new address. Nothing changes before you open it.",
    fields: [{ ...EMAIL, label: "New e-mail address", autocomplete: "email" }, PRESENT],
    button: "Send the link",
    after: SETTINGS,
  },
  delete_account: {
    title: "Delete your account",
    lead: "You are signed out at once. Your account and your documents go after 14 days; until then a link that comes by mail takes it back.",
    fields: [PRESENT],
    button: "Delete my account",
    danger: true,
    after: SETTINGS,
  },
  mail_sent: {
    title: "Look into your mailbox",
    lead: "If all is well with the address, a mail with a link is on its way. It may take a minute.",
    after: TO_SIGN_IN,
  },
  done: { title: "Done" },
  account: { title: "Your account", after: SETTINGS },
  recovery_codes: { title: "Your recovery codes", after: SETTINGS },
  setup: { title: "Make the first account", fields: [EMAIL, CHOSEN], button: "Make the account" },
  link_invalid: {
    title: "This link does not work any more",
    lead: "It was used, it is too old, or a newer one took its place. Ask for a new one.",
    after: TO_SIGN_IN,
  },
};

const DONE: Readonly<Record<string, FlowPage>> = {
  changed: { title: "Your password is changed", lead: "You are signed out everywhere else.", after: SETTINGS },
  scheduled: {
    title: "Your account will be deleted",
    lead: "You are signed out. A mail with a link to keep it is on its way.",
    after: TO_SIGN_IN,
  },
  disowned: {
    title: "Your account is protected",
    lead: "Every session has ended. A link to choose a new password comes by mail.",
    after: TO_SIGN_IN,
  },
};

/** After these a mail is on its way. */
const MAILS: ReadonlySet<FlowPage | undefined> = new Set([PAGES.mail_sent, DONE["scheduled"], DONE["disowned"]]);
const OUTBOX = html`<p>This is a demonstration, whose mail stays here: <a href="/outbox">open the outbox</a>.</p>`;

export function flowPages({ assets, demo, hasPasskeys, provider }: FlowPagesOptions): RenderPage {
  return (view) => {
    const frame: Frame = { assets, nonce: view.nonce, viewer: undefined, csrfToken: view.csrfToken };
    const state = stateOf(view);
    if (view.page === "totp") return String(enrolmentPage(frame, state, view.enrolment));
    if (view.page === "second_factor") return String(secondFactorPage(frame, state, view.methods ?? []));
    const page = (view.page === "done" ? DONE[view.values["status"] ?? ""] : undefined) ?? PAGES[view.page];
    const place = view.page === "sign_in" ? "/sign-in" : view.page === "confirm" ? "/confirm" : undefined;
    const failed = view.errors.length > 0 || view.notice !== undefined;
    return String(
      layout(
        frame,
        { title: page.title, failed, focused: view.page !== "sign_in" && view.page !== "sign_up" },
        html`
          <div class="narrow stack">
            ${errorSummary(state.errors, "", page.fields)}
            <div class="sheet stack">
              <h1>${page.title}</h1>
              ${page.lead !== undefined && html`<p class="lead">${page.lead}</p>`}
              ${page.button !== undefined && formOf(page, view, state)}
              ${place !== undefined && hasPasskeys && passkeyButton(view.csrfToken, place, view.values["next"])}
              ${view.page === "sign_in" && provider !== undefined && providerButton(provider, view.values["next"])}
              ${demo.length > 0 && MAILS.has(page) && OUTBOX}
              ${page.after}
            </div>
            ${view.page === "sign_in" && demo.length > 0 && demoAccounts(demo)}
          </div>`,
      ),
    );
  };
}

/**
 * For the page's script, which shows it where the browser has passkeys.
 *
 * @param place where its two addresses begin
 * @param next travels in the address of the answer
 */
function passkeyButton(token: string, place: "/sign-in" | "/confirm", next: string | undefined): SafeHtml {
  const query = next === undefined ? "" : `?next=${encodeURIComponent(next)}`;
  return html`
    <div class="stack" data-needs-script hidden>
      <button class="button quiet wide" type="button" data-passkey="authenticate" data-options="${place}/passkey/options"
        data-answer="${`${place}/passkey${query}`}" data-csrf="${token}">Use a passkey</button>
      <p class="hint" role="status" data-passkey-status></p>
    </div>`;
}

function providerButton(name: string, next: string | undefined): SafeHtml {
  const path = `${SSO_START}${next === undefined ? "" : `&next=${encodeURIComponent(next)}`}`;
  return html`<a class="button quiet wide" href="${path}">Continue with ${name}</a>`;
}

function formOf(
  { fields = [], button, danger = false }: FlowPage,
  view: AuthenticationView,
  state: FormState,
): SafeHtml {
  const shown = new Set(fields.map(({ name }) => name));
  const hidden = Object.entries(view.values).filter(([name]) => !shown.has(name) && name !== CSRF_FIELD);
  const rules = view.passwordRules?.join(" ");
  return html`
    <form class="stack" method="post" action="${view.action}" novalidate>
      ${csrfField(view.csrfToken)}
      ${hidden.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
      ${fields.map((one) =>
        field({
          ...one,
          state,
          ...(one.autocomplete === "new-password" && rules !== undefined && { hint: rules }),
        }),
      )}
      <button class="button wide ${danger ? "danger" : ""}" type="submit">${button}</button>
    </form>`;
}

/** The first message of each field; what belongs to no field comes first. */
function stateOf({ values, errors, notice }: AuthenticationView): FormState {
  const byField: Record<string, string> = notice === undefined ? {} : { "": notice };
  for (const { field: name, message } of errors) byField[name] ??= message;
  return { values, errors: byField };
}
