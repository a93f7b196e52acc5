/** Services that prove themselves by a client certificate (RFC 8705 section 2, SPIFFE X509-SVID; catalog mtls-service-identity). */
import type { TenantId } from "../core/brand.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import { ALLOW, deny, type Deny } from "../core/decision.ts";
import type { IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { PerRequest } from "../core/per-request.ts";
import { ANONYMOUS, type Service } from "../core/principal.ts";
import type { Authenticate, Identity } from "../core/security.ts";
import type { WireCertificate } from "../core/wire.ts";

const META: ControlMeta = {
  id: "mtls-service-identity",
  title: "Client certificates are validated before identity is used",
  layer: "transport",
  guide: ["A07"],
  owasp2021: ["A07", "A02"],
  owasp2025: ["A07"],
  asvs: ["v5.0.0-12.1.3", "v5.0.0-12.3.5"],
  cwe: ["CWE-295", "CWE-306", "CWE-287"],
};

export const MTLS_LONG_LIVED: Rule = {
  id: "mtls-service-identity/long-lived",
  severity: "warning",
  what: "Client certificates of more than 90 days are accepted.",
  why: "Nothing here asks whether a certificate was revoked, so a stolen key is good until its certificate ends.",
  fix: "Issue certificates of hours or days and leave longestDays at its default.",
};

/** A service that may call, by the one name that its certificate must carry. */
export interface MtlsService {
  /** The URI in the certificate, to the character: `spiffe://acme.example/billing`. */
  readonly uri: string;
  /** What the log and the access rules call it. */
  readonly id: string;
  readonly tenantId: string;
  readonly roles: readonly string[];
}

export interface MutualTlsOptions {
  readonly services: readonly MtlsService[];
  /** The longest lifetime of a certificate that is accepted, in days. 90. */
  readonly longestDays?: number;
}

export interface MutualTls {
  /** Refuses a certificate that `authenticate` found to be no good. */
  readonly control: Control<IdentifiedFacts>;
  /** Recognises a connection with a client certificate, and gives every other request to `next`. */
  authenticate(next: Authenticate): Authenticate;
}

type Cause = "untrusted" | "not_now" | "authority" | "purpose" | "long_lived" | "name" | "unknown" | "browser";

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const DAY_MS = 86_400_000;
const LONGEST_DAYS = 90;
/** As SPIFFE has it: no port, no user, no query, no fragment; every character one that a certificate prints as itself. */
const SERVICE_URI = /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9._-]{1,255}(?:\/[A-Za-z0-9._-]+)+$/u;
const NOBODY: Identity = Object.freeze({ principal: ANONYMOUS, session: undefined });

/**
 * Lets services in by the client certificate of their TLS connection. Node's server verifies the chain (`requestCert: true`, `ca` with your own
 * authority alone, `rejectUnauthorized: false` so that people without one get in too); this verifies the rest: valid now, made for clients, short
 * enough, no authority, and with exactly one URI, which is that of a listed service. A connection with a certificate that is no good is refused,
 * whatever cookies and tokens come along. Certificates in forwarded headers are never read.
 *
 * @throws TypeError on an unknown option, or for services that are none or are listed twice.
 * @example
 * const services = mutualTls({ services: [{ uri: "spiffe://acme.example/billing", id: "billing", tenantId: "acme", roles: ["biller"] }] });
 * saas({ ...facts, bearer: [services] });
 */
export function mutualTls(options: MutualTlsOptions): MutualTls {
  const { services, longestDays } = settingsOf(options);
  const refused = new PerRequest<Cause>();

  function identify(facts: RequestFacts, certificate: WireCertificate): Service | Cause {
    if (facts.wire.tls?.authorized !== true) return "untrusted";
    const flaw = flawOf(certificate, facts.receivedAtMs, longestDays);
    if (flaw !== undefined) return flaw;
    // A browser offers its certificate to every page that asks; nothing of ours is called from one by a service.
    if (facts.header("sec-fetch-site") !== undefined || facts.header("origin") !== undefined) return "browser";
    const uri = onlyUri(certificate.subjectAltName ?? "");
    if (uri === undefined) return "name";
    return services.get(uri) ?? "unknown";
  }

  return {
    control: {
      meta: META,
      rules: [MTLS_LONG_LIVED],
      decide(facts) {
        const cause = refused.get(facts);
        return cause === undefined ? ALLOW : refuse(cause);
      },
      check: () =>
        longestDays > LONGEST_DAYS
          ? [finding(MTLS_LONG_LIVED, { kind: "setting", name: "mutualTls.longestDays" }, `${longestDays} days`)]
          : [],
    },
    authenticate: (next) => (facts) => {
      const certificate = facts.wire.tls?.getPeerX509Certificate();
      if (certificate === undefined) return next(facts);
      const who = identify(facts, certificate);
      if (typeof who !== "string") return { principal: who, session: undefined };
      refused.set(facts, who);
      return NOBODY;
    },
  };
}

function flawOf(certificate: WireCertificate, nowMs: number, longestDays: number): Cause | undefined {
  const fromMs = Date.parse(certificate.validFrom);
  const toMs = Date.parse(certificate.validTo);
  // The handshake may be hours ago; the certificate must hold now.
  if (!(fromMs <= nowMs && nowMs < toMs)) return "not_now";
  if (certificate.ca) return "authority";
  if (!(certificate.keyUsage ?? []).includes(CLIENT_AUTH)) return "purpose";
  return toMs - fromMs > longestDays * DAY_MS ? "long_lived" : undefined;
}

/**
 * The certificate's URI when it has exactly one. Node writes what could be taken for a separator in quotes; a service's URI needs none, so whatever
 * has one is refused.
 */
function onlyUri(alternatives: string): string | undefined {
  if (alternatives.includes('"')) return undefined;
  const uris = alternatives.split(", ").filter((entry) => entry.startsWith("URI:"));
  return uris.length === 1 ? uris[0]?.slice("URI:".length) : undefined;
}

function settingsOf(options: MutualTlsOptions): {
  readonly services: ReadonlyMap<string, Service>;
  readonly longestDays: number;
} {
  rejectUnknownOptions("mutualTls", options, ["services", "longestDays"]);
  const { services, longestDays = LONGEST_DAYS } = options;
  if (!Array.isArray(services) || services.length === 0)
    throw new TypeError("mutualTls() needs services: the list of those that may call.");
  if (!(Number.isFinite(longestDays) && longestDays > 0))
    throw new TypeError("mutualTls() needs longestDays as a number of days above zero.");
  const known = new Map<string, Service>();
  for (const service of services as readonly MtlsService[]) {
    rejectUnknownOptions("mutualTls({ services })", service, ["uri", "id", "tenantId", "roles"]);
    const { uri, id, tenantId, roles } = service;
    if (typeof uri !== "string" || !SERVICE_URI.test(uri))
      throw new TypeError('mutualTls() needs the whole URI of a service, such as "spiffe://acme.example/billing".');
    if (known.has(uri)) throw new TypeError(`mutualTls() lists ${uri} twice.`);
    if (!id || !tenantId || !Array.isArray(roles)) throw new TypeError("A service needs id, tenantId and roles.");
    known.set(uri, { kind: "service", id, tenantId: tenantId as TenantId, roles });
  }
  return { services: known, longestDays };
}

function refuse(cause: Cause): Deny {
  return deny("unauthenticated", {
    event_type: "authentication",
    status: "refused",
    severity: "warning",
    event: "mtls_rejected",
    control: META.id,
    reason: "unauthenticated",
    detail: cause,
  });
}
