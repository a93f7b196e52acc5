/** The surface of administration: on a host of its own, with a key, and nowhere else (catalog admin-interface; ASVS 5 8.4.2; guide A05). */
import type { Control, ControlMeta, DeclaredRoute } from "../core/control.ts";
import { allow, ALLOW, deny, type Decision } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { AssuranceLevel } from "../core/principal.ts";
import type { Reason } from "../core/reasons.ts";
import type { Observation } from "../core/response.ts";
import { canonicalDomainName } from "../primitives/domain-name.ts";
import { addressSet } from "../primitives/ip.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

/** The Security Center stands under it too. */
export const ADMIN_INTERFACE_META: ControlMeta = {
  id: "admin-interface",
  title: "Administration isolated on its own host and strongly authenticated",
  layer: "authorization",
  guide: ["A05"],
  owasp2021: ["A05", "A01", "A04", "A07"],
  owasp2025: ["A02", "A01"],
  asvs: ["v5.0.0-8.4.2"],
  cwe: ["CWE-749", "CWE-306", "CWE-419"],
};

export const ADMIN_UNGUARDED: Rule = {
  id: "admin-interface/unguarded",
  severity: "warning",
  what: "A route of administration is served beside everything else.",
  why: "One stolen session, or one hole in a page for everybody, reaches it; and everybody on the internet can try.",
  fix: 'Give saas() admin: { host: "admin.example.com", roles: ["operator"] }, and keep those routes below /admin.',
};
export const ADMIN_DISABLED: Rule = {
  id: "admin-interface/disabled",
  severity: "error",
  what: "The host of administration is none, or the public one; every route of administration answers 404.",
  why: "On the public host it would share cookies, scripts and attackers with everything else, so it is switched off instead.",
  fix: "Name a host of its own, which nothing else is served from.",
};
export const ADMIN_PHISHABLE: Rule = {
  id: "admin-interface/phishable",
  severity: "warning",
  what: "Administration opens without a key that resists phishing.",
  why: "A code can be asked for on a page that looks like yours, and is good for the minute that it takes to use it.",
  fix: "Leave level at 3, and give administrators a hardware key.",
};
export const ADMIN_PANEL: Rule = {
  id: "admin-interface/panel",
  severity: "error",
  what: "A panel of a tool is mounted in the application.",
  why: "Queue dashboards, database browsers and API consoles are made for developers: they trust whoever reaches them.",
  fix: "Mount it below /admin, where adminInterface() guards it, or leave it out of production.",
};
export const ADMIN_ANSWERS: Rule = {
  id: "admin-interface/answers-in-public",
  severity: "error",
  what: "A path of administration answers on the public host.",
  why: "Even a refusal tells that it is there, and which tool it is.",
  fix: "Serve it on the host of administration alone; the public one answers 404.",
};

/** Where tools and habits put administration: what a probe asks for, and what must answer 404. */
export const ADMIN_PATHS: readonly string[] = (
  "/admin /administrator /admin/login /administration /backend /backoffice /console /controlpanel /cpanel /dashboard/admin /internal " +
  "/manage /management /manager/html /superadmin /sysadmin /wp-admin /wp-login.php /phpmyadmin /pma /adminer /adminer.php /pgadmin " +
  "/pgadmin4 /phppgadmin /mongo-express /redis-commander /admin/queues /queues /bull-board /arena /flower /sidekiq /graphiql " +
  "/graphql/playground /playground /altair /voyager /swagger /swagger-ui /swagger-ui.html /api-docs /adminjs /actuator /jenkins /kibana /grafana"
).split(" ");

const PANEL =
  /\/(?:bull-?board|bull-?arena|arena|adminjs|admin-?bro|pgadmin4?|phpmyadmin|adminer|mongo-?express|redis-?commander|graphiql|playground|altair|voyager)(?:\/|$)/iu;
/** What says that nothing is there, or that the request never came so far. */
const SILENT = new Set([400, 404, 410, 421, 429, 503]);

export interface AdminInterfaceOptions {
  /** The public origin; its host is not the one of administration. */
  readonly origin: string;
  /** Where administration is and nothing else: `admin.example.com`. Without it nothing is enforced, and routes that look like it are findings. */
  readonly host?: string;
  /** Whoever holds one of these may come in; the routes' own rules decide about the rest. */
  readonly roles?: readonly string[];
  /** Patterns below it are administration: `/admin`. */
  readonly prefix?: string;
  /** The assurance that it takes: 3, a key that resists phishing and ends after 15 minutes without use. */
  readonly level?: Exclude<AssuranceLevel, 1>;
  /** Networks that it is open to, such as your VPN's. Everywhere without it. */
  readonly from?: readonly string[];
}

/**
 * Shuts administration out of the public host with 404, and opens it on its own host to a user with a role and a key, from a network that you name. What
 * is done there is told. Sessions of the two hosts are different ones: `__Host-` cookies do not cross.
 *
 * @throws TypeError on an unknown option, a host without roles, or a network that is none.
 * @example
 * saas({ origin, keys, admin: { host: "admin.example.com", roles: ["operator"] } });
 */
