/** A certificate that browsers trust, for this name, and renewed in time (RFC 5280, RFC 9525; catalog tls-certificate; guide A02). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Observation } from "../core/response.ts";
import { observed } from "../core/response.ts";
import type { CertificateObservation } from "../core/tls-observation.ts";

const META: ControlMeta = {
  id: "tls-certificate",
  title: "Publicly trusted, matching and auto-renewed certificates",
  layer: "transport",
  guide: ["A02"],
  owasp2021: ["A02", "A07"],
  owasp2025: ["A04", "A07"],
  asvs: ["v5.0.0-12.1.4", "v5.0.0-12.1.5", "v5.0.0-12.2.2"],
  cwe: ["CWE-295", "CWE-298", "CWE-299"],
};

export const CERTIFICATE_UNTRUSTED: Rule = {
  id: "tls-certificate/untrusted",
  severity: "error",
  what: "The chain of the certificate does not lead to a trusted authority, or the certificate is not valid now.",
  why: "Browsers refuse the page, and people who are taught to go on refuse nothing any more.",
  fix: "Serve the whole chain of a public authority, and let an ACME client renew it.",
};
export const CERTIFICATE_NAME: Rule = {
  id: "tls-certificate/name",
  severity: "error",
  what: "The certificate is not for the name that was asked for.",
  why: "It proves that somebody else is there.",
  fix: "Put every public host name into the certificate's subjectAltName.",
};
export const CERTIFICATE_EXPIRING: Rule = {
  id: "tls-certificate/expiring",
  severity: "warning",
  what: "Less than a third of the certificate's lifetime is left.",
  why: "Renewal happens by then where it works; the next to notice would be every visitor at once.",
  fix: "Look at what should have renewed it.",
};
export const CERTIFICATE_WEAK: Rule = {
  id: "tls-certificate/weak",
  severity: "error",
  what: "The certificate's key is short, or it is signed with SHA-1 or MD5.",
  why: "Whoever finds the key or a second certificate with the same hash is this server.",
  fix: "Make a key of P-256 or of 2048 bits RSA at least, and have it signed with SHA-256.",
};
export const CERTIFICATE_LONG: Rule = {
  id: "tls-certificate/long-lived",
  severity: "warning",
  what: "The certificate lives longer than browsers allow for the day it was made.",
  why: "What is not renewed often is renewed by hand, and a stolen key is good for long.",
  fix: "Let an ACME client or the provider renew it by itself.",
};
export const CERTIFICATE_BY_HAND: Rule = {
  id: "tls-certificate/by-hand",
  severity: "warning",
  what: "The certificate is renewed by hand.",
  why: "Lifetimes fall to 100 days in 2027 and to 47 in 2029; a person forgets sooner or later.",
  fix: "Let ACME or the provider renew it.",
};

export interface TlsCertificateOptions {
  /** Who renews it: a program, the provider, or nobody but people. */
  readonly renewal?: "acme" | "provider" | "by-hand";
}

/**
 * Judges the certificate that a probe was shown.
 *
 * @throws TypeError on an unknown option.
 * @example
 * tlsCertificate({ renewal: "acme" });
 */
export function tlsCertificate(options: TlsCertificateOptions = {}): Control {
  rejectUnknownOptions("tlsCertificate", options, ["renewal"]);
  const { renewal } = options;
  if (renewal !== undefined && !["acme", "provider", "by-hand"].includes(renewal))
    throw new TypeError('tlsCertificate() needs renewal as "acme", "provider" or "by-hand".');
  return {
    meta: META,
    rules: [
      CERTIFICATE_UNTRUSTED,
      CERTIFICATE_NAME,
      CERTIFICATE_EXPIRING,
      CERTIFICATE_WEAK,
      CERTIFICATE_LONG,
      CERTIFICATE_BY_HAND,
    ],
    check: () =>
      renewal === "by-hand" ? [finding(CERTIFICATE_BY_HAND, { kind: "setting", name: "tlsCertificate.renewal" })] : [],
    observe,
  };
}

/** A response says when it was made; a probe of TLS alone is judged by the clock. */
function observe(observation: Observation): readonly Finding[] {
  const { tls, url } = observation;
  if (tls?.certificate === undefined) return [];
  const madeMs = Date.parse(observed(observation, "date")[0] ?? "");
  const at: Location = { kind: "response", url, header: undefined };
  return assess(tls.certificate, at, Number.isNaN(madeMs) ? Date.now() : madeMs);
}

function assess(certificate: CertificateObservation, at: Location, nowMs: number): readonly Finding[] {
  const { distrust, namesHost, validFromMs, validToMs } = certificate;
  const outside = nowMs < validFromMs || nowMs >= validToMs;
  const lifetimeMs = validToMs - validFromMs;
  const untrusted = distrust ?? (outside ? "not valid now" : undefined);
  const leftDays = Math.floor((validToMs - nowMs) / DAY_MS);
  return [
    ...(untrusted === undefined ? [] : [finding(CERTIFICATE_UNTRUSTED, at, untrusted)]),
    ...(namesHost ? [] : [finding(CERTIFICATE_NAME, at)]),
    ...(!outside && validToMs - nowMs < lifetimeMs / 3
      ? [finding(CERTIFICATE_EXPIRING, at, `${leftDays} days left`)]
      : []),
    ...(isWeak(certificate) ? [finding(CERTIFICATE_WEAK, at, `${certificate.keyType} ${certificate.keyBits}`)] : []),
    ...(lifetimeMs > longestMs(validFromMs)
      ? [finding(CERTIFICATE_LONG, at, `${Math.round(lifetimeMs / DAY_MS)} days`)]
      : []),
  ];
}

const DAY_MS = 86_400_000;

/** CA/Browser Forum, Baseline Requirements section 6.3.2, as changed by ballot SC-081v3: the last day counts in full. */
function longestMs(issuedMs: number): number {
  const days =
    issuedMs >= Date.parse("2029-03-15")
      ? 47
      : issuedMs >= Date.parse("2027-03-15")
        ? 100
        : issuedMs >= Date.parse("2026-03-15")
          ? 200
          : 398;
  return days * DAY_MS;
}

/** RSA with MD5 and SHA-1, ECDSA and DSA with SHA-1. */
const BROKEN_SIGNATURES: ReadonlySet<string> = new Set([
  "1.2.840.113549.1.1.4",
  "1.2.840.113549.1.1.5",
  "1.2.840.10045.4.1",
  "1.2.840.10040.4.3",
]);

function isWeak({ keyType, keyBits, signature }: CertificateObservation): boolean {
  return keyBits < (keyType.startsWith("rsa") ? 2048 : 256) || BROKEN_SIGNATURES.has(signature);
}
