import { describe, expect, it } from "vitest";
import type { Control, Deployment } from "../packages/glacis/src/core/control.ts";
import { describeLocation, type Finding } from "../packages/glacis/src/core/finding.ts";
import { judge } from "../packages/glacis/src/core/judge.ts";
import { debugOff } from "../packages/glacis/src/audit/debug-off.ts";
import { csrf } from "../packages/glacis/src/authentication/csrf.ts";
import { keyRing, newKey } from "../packages/glacis/src/data/key-ring.ts";
import { secretsManagement } from "../packages/glacis/src/data/secrets-management.ts";
import { allowedHosts } from "../packages/glacis/src/network/allowed-hosts.ts";
import { contentSecurityPolicy } from "../packages/glacis/src/transport/content-security-policy.ts";
import { contentTypeOptions } from "../packages/glacis/src/transport/content-type-options.ts";
import { cookies } from "../packages/glacis/src/transport/cookies.ts";
import { crossOriginPolicies } from "../packages/glacis/src/transport/cross-origin-policies.ts";
import { frameOptions } from "../packages/glacis/src/transport/frame-options.ts";
import { hsts } from "../packages/glacis/src/transport/hsts.ts";
import { httpsOnly } from "../packages/glacis/src/transport/https-only.ts";
import { referrerPolicy } from "../packages/glacis/src/transport/referrer-policy.ts";
import { read } from "./support/repository.ts";
import { loadVectors } from "./support/vectors.ts";

/**
 * Django's deploy checks against ours: each recorded settings file is translated into a composition, and what our own code then says (a
 * finding, or a factory that refuses the value) is compared with the ids that Django printed.
 */

interface Case {
  readonly id: string;
  readonly scope: string;
  readonly settings?: Settings;
  readonly overrides?: Settings;
  readonly ids: readonly string[];
}
type Settings = Readonly<Record<string, unknown>>;

const vectors = loadVectors<Case>("deploychecks");

/** Ids that mean one thing here: how Django's session is installed changes the number and nothing else. */
const SAME: Readonly<Record<string, string>> = {
  "security.W011": "security.W010",
  "security.W012": "security.W010",
  "security.W014": "security.W013",
  "security.W015": "security.W013",
};

/** No counterpart, for the reasons in docs/django-checks.md. */
const WITHOUT_COUNTERPART: ReadonlySet<string> = new Set(["security.W021", "security.E101", "security.E102"]);

/** What the absence of a control is called there. */
const MISSING: Readonly<Record<string, string>> = {
  "https-only": "security.W008",
  hsts: "security.W004",
  nosniff: "security.W006",
  "referrer-policy": "security.W022",
  "frame-ancestors": "security.W019",
  csrf: "security.W003",
};
const OF_SECURITY_MIDDLEWARE: ReadonlySet<string> = new Set(["https-only", "hsts", "nosniff", "referrer-policy"]);

/** Where we differ on purpose: what Django says, what we say, why. */
const STRICTER: Readonly<Record<string, string>> = {
  "security.W004": "a policy under one year, a negative number or a text is refused or found; there only zero is",
  "security.W009": "a key that repeats itself is weak however long it is",
  "security.W020": 'a wildcard for every host cannot be written; "*" passes there',
  "security.E023": "an empty list of policies is refused; there it sends an empty header",
  "security.E024": "unsafe-none is found; there it is one of the known values",
  "security.E026": "a directive that does not exist, or a keyword without quotes, is refused; there any mapping passes",
};
/** Where we say less: the ids, and why. */
const MORE_LENIENT: readonly (readonly [
  ids: readonly string[],
  why: string,
  holds: (settings: Settings) => boolean,
])[] = [
  [
    ["security.W019"],
    "framing by the site itself is written down as 'self' and holds on the wire; only absence and nonsense are found",
    (settings) => settings["X_FRAME_OPTIONS"] === "SAMEORIGIN",
  ],
  [
    ["security.W009"],
    "49 random characters are no weak key",
    (settings) => /^(?!django-insecure-|.*(.{2,}).*\1).{32,49}$/su.test(String(settings["SECRET_KEY"])),
  ],
];

