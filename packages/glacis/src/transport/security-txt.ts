/** security.txt: where to report a vulnerability, and until when that is true (RFC 9116). */
import { publicAccess } from "../core/access.ts";
import { dayMs } from "../core/calendar-day.ts";
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { answer, type Answer } from "../core/decision.ts";
import type { Endpoint } from "../core/endpoint.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { observed, type Observation } from "../core/response.ts";
import { routeRule } from "../core/route.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

export const SECURITY_TXT_PATH = "/.well-known/security.txt";

const META: ControlMeta = {
  id: "security-txt",
  title: "A current security.txt says where to report a vulnerability",
  layer: "transport",
  guide: ["Next Steps: Document security practices"],
  owasp2021: ["A05", "A09"],
  owasp2025: ["A02", "A09"],
  asvs: [],
  cwe: ["CWE-1059"],
};

const DAY_MS = 86_400_000;

export const SECURITY_TXT_EXPIRED: Rule = {
  id: "security-txt/expired",
  severity: "error",
  what: "security.txt has expired, or cannot be read.",
  why: "Researchers are told not to use it, so a report goes to the public or to nobody.",
  fix: "Check that the contacts still reach somebody, then set a new `expires`.",
};
export const SECURITY_TXT_EXPIRES_SOON: Rule = {
  id: "security-txt/expires-soon",
  severity: "warning",
  what: "security.txt expires within 30 days.",
  why: "It stops being served on that day, between two deployments.",
  fix: "Check that the contacts still reach somebody, then set a new `expires`.",
};
export const SECURITY_TXT_EXPIRES_LATE: Rule = {
  id: "security-txt/expires-late",
  severity: "warning",
  what: "security.txt is said to be true for more than a year.",
  why: "People and addresses change; RFC 9116 section 2.5.5 recommends less than a year, so that somebody looks.",
  fix: "Set `expires` to less than a year from now.",
};

export interface SecurityTxtOptions {
  /** Where to report, best first: `mailto:`, `tel:` or `https://`. At least one. */
  readonly contact: readonly string[];
  /** The moment after which nobody should rely on this any more, as ISO 8601 with a zone, such as `2027-06-01T00:00:00Z`. */
  readonly expires: string;
  /** Keys to encrypt a report with: `https://`, `dns:` or `openpgp4fpr:`. */
  readonly encryption?: readonly string[];
  readonly acknowledgments?: readonly string[];
  /** Languages that reports may be written in, such as `en`. */
  readonly preferredLanguages?: readonly string[];
  /** The complete URLs under which this file is the right one. */
  readonly canonical?: readonly string[];
  readonly policy?: readonly string[];
  readonly hiring?: readonly string[];
}

const OPTION_NAMES: readonly (keyof SecurityTxtOptions)[] = [
  "contact",
  "expires",
  "encryption",
  "acknowledgments",
  "preferredLanguages",
  "canonical",
  "policy",
  "hiring",
];

export interface SecurityTxt {
  /** Goes into the endpoints: serves the file. */
  readonly endpoint: Endpoint<Answer>;
  /** Goes into the transport layer: finds a file that has expired or soon will. */
  readonly control: Control;
}

/**
 * Serves `/.well-known/security.txt` for everyone, until it expires: a stale file is worse than none, so after that day the answer is 404, and
 * the check has said so for a month.
 *
 * @throws TypeError when a field is missing or is not what RFC 9116 takes.
 * @example
 * securityTxt({ contact: ["mailto:security@example.com"], expires: "2027-06-01T00:00:00Z" });
 */
export function securityTxt(options: SecurityTxtOptions): SecurityTxt {
  rejectUnknownOptions("securityTxt", options, OPTION_NAMES);
  const expiresMs = expiry(options.expires);
  const body = render(options, expiresMs);
  return {
    endpoint: {
      method: "GET",
      path: SECURITY_TXT_PATH,
      rule: routeRule(publicAccess("security.txt is read by anyone who found a flaw"), {
        kind: "asset",
        cacheControl: "public, max-age=3600",
      }),
      accepts: [],
      handle: ({ receivedAtMs }) =>
        receivedAtMs < expiresMs ? answer(200, [["content-type", "text/plain; charset=utf-8"]], body) : answer(404),
    },
    control: {
      meta: META,
      rules: [SECURITY_TXT_EXPIRED, SECURITY_TXT_EXPIRES_SOON, SECURITY_TXT_EXPIRES_LATE],
      check: ({ nowMs }: Deployment) => assess(expiresMs, nowMs, { kind: "setting", name: "securityTxt.expires" }),
      observe: observeFile,
    },
  };
}

