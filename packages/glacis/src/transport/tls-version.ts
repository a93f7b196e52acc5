/** TLS 1.2 and 1.3, with suites that keep a recorded conversation secret (RFC 8996, RFC 9325; catalog tls-version; guide A02). */
import { DEFAULT_CIPHERS } from "node:tls";
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { nearestWord, rejectUnknownOptions } from "../core/options.ts";
import type { Observation } from "../core/response.ts";
import { STRONG_SUITES, weakInCipherString } from "./tls-suites.ts";

const META: ControlMeta = {
  id: "tls-version",
  title: "TLS 1.2/1.3 only with forward-secret AEAD suites",
  layer: "transport",
  guide: ["A02", "checklist: TLS 1.3 for data in transit"],
  owasp2021: ["A02"],
  owasp2025: ["A04"],
  asvs: ["v5.0.0-11.6.2", "v5.0.0-12.1.1", "v5.0.0-12.1.2"],
  cwe: ["CWE-326", "CWE-327", "CWE-757"],
};

export const TLS_TOO_OLD: Rule = {
  id: "tls-version/too-old",
  severity: "error",
  what: "The server speaks a TLS older than 1.2.",
  why: "RFC 8996 forbids TLS 1.0 and 1.1: whoever is on the way can lead both ends to what is broken in them.",
  fix: 'Set minVersion: "TLSv1.2" where Node ends TLS, or a policy of 1.2 and 1.3 at the edge.',
};
export const TLS_WEAK_SUITE: Rule = {
  id: "tls-version/weak-suite",
  severity: "error",
  what: "The server takes a suite without forward secrecy or without authenticated encryption.",
  why: "A recorded conversation can be read once the key is known, or bytes of it be guessed by asking.",
  fix: "Offer ECDHE with AES-GCM or ChaCha20-Poly1305 alone: ciphers: TLS_SERVER_OPTIONS.ciphers.",
};
export const TLS_NO_13: Rule = {
  id: "tls-version/no-tls13",
  severity: "warning",
  what: "The server does not speak TLS 1.3.",
  why: "1.3 has none of the choices that went wrong before, and a handshake of one round trip.",
  fix: "Leave maxVersion out, or choose an edge policy with TLS 1.3.",
};
export const TLS_EDGE_UNKNOWN: Rule = {
  id: "tls-version/edge-unknown",
  severity: "warning",
  what: "Nobody here knows what the named edge policy allows.",
  why: "A policy whose protocols are not known has not been verified.",
  fix: "Choose one of the policies in docs/controls/tls-version.md, or prove it by a probe of the public host.",
};

/** What a server of Node's own should be made with: `https.createServer({ ...TLS_SERVER_OPTIONS, key, cert })`. */
export const TLS_SERVER_OPTIONS: {
  readonly minVersion: "TLSv1.2";
  readonly ciphers: string;
  readonly ecdhCurve: string;
  readonly honorCipherOrder: false;
} = Object.freeze({
  minVersion: "TLSv1.2",
  ciphers: ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", ...STRONG_SUITES].join(
    ":",
  ),
  ecdhCurve: "X25519:P-256:P-384",
  // Every suite is good: a phone without AES in its processor may choose ChaCha20.
  honorCipherOrder: false,
});

export interface TlsVersionOptions {
  /** Where Node ends TLS: the options of its server. */
  readonly server?: { readonly minVersion?: string; readonly maxVersion?: string; readonly ciphers?: string };
  /** Where a load balancer does: the name of its policy. */
  readonly edgePolicy?: string;
}

/** Policies of AWS load balancers, by what they allow. */
const EDGE: ReadonlyMap<string, "modern" | "intermediate" | "weak-suite" | "no-tls13" | "too-old"> = new Map([
  ["ELBSecurityPolicy-TLS13-1-3-2021-06", "modern"],
  ["ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", "modern"],
  ["ELBSecurityPolicy-TLS13-1-2-Res-2021-06", "intermediate"],
  ["ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", "intermediate"],
  ["ELBSecurityPolicy-TLS13-1-2-2021-06", "weak-suite"],
  ["ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", "weak-suite"],
  ["ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", "weak-suite"],
  ["ELBSecurityPolicy-TLS13-1-1-2021-06", "too-old"],
  ["ELBSecurityPolicy-TLS13-1-0-2021-06", "too-old"],
  ["ELBSecurityPolicy-TLS-1-2-2017-01", "weak-suite"],
  ["ELBSecurityPolicy-TLS-1-2-Ext-2018-06", "weak-suite"],
  ["ELBSecurityPolicy-TLS-1-1-2017-01", "too-old"],
  ["ELBSecurityPolicy-FS-1-2-Res-2020-10", "no-tls13"],
  ["ELBSecurityPolicy-FS-1-2-Res-2019-08", "weak-suite"],
  ["ELBSecurityPolicy-FS-1-2-2019-08", "weak-suite"],
  ["ELBSecurityPolicy-FS-1-1-2019-08", "too-old"],
  ["ELBSecurityPolicy-FS-2018-06", "too-old"],
  ["ELBSecurityPolicy-2016-08", "too-old"],
  ["TLSv1.2_2021", "intermediate"],
  ["TLSv1.2_2019", "weak-suite"],
  ["TLSv1.2_2018", "weak-suite"],
  ["TLSv1.1_2016", "too-old"],
  ["TLSv1_2016", "too-old"],
  ["TLSv1", "too-old"],
]);

