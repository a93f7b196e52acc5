/** Fields that password managers know and people can paste into (catalog password-field-ux; NIST SP 800-63B-4 section 3.1.1.2). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Observation } from "../core/response.ts";
import type { AuthenticationPage, AuthenticationView, RenderPage } from "./route-pages.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const META: ControlMeta = {
  id: "password-field-ux",
  title: "Password managers and paste work, fields are masked, and nobody is asked for hints",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07"],
  owasp2025: ["A07"],
  asvs: ["v5.0.0-6.2.6", "v5.0.0-6.2.7", "v5.0.0-6.4.2"],
  cwe: ["CWE-549", "CWE-640"],
};

export const FIELD_UNKNOWN: Rule = {
  id: "password-field-ux/autocomplete",
  severity: "warning",
  what: "A field for a password or a code does not say what belongs into it.",
  why: "A password manager cannot fill it, so people choose what they can remember and type.",
  fix: 'Set autocomplete to "current-password", "new-password" or "one-time-code"; never to "off".',
};
export const FIELD_UNMASKED: Rule = {
  id: "password-field-ux/unmasked",
  severity: "warning",
  what: "A field for a password shows what is typed.",
  why: "Whoever looks over a shoulder or at a shared screen reads it, and the browser remembers it as ordinary text.",
  fix: 'Make it type="password"; a button may show it for a moment.',
};
export const FIELD_SHORT: Rule = {
  id: "password-field-ux/short",
  severity: "warning",
  what: "A password field takes fewer than 64 characters.",
  why: "Passphrases and what password managers make do not fit, and some browsers cut them off without a word.",
  fix: "Leave maxlength out, or set it to at least 64.",
};
export const FIELD_NO_PASTE: Rule = {
  id: "password-field-ux/paste-blocked",
  severity: "warning",
  what: "A password field interferes with pasting.",
  why: "People with a password manager give up on it, or on a password that is worth one.",
  fix: "Remove onpaste, oncopy, oncut, ondrop and readonly from the field.",
};
export const FIELD_QUESTION: Rule = {
  id: "password-field-ux/secret-question",
  severity: "error",
  what: "A page asks for a password hint or the answer to a secret question.",
  why: "The answers are found out in a minute, and open the account as the password does.",
  fix: "Remove it; recovery is a link to a proved address and a second factor.",
};
export const CHANGE_ADDRESS_MISSING: Rule = {
  id: "password-field-ux/change-address",
  severity: "note",
  what: "/.well-known/change-password does not lead to the page where a password is changed.",
  why: "After a breach elsewhere a password manager sends people there; they land on an error instead.",
  fix: "Mount authenticationRoutes() with pages, or give changePasswordPage.",
};

const LEAST_LONGEST = 64;
const LARGEST_PAGE = 1_048_576;
export const CHANGE_PASSWORD_ADDRESS = "/.well-known/change-password";
/** A page with all that it may show. */
const SAMPLE: Omit<AuthenticationView, "page"> = {
  action: "/sample",
  csrfToken: "sample",
  values: {},
  errors: [],
  methods: ["totp", "recovery_code"],
  offers: [],
  nonce: "sample",
};
const FORMS: readonly AuthenticationPage[] = [
  "sign_in",
  "second_factor",
  "sign_up",
  "sign_up_confirm",
  "forgot_password",
  "reset_password",
  "invitation",
  "setup",
  "confirm",
  "totp",
  "change_password",
  "change_email",
  "delete_account",
];

export interface PasswordFieldUxOptions {
  /** Renders the pages, as `authenticationRoutes()` has it; without it only what is on the wire can be judged. */
  readonly render?: RenderPage;
}

/**
 * Judges the fields of the pages that `authenticationRoutes()` serves, and of any page on the wire. The routes bring it along.
 *
 * @throws TypeError on an unknown option.
 * @example
 * passwordFieldUx({ render: authenticationPages({ name: "Folio" }) });
 */
