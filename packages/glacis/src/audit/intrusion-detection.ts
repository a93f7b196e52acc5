/** Bait: credentials that nobody was given and paths that nobody is sent to, so that any use is an attack (catalog intrusion-detection). */
import { createHash } from "node:crypto";
import type { Control, ControlMeta, DeclaredRoute } from "../core/control.ts";
import { ALLOW, allow, deny, type Decision } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import type { RequestFacts } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { cooldown } from "./detection-cooldown.ts";

export const INTRUSION_META: ControlMeta = {
  id: "intrusion-detection",
  title: "Attack detection inside the app plus platform IDS and honeytokens",
  layer: "audit",
  guide: ["checklist: Intrusion detection enabled"],
  owasp2021: ["A09"],
  owasp2025: ["A09"],
  asvs: ["v5.0.0-16.3.3"],
  cwe: ["CWE-778", "CWE-693"],
};

export const NO_HONEY_CREDENTIAL: Rule = {
  id: "intrusion-detection/no-honey-credential",
  severity: "warning",
  what: "There is no credential that is bait.",
  why: "Whoever has copied the repository, a backup or a laptop can try what is in it, and nobody hears of it.",
  fix: "Make a credential that opens nothing, leave it where real ones are kept, and register it: saas({ detection: { honeyCredentials: [...] } }).",
};
export const HONEY_ROUTE_TAKEN: Rule = {
  id: "intrusion-detection/honey-route-taken",
  severity: "error",
  what: "A route of the application is among the paths that are bait.",
  why: "Its visitors get 404, and each of them an event that calls him an attacker.",
  fix: "Pass honeyRoutes without that path.",
};

/** What scanners ask for first, and this kind of application never has. */
export const HONEY_ROUTES: readonly string[] = [
  "/.aws/credentials",
  "/.env",
  "/.git/config",
  "/.git/head",
  "/actuator/env",
  "/admin.php",
  "/backup.sql",
  "/config.php",
  "/phpmyadmin",
  "/server-status",
  "/wp-admin",
  "/wp-login.php",
  "/xmlrpc.php",
];

export interface IntrusionDetectionOptions {
  /** Session tokens, API keys, passwords of Basic authentication: as they would be sent, 16 characters at least. They open nothing. */
  readonly honeyCredentials?: readonly string[];
  /** In place of `HONEY_ROUTES`. Paths in lower case without a slash at the end. */
  readonly honeyRoutes?: readonly string[];
}