/** What Django says and we need not say. */
function spared(settings: Settings): ReadonlySet<string> {
  return new Set(MORE_LENIENT.flatMap(([ids, , holds]) => (holds(settings) ? ids : [])));
}

const ORIGIN = "https://a.com";
const MIDDLEWARE = {
  security: "django.middleware.security.SecurityMiddleware",
  session: "django.contrib.sessions.middleware.SessionMiddleware",
  csrf: "django.middleware.csrf.CsrfViewMiddleware",
  frame: "django.middleware.clickjacking.XFrameOptionsMiddleware",
} as const;

/** Everything that our code says about Django settings, in Django's ids. */
function verdictOn(settings: Settings): ReadonlySet<string> {
  const said = new Set<string>();
  const has = (name: keyof typeof MIDDLEWARE): boolean => list(settings["MIDDLEWARE"]).includes(MIDDLEWARE[name]);
  const controls: Control<never>[] = [debugOff(), secretsManagement()];
  /** Mounts what a factory makes; a factory that throws has said its word. */
  const mount: Mount = (id, control, make) => {
    try {
      controls.push(make());
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      said.add(id);
      // The refusal is what is compared, not that nothing is mounted after it.
      controls.push({ meta: { ...debugOff().meta, id: control }, rules: [], check: () => [] });
    }
  };

  mount("security.W020", "allowed-hosts", () =>
    allowedHosts({ origin: ORIGIN, hosts: list(settings["ALLOWED_HOSTS"]) }),
  );
  if (has("security")) mountSecurityMiddleware(settings, mount);
  if (!has("frame") || settings["X_FRAME_OPTIONS"] === "DENY") {
    if (has("frame")) mount("security.W019", "frame-ancestors", () => frameOptions());
  } else if (settings["X_FRAME_OPTIONS"] === "SAMEORIGIN") {
    mount("security.W019", "frame-ancestors", () => frameOptions({ origins: ["'self'"] }));
  }
  if (has("csrf") || settings["MIDDLEWARE"] === undefined) {
    const trustedOrigins = list(settings["CSRF_TRUSTED_ORIGINS"]);
    mount("4_0.E001", "csrf", () => csrf({ origin: ORIGIN, keys: keyRing(newKey("k1")), trustedOrigins }).control);
  }
  mount("security.E026", "csp", () => policyOf(settings));
  for (const found of judge(controls, deploymentOf(settings))) {
    for (const id of idsOf(found)) said.add(id);
  }
  if (isUnset(settings["SECRET_KEY"])) mount("security.W009", "key-ring", () => keyRing(undefined) as never);
  for (const found of cookieFindings(settings, has)) said.add(found);
  return foldMissing(said, has("security"), has("frame"));
}

type Mount = (id: string, control: string, make: () => Control<never>) => void;

function mountSecurityMiddleware(settings: Settings, mount: Mount): void {
  const seconds = settings["SECURE_HSTS_SECONDS"];
  const subdomains = settings["SECURE_HSTS_INCLUDE_SUBDOMAINS"] === true;
  if (seconds)
    mount("security.W004", "hsts", () => hsts({ maxAgeSeconds: seconds as number, includeSubDomains: subdomains }));
  if (settings["SECURE_SSL_REDIRECT"] === true)
    mount("security.W008", "https-only", () => httpsOnly({ origin: ORIGIN }));
  if (settings["SECURE_CONTENT_TYPE_NOSNIFF"] === true) mount("security.W006", "nosniff", () => contentTypeOptions());
  const referrer = settings["SECURE_REFERRER_POLICY"];
  if (referrer !== null && referrer !== undefined) {
    const policy = (typeof referrer === "string" ? referrer.split(",").map((part) => part.trim()) : referrer) as never;
    mount("security.E023", "referrer-policy", () => referrerPolicy({ policy }));
  }
  const opener = settings["SECURE_CROSS_ORIGIN_OPENER_POLICY"];
  if (opener !== null && opener !== undefined)
    mount("security.E024", "cross-origin-policies", () => crossOriginPolicies({ opener: opener as never }));
}