export function passwordFieldUx(options: PasswordFieldUxOptions = {}): Control {
  rejectUnknownOptions("passwordFieldUx", options, ["render"]);
  const { render } = options;
  return {
    meta: META,
    rules: [FIELD_UNKNOWN, FIELD_UNMASKED, FIELD_SHORT, FIELD_NO_PASTE, FIELD_QUESTION, CHANGE_ADDRESS_MISSING],
    check: () =>
      render === undefined
        ? []
        : FORMS.flatMap((page) => assess(render({ ...SAMPLE, page }), { kind: "setting", name: `the page ${page}` })),
    observe: (response) => [...observeAddress(response), ...observePage(response)],
  };
}

/** W3C, A Well-Known URL for Changing Passwords, section 4: a redirect that a GET follows. */
function observeAddress({ url, status, headers }: Observation): readonly Finding[] {
  if (!canParseUrl(url) || new URL(url).pathname !== CHANGE_PASSWORD_ADDRESS) return [];
  const leads = [302, 303, 307].includes(status) && headers.some(([name]) => name === "location");
  return leads
    ? []
    : [finding(CHANGE_ADDRESS_MISSING, { kind: "response", url, header: undefined }, `status ${status}`)];
}

function observePage({ url, headers, body }: Observation): readonly Finding[] {
  const html = headers.some(([name, value]) => name === "content-type" && /^text\/html\b/iu.test(value));
  return html && body !== undefined ? assess(body, { kind: "response", url, header: undefined }) : [];
}

/** The one judgement behind `check` and `observe`. */
function assess(html: string, at: Location): readonly Finding[] {
  return inputsIn(html).flatMap((input) => {
    const named = input.get("name") ?? input.get("id") ?? "?";
    return judgeInput(input).map((rule) => finding(rule, at, named.slice(0, 60)));
  });
}

type Attributes = ReadonlyMap<string, string>;

/** Tags as they are written. A value with an angle bracket that is not escaped ends the tag early. */
function inputsIn(html: string): readonly Attributes[] {
  return [...html.slice(0, LARGEST_PAGE).matchAll(/<input\b([^<>]*)>/giu)].map(([, text = ""]) => {
    const pairs = text.matchAll(/([a-z][a-z-]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/giu);
    return new Map([...pairs].map(([, name = "", ...values]) => [name.toLowerCase(), values.find(Boolean) ?? ""]));
  });
}

function judgeInput(input: Attributes): readonly Rule[] {
  const type = (input.get("type") ?? "text").toLowerCase();
  const name = (input.get("name") ?? "").toLowerCase();
  if (type === "hidden" || type === "submit" || type === "checkbox") return [];
  if (/(?:secret|security)[_-]?(?:question|answer)|maiden[_-]?name|pass(?:word|phrase)?[_-]?hint/u.test(name))
    return [FIELD_QUESTION];
  const tokens = (input.get("autocomplete") ?? "").toLowerCase().split(/\s+/u);
  const said = tokens.includes("current-password") || tokens.includes("new-password");
  if (type !== "password" && !said && !/passw(?:or)?d|passphrase/u.test(name))
    return /otp|one[_-]?time|mfa/u.test(name) && !tokens.includes("one-time-code") ? [FIELD_UNKNOWN] : [];
  const longest = input.get("maxlength");
  return [
    ...(said || (type === "password" && tokens.includes("one-time-code")) ? [] : [FIELD_UNKNOWN]),
    ...(type === "password" ? [] : [FIELD_UNMASKED]),
    ...(longest !== undefined && Number(longest) < LEAST_LONGEST && !tokens.includes("one-time-code")
      ? [FIELD_SHORT]
      : []),
    ...(["onpaste", "oncopy", "oncut", "ondrop", "readonly"].some((one) => input.has(one)) ? [FIELD_NO_PASTE] : []),
  ];
}
