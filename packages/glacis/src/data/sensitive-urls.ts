/** No credentials and no personal numbers in URLs: those are logged, cached, kept in histories and sent on as referrers (CWE-598). */
import { unescape } from "node:querystring";
import type { Control, ControlMeta } from "../core/control.ts";
import { ALLOW, deny, type Decision } from "../core/decision.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";

const META: ControlMeta = {
  id: "sensitive-urls",
  title: "Credentials are refused in the query of a URL",
  layer: "data",
  guide: ["A04"],
  owasp2021: ["A04", "A02"],
  owasp2025: ["A06", "A04"],
  asvs: ["v5.0.0-14.2.1"],
  cwe: ["CWE-598", "CWE-200"],
};

export const SENSITIVE_URL_ALLOWED: Rule = {
  id: "sensitive-urls/path-excepted",
  severity: "note",
  what: "Credentials are accepted in the URLs of a path.",
  why: "Each proxy, history and analytics script on the way keeps them.",
  fix: "Take them in a header or in the body; keep the exception for links that work once, and exchange those by POST.",
};

/** Without case and without `-`, `_`, `.` and brackets. What a link may carry once, such as `token` or `code`, is not among them. */
const REFUSED_NAMES: ReadonlySet<string> = new Set(
  "password passwd pwd passphrase passcode secret clientsecret secretkey privatekey apikey xapikey apisecret accesskey accesstoken refreshtoken idtoken authtoken bearertoken bearer authorization jwt jsessionid phpsessid sessiontoken csrftoken ssn socialsecuritynumber creditcard cardnumber ccnumber cvv cvc cvv2 iban".split(
    " ",
  ),
);
const LONGEST_NAME = 64;

export interface SensitiveUrlsOptions {
  /** More names that no query may have, such as `email`. */
  readonly refuse?: readonly string[];
  /** Exact paths that are excepted, such as that of a partner's callback. A finding. */
  readonly exceptPaths?: readonly string[];
}

/**
 * Refuses a request whose query has a parameter that is called like a credential, whatever its value. The event names the parameter as it stands in
 * the list and quotes nothing.
 *
 * @throws TypeError on an unknown option, a name without letters or digits, or a path that does not begin with a slash.
 * @example
 * sensitiveUrls({ refuse: ["email"], exceptPaths: ["/partner/callback"] });
 */
export function sensitiveUrls(options: SensitiveUrlsOptions = {}): Control {
  rejectUnknownOptions("sensitiveUrls", options, ["refuse", "exceptPaths"]);
  const { refuse = [], exceptPaths = [] } = options;
  const names = new Set([...REFUSED_NAMES, ...refuse.map(bareName)]);
  if (names.has("")) throw new TypeError("sensitiveUrls() needs each name to refuse with a letter or digit in it.");
  const wrong = exceptPaths.find((path) => !path.startsWith("/"));
  if (wrong !== undefined) throw new TypeError(`sensitiveUrls() needs exceptPaths like "/callback", not "${wrong}".`);
  const excepted = new Set(exceptPaths);
  return {
    meta: META,
    rules: [SENSITIVE_URL_ALLOWED],
    decide({ query, path }) {
      const name = query === "" ? undefined : credentialIn(query, names);
      return name === undefined || excepted.has(path) ? ALLOW : refused(name);
    },
    check: ({ mode }) =>
      mode === "production"
        ? exceptPaths.map((path) => finding(SENSITIVE_URL_ALLOWED, { kind: "setting", name: "exceptPaths" }, path))
        : [],
  };
}

function credentialIn(query: string, names: ReadonlySet<string>): string | undefined {
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    const name = equals === -1 ? pair : pair.slice(0, equals);
    // An empty value gives nothing away: a form that was sent without it.
    if (equals === -1 || equals === pair.length - 1 || name.length > LONGEST_NAME * 3) continue;
    const bare = bareName(name.includes("%") ? unescape(name) : name);
    if (names.has(bare)) return bare;
  }
  return undefined;
}

/** `user[password]`, `api-key` and `API_KEY` alike; of nested names the innermost. */
function bareName(name: string): string {
  const nested = /\[([^[\]]+)\](?:\[\])*$/u.exec(name)?.[1] ?? name;
  return nested.toLowerCase().replaceAll(/[^a-z0-9]/gu, "");
}

function refused(name: string): Decision {
  return deny(
    "credential_in_url",
    {
      event_type: "input_validation",
      status: "refused",
      severity: "warning",
      event: "credential_in_url",
      control: META.id,
      reason: "credential_in_url",
      detail: name,
    },
    { why: `The query has a parameter called like a credential (${name}).` },
  );
}