/** The judgement behind `check`. */
function assess(expiresMs: number, nowMs: number, at: Location): readonly Finding[] {
  const days = Math.floor((expiresMs - nowMs) / DAY_MS);
  if (expiresMs <= nowMs) return [finding(SECURITY_TXT_EXPIRED, at)];
  if (days < 30) return [finding(SECURITY_TXT_EXPIRES_SOON, at, `${days} days left`)];
  return days > 366 ? [finding(SECURITY_TXT_EXPIRES_LATE, at, `${days} days left`)] : [];
}

/** On the wire an expired file shows as an absent one. */
function observeFile(observation: Observation): readonly Finding[] {
  const { url, status } = observation;
  if (!canParseUrl(url) || new URL(url).pathname !== SECURITY_TXT_PATH) return [];
  const text = (observed(observation, "content-type")[0] ?? "").toLowerCase().startsWith("text/plain");
  return status === 200 && text
    ? []
    : [finding(SECURITY_TXT_EXPIRED, { kind: "response", url, header: undefined }, `status ${status}`)];
}

/** RFC 3339 with a zone; a date alone would mean another moment in every time zone. */
function expiry(expires: unknown): number {
  const valid =
    typeof expires === "string" &&
    /^\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/u.test(expires);
  const parsed = valid && dayMs(expires.slice(0, 10)) !== undefined ? Date.parse(expires) : Number.NaN;
  if (Number.isNaN(parsed))
    throw new TypeError('securityTxt() needs expires as a moment with its zone, such as "2027-06-01T00:00:00Z".');
  return parsed;
}

function render(options: SecurityTxtOptions, expiresMs: number): string {
  const { contact, encryption, acknowledgments, canonical, policy, hiring, preferredLanguages } = options;
  if (!Array.isArray(contact) || contact.length === 0) {
    throw new TypeError('securityTxt() needs at least one contact, such as "mailto:security@example.com".');
  }
  const lines = [
    ...uris("contact", contact, ["mailto:", "tel:", "https:"]),
    `Expires: ${new Date(expiresMs).toISOString()}`,
    ...uris("encryption", encryption, ["https:", "dns:", "openpgp4fpr:"]),
    ...uris("acknowledgments", acknowledgments, ["https:"]),
    ...languages(preferredLanguages),
    ...uris("canonical", canonical, ["https:"]),
    ...uris("policy", policy, ["https:"]),
    ...uris("hiring", hiring, ["https:"]),
  ];
  return `${lines.join("\r\n")}\r\n`;
}

function uris(option: keyof SecurityTxtOptions, values: unknown, schemes: readonly string[]): readonly string[] {
  if (values === undefined) return [];
  if (!Array.isArray(values)) throw new TypeError(`securityTxt() needs ${option} as an array.`);
  const field = option.charAt(0).toUpperCase() + option.slice(1);
  return values.map((value: unknown) => {
    // Printable ASCII alone: a line break would write a field of its own.
    const written =
      typeof value === "string" && /^[\x21-\x7e]+$/u.test(value) && canParseUrl(value) ? new URL(value) : undefined;
    const complete = written !== undefined && written.href.length > written.protocol.length;
    if (!complete || !schemes.includes(written.protocol)) {
      const hint = option === "contact" ? ' Write an e-mail address as "mailto:security@example.com".' : "";
      throw new TypeError(`securityTxt() takes for ${option} complete URIs with ${schemes.join(", ")}.${hint}`);
    }
    return `${field}: ${String(value)}`;
  });
}

function languages(tags: unknown): readonly string[] {
  if (tags === undefined) return [];
  try {
    if (!Array.isArray(tags) || tags.length === 0) throw new RangeError("An empty list names no language.");
    return [`Preferred-Languages: ${Intl.getCanonicalLocales(tags as string[]).join(", ")}`];
  } catch (cause) {
    throw new TypeError('securityTxt() takes preferredLanguages as language tags, such as ["en", "de"].', { cause });
  }
}
