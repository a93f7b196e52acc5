import type { FactorOverview } from "./flow-factors.ts";
import type { FieldError } from "./route-fields.ts";
import type { SessionView } from "./session-inventory.ts";

/** The pages of the flows. Each is one form, but for those that only tell. */
export type AuthenticationPage =
  | "sign_in"
  | "second_factor"
  | "sign_up"
  | "sign_up_confirm"
  | "forgot_password"
  | "reset_password"
  | "email_confirm"
  | "invitation"
  | "setup"
  | "disown"
  | "keep_account"
  | "confirm"
  | "account"
  | "totp"
  | "recovery_codes"
  | "change_password"
  | "change_email"
  | "delete_account"
  | "mail_sent"
  | "done"
  | "link_invalid";

/** What a page shows. Everything in it is text for the page to encode. */
export interface AuthenticationView {
  readonly page: AuthenticationPage;
  /** Where the form is posted to; empty for a page that only tells. */
  readonly action: string;
  /** For the field `csrf_token`. */
  readonly csrfToken: string;
  /** What was typed before and is no secret, and what goes along hidden: `token`, `next`. */
  readonly values: Readonly<Record<string, string>>;
  readonly errors: readonly FieldError[];
  /** What is said above the form, such as why a sign-in did not work. */
  readonly notice?: string;
  /** What can be shown now: as a second factor, or as `passkey` in place of a password. */
  readonly methods?: readonly string[];
  /** Which of the routes there are, so that no page leads to one that was left out. */
  readonly offers: readonly string[];
  /** On the page `account`. */
  readonly account?: AccountView;
  /** The fields of the application at sign-up. */
  readonly profile?: readonly string[];
  /** For an authenticator app: a picture to scan, already SVG, and the secret to type. */
  readonly enrolment?: { readonly qrSvg: string; readonly secret: string };
  /** Shown this once. */
  readonly codes?: readonly string[];
  /** Sentences about a good password. */
  readonly passwordRules?: readonly string[];
  /** For a script or style of the page. */
  readonly nonce: string;
}

/** What people see of their own account, and change from there. */
export interface AccountView extends FactorOverview {
  readonly sessions: readonly SessionView[];
}

/** Renders a page as HTML. */
export type RenderPage = (view: AuthenticationView) => string;