function policyOf(settings: Settings): Control<never> {
  const option = (name: string): unknown => {
    const value = settings[name];
    // A set of Python stands in the records as { set: [...] }; it is no mapping there and none here.
    return isMapping(value) && "set" in value ? value["set"] : value;
  };
  const enforced = option("SECURE_CSP") ?? {};
  const reportOnly = option("SECURE_CSP_REPORT_ONLY") ?? undefined;
  return contentSecurityPolicy({
    directives: enforced,
    ...(reportOnly !== undefined && { reportOnly: reportOnly }),
  });
}

function deploymentOf(settings: Settings): Deployment {
  const variables = new Map([["NODE_ENV", settings["DEBUG"] ? "development" : "production"]]);
  if (typeof settings["SECRET_KEY"] === "string") variables.set("SECRET_KEY", settings["SECRET_KEY"]);
  variables.set("SECRET_KEY_FALLBACKS", list(settings["SECRET_KEY_FALLBACKS"]).join(","));
  // The mode decides DEBUG alone here: secrets are judged in production, and Django judges them always.
  return { mode: "production", nodeVersion: "22.20.0", variables, nodeOptions: [], nowMs: Date.parse("2026-11-26") };
}

/** An insecure cookie cannot be composed here, so the settings become what a browser would see. */
function cookieFindings(settings: Settings, has: (name: keyof typeof MIDDLEWARE) => boolean): readonly string[] {
  const line = (name: string, secure: unknown, httpOnly: unknown): readonly [string, string] => [
    "set-cookie",
    `${name}=AAAAAAAAAAAAAAAAAAAAAA; Path=/; SameSite=Lax${secure === true ? "; Secure" : ""}${httpOnly === true ? "; HttpOnly" : ""}`,
  ];
  const sessions = has("session") || list(settings["INSTALLED_APPS"]).includes("django.contrib.sessions");
  const control = cookies({ registry: { sessionid: { purpose: "session" }, csrftoken: { purpose: "csrf" } } });
  const seen = (headers: readonly (readonly [string, string])[]): readonly Finding[] =>
    control.observe?.({ url: `${ORIGIN}/`, scheme: "https", status: 200, headers }) ?? [];
  const said: string[] = [];
  if (sessions) {
    const headers = [line("sessionid", settings["SESSION_COOKIE_SECURE"], settings["SESSION_COOKIE_HTTPONLY"])];
    const ids = new Set<string>(seen(headers).map(({ rule }) => rule.id));
    if (ids.has("cookies/not-secure")) said.push("security.W010");
    if (ids.has("cookies/secret-readable")) said.push("security.W013");
  }
  if (has("csrf") && settings["CSRF_USE_SESSIONS"] !== true) {
    const ids = seen([line("csrftoken", settings["CSRF_COOKIE_SECURE"], true)]).map(({ rule }) => rule.id);
    if (ids.includes("cookies/not-secure")) said.push("security.W016");
  }
  return said;
}

function idsOf(found: Finding): readonly string[] {
  const place = describeLocation(found.at);
  if (found.rule.id === "composition/control-missing") return MISSING[place] === undefined ? [] : [`missing ${place}`];
  if (found.rule.id.startsWith("secrets-management/"))
    return found.rule.django === undefined ? [] : [place === "SECRET_KEY" ? "security.W009" : "security.W025"];
  return found.rule.django ?? [];
}

/** Django reports a middleware that is not there once, and then nothing of what it would have done. */
function foldMissing(said: Set<string>, security: boolean, frame: boolean): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const word of said) {
    const control = word.startsWith("missing ") ? word.slice("missing ".length) : undefined;
    if (control === undefined) ids.add(SAME[word] ?? word);
    else if (OF_SECURITY_MIDDLEWARE.has(control) && !security) ids.add("security.W001");
    else if (control === "frame-ancestors" && !frame) ids.add("security.W002");
    else ids.add(MISSING[control] as string);
  }
  return ids;
}

