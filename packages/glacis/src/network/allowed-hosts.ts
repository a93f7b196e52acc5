/** Serve only requests that are addressed to this application (guide "ALLOWED_HOSTS"; RFC 9110 sections 7.2 and 15.5.20). */
import type { Control, ControlMeta, Deployment, Mode } from "../core/control.ts";
import { ALLOW, deny, type Decision, type Deny } from "../core/decision.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Observation } from "../core/response.ts";
import { authorityText, parseAuthority } from "../primitives/authority.ts";
import { isLoopbackHost } from "../primitives/origin.ts";
import { recent } from "../primitives/recent.ts";
import { hostMatcher, isAddressLiteral, parseHostEntry, type HostEntry } from "./host-list.ts";
import { parsePublicOrigin, type PublicOrigin } from "./public-url.ts";

const META: ControlMeta = {
  id: "allowed-hosts",
  title: "Only requests addressed to a configured host are served",
  layer: "network",
  guide: ["A05", "checklist: ALLOWED_HOSTS configured with specific hosts"],
  owasp2021: ["A05", "A03", "A07"],
  owasp2025: ["A02", "A05"],
  asvs: [],
  cwe: ["CWE-644", "CWE-20", "CWE-346"],
};

export const ALLOWED_HOSTS_EMPTY: Rule = {
  id: "allowed-hosts/empty",
  severity: "error",
  what: "No host is allowed, so every request is refused.",
  why: "An application that does not know its own names cannot tell a request for it from one that an attacker aimed elsewhere.",
  fix: 'List the names that people use: hosts: ["app.example.com"], or ".example.com" for one per tenant.',
  django: ["security.W020"],
};
export const ALLOWED_HOSTS_ORIGIN_MISSING: Rule = {
  id: "allowed-hosts/origin-missing",
  severity: "error",
  what: "The configured origin is not on the list of allowed hosts.",
  why: "Every link that the application builds leads to a host that it then refuses.",
  fix: "Add the origin's host, with its port when it is not the scheme's own.",
};
export const ALLOWED_HOSTS_BARE_SUFFIX: Rule = {
  id: "allowed-hosts/bare-suffix",
  severity: "error",
  what: "A suffix covers names that belong to other people.",
  why: "Anybody can hold a name under a top-level domain or a hosting provider's domain, and would be taken for you.",
  fix: "Use a suffix below a domain that you own alone, such as .app.example.com.",
};
export const ALLOWED_HOSTS_ADDRESS: Rule = {
  id: "allowed-hosts/address-literal",
  severity: "warning",
  what: "An IP address is on the list of allowed hosts.",
  why: "Scanners and DNS rebinding reach an application by address; cookies, HSTS and certificates belong to names.",
  fix: "Remove the address. Give health checks a Host header, or a listener of their own.",
};
export const ALLOWED_HOSTS_LOCAL: Rule = {
  id: "allowed-hosts/local-name",
  severity: "warning",
  what: "A name of the developer's own machine is on the list of allowed hosts.",
  why: "In production nobody legitimate asks for localhost; what does is a confused proxy or a request forged from inside.",
  fix: "Remove it: mode development allows the localhost names by itself.",
};
export const ALLOWED_HOSTS_ORIGIN_INSECURE: Rule = {
  id: "allowed-hosts/origin-insecure",
  severity: "error",
  what: "The configured origin is http.",
  why: "Links in mails, password resets included, would travel unencrypted, and a cookie marked Secure would not come back.",
  fix: 'Set the origin to https, such as "https://app.example.com".',
};
export const ALLOWED_HOSTS_ANY_PORT: Rule = {
  id: "allowed-hosts/any-port",
  severity: "warning",
  what: "A host is allowed on any port.",
  why: "A forged port reaches caches and whatever code builds a link from the request, and leads visitors to another service.",
  fix: "Name the port, such as app.example.com:8443; without one the scheme's own ports are meant.",
};
export const ALLOWED_HOSTS_NOT_ENFORCED: Rule = {
  id: "allowed-hosts/not-enforced",
  severity: "error",
  what: "A request for a host that is not on the list was answered.",
  why: "Something in front of the application, or a route outside it, serves any Host header.",
  fix: "Mount the control before everything else; it answers 421.",
};

const RULES: readonly Rule[] = [
  ALLOWED_HOSTS_EMPTY,
  ALLOWED_HOSTS_ORIGIN_MISSING,
  ALLOWED_HOSTS_BARE_SUFFIX,
  ALLOWED_HOSTS_ADDRESS,
  ALLOWED_HOSTS_LOCAL,
  ALLOWED_HOSTS_ORIGIN_INSECURE,
  ALLOWED_HOSTS_ANY_PORT,
  ALLOWED_HOSTS_NOT_ENFORCED,
];

/** Names that never leave the machine (RFC 6761 section 6.3), on any port, because development servers pick theirs. */
const DEVELOPMENT_HOSTS = [".localhost:*", "127.0.0.1:*", "[::1]:*"];

/** Domains below which strangers get names. Not the public suffix list: the ones that applications are found under. */
const SHARED_SUFFIXES = new Set(
  (
    "amazonaws.com awsapprunner.com cloudfront.net elasticbeanstalk.com azurewebsites.net cloudapp.net trafficmanager.net appspot.com run.app " +
    "web.app firebaseapp.com herokuapp.com herokudns.com netlify.app vercel.app pages.dev workers.dev github.io gitlab.io fly.dev onrender.com " +
    "railway.app ngrok.io ngrok.app ngrok-free.app trycloudflare.com"
  ).split(" "),
);
/** `co.uk`, `com.br` and their kind: a country with a registry's own second level. */
const REGISTRY_SUFFIX = /^(?:ac|co|com|edu|gob|gov|gouv|ne|net|nom|or|org)\.[a-z]{2}$/u;