/**
 * Judges the TLS that the public sees: what is declared of the server or of the edge, and what a probe found. Without a declaration the probe alone
 * speaks.
 *
 * @throws TypeError on an unknown option.
 * @example
 * tlsVersion({ edgePolicy: "ELBSecurityPolicy-TLS13-1-2-Res-2021-06" });
 */
export function tlsVersion(options: TlsVersionOptions = {}): Control {
  rejectUnknownOptions("tlsVersion", options, ["server", "edgePolicy"]);
  const { server, edgePolicy } = options;
  const served = server === undefined ? undefined : factsOf(server);
  return {
    meta: META,
    rules: [TLS_TOO_OLD, TLS_WEAK_SUITE, TLS_NO_13, TLS_EDGE_UNKNOWN],
    check: () => [
      ...(served === undefined ? [] : assess(served, { kind: "setting", name: "tlsVersion.server" })),
      ...(edgePolicy === undefined ? [] : judgeEdge(edgePolicy)),
    ],
    observe: ({ tls, url }: Observation) =>
      tls === undefined ? [] : assess(tls, { kind: "response", url, header: undefined }),
  };
}

interface TlsFacts {
  readonly protocols: readonly string[];
  readonly weakSuites: readonly string[];
}

const PROTOCOLS = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/** What a server of Node's takes. Its own defaults are 1.2 to 1.3, with suites that are not forward-secret among those of 1.2. */
function factsOf(server: NonNullable<TlsVersionOptions["server"]>): TlsFacts {
  const { minVersion = "TLSv1.2", maxVersion = "TLSv1.3", ciphers = DEFAULT_CIPHERS } = server;
  const from = PROTOCOLS.indexOf(minVersion);
  const to = PROTOCOLS.indexOf(maxVersion);
  if (from === -1 || to === -1 || from > to)
    throw new TypeError(`tlsVersion() needs minVersion and maxVersion out of ${PROTOCOLS.join(", ")}, in order.`);
  const weakSuites = minVersion === "TLSv1.3" ? [] : weakInCipherString(ciphers);
  return { protocols: PROTOCOLS.slice(from, to + 1), weakSuites };
}

/** The one judgement behind `check` and `observe`. */
function assess({ protocols, weakSuites }: TlsFacts, at: Location): readonly Finding[] {
  const old = protocols.filter((protocol) => protocol !== "TLSv1.2" && protocol !== "TLSv1.3");
  return [
    ...(old.length > 0 ? [finding(TLS_TOO_OLD, at, old.join(", "))] : []),
    ...(weakSuites.length > 0 ? [finding(TLS_WEAK_SUITE, at, weakSuites.join(", "))] : []),
    ...(protocols.includes("TLSv1.3") ? [] : [finding(TLS_NO_13, at, protocols.join(", "))]),
  ];
}

function judgeEdge(policy: string): readonly Finding[] {
  const at: Location = { kind: "setting", name: "tlsVersion.edgePolicy" };
  switch (EDGE.get(policy)) {
    case "modern":
    case "intermediate":
      return [];
    case "weak-suite":
      return [finding(TLS_WEAK_SUITE, at, policy)];
    case "no-tls13":
      return [finding(TLS_NO_13, at, policy)];
    case "too-old":
      return [finding(TLS_TOO_OLD, at, policy)];
    case undefined: {
      const nearest = nearestWord(policy, [...EDGE.keys()]);
      return [finding(TLS_EDGE_UNKNOWN, at, nearest === undefined ? policy : `${policy}; did you mean ${nearest}?`)];
    }
  }
}