function list(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

function isMapping(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === "" || isMapping(value);
}

/** Which ids a recorded check can print: a check that was run alone says nothing about the others. */
const IDS_OF_SCOPE: Readonly<Record<string, readonly string[]>> = {
  check_security_middleware: ["security.W001"],
  check_xframe_options_middleware: ["security.W002"],
  check_csrf_middleware: ["security.W003"],
  check_sts: ["security.W004"],
  check_sts_include_subdomains: ["security.W005"],
  check_sts_preload: ["security.W021"],
  check_content_type_nosniff: ["security.W006"],
  check_ssl_redirect: ["security.W008"],
  check_secret_key: ["security.W009"],
  check_secret_key_fallbacks: ["security.W025"],
  check_session_cookie_secure: ["security.W010"],
  check_session_cookie_httponly: ["security.W013"],
  check_csrf_cookie_secure: ["security.W016"],
  check_debug: ["security.W018"],
  check_xframe_deny: ["security.W019"],
  check_allowed_hosts: ["security.W020"],
  check_referrer_policy: ["security.W022", "security.E023"],
  check_cross_origin_opener_policy: ["security.E024"],
  check_csp_settings: ["security.E026"],
  check_csrf_failure_view: ["security.E101", "security.E102"],
  check_csrf_trusted_origins: ["4_0.E001"],
  "full check (no --deploy)": ["security.E026", "security.E101", "security.E102", "4_0.E001"],
};

describe.skipIf(vectors === undefined)("Django's deploy checks", () => {
  const baseline = (vectors?.["hardened_baseline"] ?? {}) as Settings;
  const catalogue = (vectors?.["catalogue"] ?? []) as readonly { readonly id: string }[];

  it("each have a row in docs/django-checks.md, and each row is one of them", () => {
    const rows = [...read("docs/django-checks.md").matchAll(/^\| `((?:security|4_0)\.[WE]\d{3})` \|/gmu)];
    const sorted = (ids: readonly (string | undefined)[]): readonly string[] => ids.map(String).toSorted();
    expect(sorted(rows.map((row) => row[1]))).toEqual(sorted(catalogue.map(({ id }) => id)));
  });

  it.each(vectors?.cases ?? [])("$id: says what Django says, or what is stricter ($scope)", (recorded) => {
    const settings = recorded.settings ?? { ...baseline, ...recorded.overrides };
    const scope = IDS_OF_SCOPE[recorded.scope];
    expect(scope !== undefined || recorded.scope === "full check --deploy").toBe(true);
    const inScope = (id: string): boolean =>
      !WITHOUT_COUNTERPART.has(id) && (scope === undefined || scope.includes(id));
    const theirs = new Set(recorded.ids.map((id) => SAME[id] ?? id).filter(inScope));
    const ours = new Set([...verdictOn(settings)].filter(inScope));
    const missed = [...theirs].filter((id) => !ours.has(id) && !spared(settings).has(id));
    const more = [...ours].filter((id) => !theirs.has(id) && STRICTER[id] === undefined);
    expect({ missed, more }).toEqual({ missed: [], more: [] });
  });

  it("lists no deviation that is none", () => {
    const used = new Set<string>();
    const lenient = new Set<string>();
    for (const recorded of vectors?.cases ?? []) {
      const settings = recorded.settings ?? { ...baseline, ...recorded.overrides };
      const ours = verdictOn(settings);
      const theirs = new Set(recorded.ids.map((id) => SAME[id] ?? id));
      const scope = IDS_OF_SCOPE[recorded.scope];
      for (const id of ours) if (!theirs.has(id) && (scope === undefined || scope.includes(id))) used.add(id);
      for (const id of theirs) if (!ours.has(id) && !WITHOUT_COUNTERPART.has(id)) lenient.add(id);
    }
    expect([...used].toSorted()).toEqual(Object.keys(STRICTER).toSorted());
    expect([...lenient].toSorted()).toEqual(MORE_LENIENT.flatMap(([ids]) => ids).toSorted());
  });
});