export interface AllowedHostsOptions {
  /** The one public origin. Links are built from it, and its host is allowed when `hosts` is left out. */
  readonly origin: string;
  /**
   * Exact names, and suffixes with a leading dot that cover the name itself and everything below it. A port must match; without one the ports 80
   * and 443 are meant, and `:*` means any. International names may be written in their own letters.
   */
  readonly hosts?: readonly string[];
  /** `development` adds the localhost names. Production unless you say so. */
  readonly mode?: Mode;
}

type Verdict = "allowed" | "refused" | "malformed";

/**
 * Refuses every request whose authority is not on the list: 400 when it does not parse or is missing, 421 when it is another host. The check is
 * eager, before routing; nothing of what the client sent is reflected.
 *
 * @throws TypeError on an unknown option, an origin or host that does not parse, and on wildcards: "every host" cannot be expressed.
 * @example
 * allowedHosts({ origin: "https://app.example.com", hosts: ["app.example.com", ".tenants.example.com"] });
 */
export function allowedHosts(options: AllowedHostsOptions): Control {
  rejectUnknownOptions("allowedHosts", options, ["origin", "hosts", "mode"]);
  const origin = parsePublicOrigin(options.origin);
  const configured = (options.hosts ?? [authorityText(origin.host)]).map(parseHostEntry);
  const added = options.mode === "development" ? DEVELOPMENT_HOSTS.map(parseHostEntry) : [];
  const matches = hostMatcher([...configured, ...added]);
  const verdicts = recent<Verdict>(1024);

  function judge(authority: string): Verdict {
    const host = parseAuthority(authority);
    if (host === undefined) return "malformed";
    const verdict = matches(host) ? "allowed" : "refused";
    verdicts.set(authority, verdict);
    return verdict;
  }

  return {
    meta: META,
    rules: RULES,
    decide({ authority }): Decision {
      const verdict = authority === undefined ? "malformed" : (verdicts.get(authority) ?? judge(authority));
      return verdict === "allowed" ? ALLOW : refuse(verdict, authority, options.hosts);
    },
    check: (deployment) => assess(configured, origin, deployment, matches(origin.host)),
    observe: (observation) => observeHost(observation, judge),
  };
}

function refuse(verdict: "refused" | "malformed", authority: string | undefined, hosts: readonly string[] = []): Deny {
  const malformed = verdict === "malformed";
  const reason = malformed ? "host_malformed" : "host_not_allowed";
  return deny(
    reason,
    {
      event_type: "input_validation",
      status: "refused",
      severity: "warning",
      event: "http.host_rejected",
      control: META.id,
      reason,
      detail: authority === undefined ? "host-missing" : malformed ? "host-malformed" : "host-not-listed",
    },
    {
      why: malformed
        ? "The request names no host, or one that is no DNS name, IPv4 address or bracketed IPv6 address with an optional port."
        : `The host that the request names is not on the list (${hosts.join(", ")}), or names a port that the list does not.`,
      fix: "Use the configured origin, or add the host to allowedHosts({ hosts }). Behind a proxy, let it pass the Host header on.",
    },
  );
}

/** What `check` says about a list: nothing here depends on a request. */
function assess(
  entries: readonly HostEntry[],
  origin: PublicOrigin,
  { mode }: Deployment,
  originListed: boolean,
): readonly Finding[] {
  const at = (name: string): Location => ({ kind: "setting", name });
  const findings: Finding[] = [];
  if (entries.length === 0) findings.push(finding(ALLOWED_HOSTS_EMPTY, at("hosts")));
  else if (!originListed) findings.push(finding(ALLOWED_HOSTS_ORIGIN_MISSING, at("origin"), origin.text));
  for (const entry of entries) {
    const say = (rule: Rule): unknown => findings.push(finding(rule, at("hosts"), entry.text));
    if (mode !== "development" && isLoopbackHost(entry.hostname)) say(ALLOWED_HOSTS_LOCAL);
    else if (mode !== "development" && isAddressLiteral(entry.hostname)) say(ALLOWED_HOSTS_ADDRESS);
    if (entry.suffix && isSharedSuffix(entry.hostname)) say(ALLOWED_HOSTS_BARE_SUFFIX);
    if (mode !== "development" && entry.port === "any") say(ALLOWED_HOSTS_ANY_PORT);
  }
  if (mode === "production" && origin.scheme === "http") {
    findings.push(finding(ALLOWED_HOSTS_ORIGIN_INSECURE, at("origin"), origin.text));
  }
  return findings;
}

function isSharedSuffix(hostname: string): boolean {
  const single = !hostname.includes(".") && hostname !== "localhost";
  return single || SHARED_SUFFIXES.has(hostname) || REGISTRY_SUFFIX.test(hostname);
}

/** A probe that asked for another host must have been refused. */
function observeHost({ url, status }: Observation, judge: (authority: string) => Verdict): readonly Finding[] {
  const authority = /^https?:\/\/([^/?#]*)/u.exec(url)?.[1] ?? "";
  if (judge(authority) === "allowed" || status === 400 || status === 421) return [];
  return [
    finding(ALLOWED_HOSTS_NOT_ENFORCED, { kind: "response", url, header: undefined }, `${status} instead of 421`),
  ];
}