export function adminInterface(options: AdminInterfaceOptions): Control<IdentifiedFacts> {
  rejectUnknownOptions("adminInterface", options, ["origin", "host", "roles", "prefix", "level", "from"]);
  const { origin, roles = [], prefix = "/admin", level = 3, from } = options;
  const { host: named } = options;
  const asked = named !== undefined;
  if (!/^(?:\/[\w-]+)+$/u.test(prefix)) throw new TypeError('adminInterface() needs a plain prefix, such as "/admin".');
  if (
    asked &&
    (!Array.isArray(roles) || roles.length === 0 || roles.some((role) => typeof role !== "string" || role === ""))
  )
    throw new TypeError('adminInterface() needs the roles that come in, such as ["operator"].');
  if (![2, 3].includes(level)) throw new TypeError("adminInterface() takes level 2 or 3.");
  const host = named === undefined ? undefined : ownHost(named, origin);
  const networks = from === undefined ? undefined : addressSet(from);
  const isAdmin = (pattern: string): boolean => pattern === prefix || pattern.startsWith(`${prefix}/`);
  const wanted = new Set(roles);

  function judge(facts: IdentifiedFacts): readonly [Reason, string] | undefined {
    const { authority, client, clientUnknown, principal, method } = facts;
    if (host === undefined || hostOf(authority) !== host) return ["not_found", "admin_on_public_host"];
    if (networks !== undefined && (clientUnknown === true || !networks.has(client)))
      return ["not_found", "admin_from_elsewhere"];
    // A script on the public host is of the same site, and so are its cookies' rules: its forms stay out all the same.
    const sender = facts.header("origin");
    if (
      method !== "GET" &&
      method !== "HEAD" &&
      sender !== undefined &&
      hostOf(sender.replace(/^https?:\/\//u, "")) !== host
    )
      return ["csrf_failed", "admin_from_other_host"];
    if (principal.kind === "anonymous") return ["unauthenticated", "unauthenticated"];
    // A program, a token and a visitor under somebody else's name are not the person with the key.
    if (principal.kind !== "user" || principal.delegation !== undefined || principal.actor !== undefined)
      return ["forbidden", "admin_not_in_person"];
    if (!principal.roles.some((role) => wanted.has(role))) return ["forbidden", "role_missing"];
    return principal.assurance >= level ? undefined : ["forbidden", "admin_without_key"];
  }

  return {
    meta: ADMIN_INTERFACE_META,
    rules: [ADMIN_UNGUARDED, ADMIN_DISABLED, ADMIN_PHISHABLE, ADMIN_PANEL, ADMIN_ANSWERS],
    decide(facts) {
      if (!asked || !(isAdmin(facts.pattern) || isAdmin(facts.path))) return ALLOW;
      const refusal = judge(facts);
      return refusal === undefined ? allow([], [done(facts)]) : refused(...refusal);
    },
    check: () => [
      ...(asked && host === undefined ? [finding(ADMIN_DISABLED, { kind: "setting", name: "admin.host" })] : []),
      ...(asked && level === 2 ? [finding(ADMIN_PHISHABLE, { kind: "setting", name: "admin.level" })] : []),
    ],
    checkRoutes: (routes) => routes.flatMap((route) => judgeRoute(route, asked && isAdmin(route.pattern))),
    observe: (response) => observeAdmin(response, host),
  };
}

/** The one judgement about a route, wherever it is told. */
function judgeRoute({ method, pattern }: DeclaredRoute, guarded: boolean): readonly Finding[] {
  if (guarded) return [];
  const at = { kind: "route", method, pattern } as const;
  if (PANEL.test(pattern)) return [finding(ADMIN_PANEL, at)];
  return /^\/(?:admin|administration|backoffice|superadmin)(?:\/|$)/iu.test(pattern)
    ? [finding(ADMIN_UNGUARDED, at)]
    : [];
}

function observeAdmin({ url, status }: Observation, host: string | undefined): readonly Finding[] {
  if (!canParseUrl(url)) return [];
  const { hostname, pathname } = new URL(url);
  const path = pathname.replace(/\/$/u, "").toLowerCase();
  return hostname !== host && ADMIN_PATHS.includes(path) && !SILENT.has(status)
    ? [finding(ADMIN_ANSWERS, { kind: "response", url, header: undefined }, `status ${status}`)]
    : [];
}

/** A name of its own; anything else switches administration off. */
function ownHost(host: string, origin: string): string | undefined {
  const name = canonicalDomainName(host);
  return name === undefined || name === new URL(origin).hostname ? undefined : name;
}

function hostOf(authority: string | undefined): string | undefined {
  return authority === undefined ? undefined : canonicalDomainName(authority.replace(/:\d{1,5}$/u, ""));
}

function refused(reason: Reason, detail: string): Decision {
  return deny(reason, {
    event_type: "authorization_failure",
    status: "refused",
    severity: "warning",
    event: "authz_fail",
    control: ADMIN_INTERFACE_META.id,
    reason,
    detail,
  });
}

function done({ method, pattern }: IdentifiedFacts): AuditEvent {
  return {
    event_type: "data_access",
    status: "observed",
    severity: "info",
    event: "admin_activity",
    control: ADMIN_INTERFACE_META.id,
    action: `${method} ${pattern}`,
  };
}