const LEAST_CREDENTIAL = 16;
const LONGEST_CREDENTIAL = 4096;
const MOST_BAITS = 1000;
const QUIET_MS = 600_000;
const PATH = /^\/[^\s?#A-Z]{0,200}[^\s?#A-Z/]$/u;

/**
 * Watches for bait. A path that is bait is answered as any path that is not there; a credential that is bait is refused by whoever checks it, as
 * any wrong one. Both raise an event: once a client and bait in ten minutes. Mount it in the authentication layer, before what authenticates.
 *
 * @throws TypeError on an unknown option, a credential that is short enough to be met by chance, or a path that is none
 * @example
 * intrusionDetection({ honeyCredentials: ["a bait of 16 characters or more"] });
 */
export function intrusionDetection(options: IntrusionDetectionOptions = {}): Control {
  rejectUnknownOptions("intrusionDetection", options, ["honeyCredentials", "honeyRoutes"]);
  const credentials = judgeCredentials(options.honeyCredentials ?? []);
  const routes = judgeRoutes(options.honeyRoutes ?? HONEY_ROUTES);
  const digests = new Set(credentials.map(digestOf));
  const lengths = new Set(credentials.map(({ length }) => length));
  const quiet = cooldown(QUIET_MS);

  const isBait = (text: string): boolean => lengths.has(text.length) && digests.has(digestOf(text));
  return {
    meta: INTRUSION_META,
    rules: [NO_HONEY_CREDENTIAL, HONEY_ROUTE_TAKEN],
    decide(facts): Decision {
      const path = plain(facts.path);
      if (routes.has(path)) return notFound(quiet.claim(`${facts.client} ${path}`, facts.receivedAtMs));
      if (lengths.size === 0) return ALLOW;
      const used = credentialsOf(facts).find(isBait);
      if (used === undefined) return ALLOW;
      const isFirst = quiet.claim(`${facts.client} ${digestOf(used)}`, facts.receivedAtMs);
      return isFirst ? allow([], [HONEY_CREDENTIAL_USED]) : ALLOW;
    },
    check: ({ mode }) =>
      mode === "production" && credentials.length === 0
        ? [finding(NO_HONEY_CREDENTIAL, { kind: "setting", name: "detection.honeyCredentials" })]
        : [],
    checkRoutes: (declared) => taken(declared, routes),
  };
}

const HONEY_CREDENTIAL_USED: AuditEvent = {
  event_type: "authentication",
  status: "observed",
  severity: "critical",
  event: "malicious_honeytoken",
  control: INTRUSION_META.id,
  detail: "credential",
};

/** The same answer as for any path that is not there, so that nobody learns which are bait. */
function notFound(isFirst: boolean): Decision {
  const common = { event_type: "system", status: "observed", reason: "not_found" } as const;
  return deny(
    "not_found",
    isFirst
      ? { ...common, severity: "warning", event: "malicious_honey_route", control: INTRUSION_META.id }
      : { ...common, severity: "info", event: "http_not_found" },
  );
}

/** Where a credential can stand: after the scheme, as the password of Basic, in the usual header of API keys, in a cookie. */
function credentialsOf(facts: RequestFacts): readonly string[] {
  const authorization = (facts.header("authorization") ?? "").slice(0, LONGEST_CREDENTIAL);
  const bare = authorization.replace(/^\S+ +/u, "");
  const isBasic = /^basic /iu.test(authorization);
  const pair = isBasic ? Buffer.from(bare, "base64").toString() : "";
  return [
    bare,
    pair.slice(pair.indexOf(":") + 1),
    (facts.header("x-api-key") ?? "").slice(0, LONGEST_CREDENTIAL),
    ...facts.cookies.values(),
  ];
}

function plain(path: string): string {
  const lower = path.toLowerCase();
  // Nearly every path is plain already.
  if (!lower.includes("//") && !lower.endsWith("/")) return lower;
  return lower.replaceAll(/\/{2,}/gu, "/").replace(/(?<=.)\/$/u, "");
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

function judgeCredentials(credentials: readonly string[]): readonly string[] {
  const isList = isArray(credentials) && credentials.length <= MOST_BAITS;
  const isFit = (text: unknown): boolean =>
    typeof text === "string" && text.length >= LEAST_CREDENTIAL && text.length <= LONGEST_CREDENTIAL;
  if (!isList || !credentials.every(isFit))
    throw new TypeError(
      `intrusionDetection() takes honeyCredentials as a list of at most ${MOST_BAITS} texts of ${LEAST_CREDENTIAL} to ${LONGEST_CREDENTIAL} characters.`,
    );
  return credentials;
}

function judgeRoutes(routes: readonly string[]): ReadonlySet<string> {
  const isList = isArray(routes) && routes.length <= MOST_BAITS;
  if (!isList || !routes.every((path) => typeof path === "string" && PATH.test(path)))
    throw new TypeError(
      'intrusionDetection() takes honeyRoutes as a list of paths in lower case without a slash at the end, such as "/wp-login.php".',
    );
  return new Set(routes);
}

const isArray = (value: unknown): boolean => Array.isArray(value);

function taken(declared: readonly DeclaredRoute[], baits: ReadonlySet<string>): readonly Finding[] {
  return declared
    .filter(({ pattern }) => baits.has(plain(pattern)))
    .map(({ method, pattern }) => finding(HONEY_ROUTE_TAKEN, { kind: "route", method, pattern }));
}
