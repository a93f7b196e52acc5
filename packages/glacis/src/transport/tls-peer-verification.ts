/** Outgoing TLS verifies its peers: no switch of the process turns that off (catalog `tls-peer-verification`). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { flagNames } from "../primitives/deployment.ts";

const META: ControlMeta = {
  id: "tls-peer-verification",
  title: "TLS clients always verify their peers",
  layer: "transport",
  guide: ["A02"],
  owasp2021: ["A02", "A07"],
  owasp2025: ["A04", "A07"],
  asvs: ["v5.0.0-12.3.2", "v5.0.0-12.3.4"],
  cwe: ["CWE-295", "CWE-297"],
};

export const VERIFICATION_OFF: Rule = {
  id: "tls-peer-verification/off",
  severity: "error",
  what: "TLS certificates of other servers are not verified.",
  why: "Anyone on the way to the database, the identity provider or an API can read and change what is exchanged.",
  fix: "Unset NODE_TLS_REJECT_UNAUTHORIZED; for a private authority set NODE_EXTRA_CA_CERTS to its certificate.",
};
export const OLD_PROTOCOL: Rule = {
  id: "tls-peer-verification/old-protocol",
  severity: "error",
  what: "A flag lets Node speak TLS 1.0 or 1.1.",
  why: "Both are broken and forbidden by RFC 8996.",
  fix: "Remove --tls-min-v1.0 or --tls-min-v1.1 from the start command and from NODE_OPTIONS.",
};

export const KEYS_WRITTEN: Rule = {
  id: "tls-peer-verification/keys-written",
  severity: "error",
  what: "A flag makes Node write down the keys, or the contents, of its TLS connections.",
  why: "Whoever has the file, or the log, reads every connection that somebody has recorded, those of browsers included.",
  fix: "Remove --tls-keylog and --trace-tls from the start command and from NODE_OPTIONS, and delete what they have written.",
};

/**
 * Judges the switches of Node that weaken every outgoing connection at once; nothing happens per request.
 *
 * @example
 * tlsPeerVerification();
 */
export function tlsPeerVerification(): Control {
  return { meta: META, rules: [VERIFICATION_OFF, OLD_PROTOCOL, KEYS_WRITTEN], check: assess };
}

function assess({ variables, nodeOptions }: Deployment): readonly Finding[] {
  const name = "NODE_TLS_REJECT_UNAUTHORIZED";
  // Node itself compares with "0" and nothing else.
  const off = variables.get(name) === "0" ? [finding(VERIFICATION_OFF, { kind: "environment", name })] : [];
  const old = nodeOptions
    .filter((flag) => /^--tls[-_]min[-_]v1\.[01]$/u.test(flag))
    .map((flag) => finding(OLD_PROTOCOL, { kind: "environment", name: flag }));
  const written = flagNames(nodeOptions)
    .filter((flag) => flag === "--tls-keylog" || flag === "--trace-tls")
    .map((name) => finding(KEYS_WRITTEN, { kind: "environment", name }));
  return [...off, ...old, ...written];
}
