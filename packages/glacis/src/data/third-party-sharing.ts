/** Personal data goes to declared processors, and secrets to nobody (catalog third-party-sharing). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { atLeast, type DataClass } from "./personal-names.ts";

const META: ControlMeta = {
  id: "third-party-sharing",
  title: "Every processor is registered with what it receives and where",
  layer: "data",
  guide: ["checklist: Logs don't contain secrets or PII"],
  owasp2021: ["A04", "A01"],
  owasp2025: ["A06", "A01"],
  asvs: ["v5.0.0-14.2.3"],
  cwe: ["CWE-359", "CWE-201"],
};

export const SHARING_UNDECLARED: Rule = {
  id: "third-party-sharing/undeclared",
  severity: "note",
  what: "A destination does not say which classes of data it receives.",
  why: "Nobody can tell a person, or an auditor, where personal data goes.",
  fix: 'Add data: ["personal"], or data: ["internal"] where nothing about persons is sent.',
};
export const SHARING_SECRET: Rule = {
  id: "third-party-sharing/secret",
  severity: "error",
  what: "A destination is declared to receive secrets.",
  why: "Whoever holds a hash, a token or a key of your users can act as them.",
  fix: "Send an identifier instead; a service that needs a credential gets one of its own.",
};
export const SHARING_NO_REGION: Rule = {
  id: "third-party-sharing/no-region",
  severity: "note",
  what: "A destination receives personal data and does not say where it is kept.",
  why: "Transfers to some countries need a contract or consent, and persons may ask.",
  fix: 'Add region: "EU", or wherever the processor keeps it.',
};

/** One row of the register, as in the list of `egressAllowlist`. */
export interface Processor {
  readonly host: string;
  readonly data?: readonly DataClass[];
  readonly region?: string;
}

/**
 * Judges the register of processors.
 *
 * @throws TypeError on an unknown option.
 * @example
 * thirdPartySharing({ destinations: egress.destinations });
 */
export function thirdPartySharing(options: { readonly destinations: readonly Processor[] }): Control {
  rejectUnknownOptions("thirdPartySharing", options, ["destinations"]);
  const { destinations } = options;
  return {
    meta: META,
    rules: [SHARING_UNDECLARED, SHARING_SECRET, SHARING_NO_REGION],
    check: ({ mode }) => (mode === "production" ? destinations.flatMap(judge) : []),
  };
}

function judge({ host, data, region = "" }: Processor): readonly Finding[] {
  const at = { kind: "setting", name: "destinations" } as const;
  if (data === undefined) return [finding(SHARING_UNDECLARED, at, host)];
  const personal = data.some((level) => atLeast(level, "personal"));
  return [
    ...(data.includes("secret") ? [finding(SHARING_SECRET, at, host)] : []),
    ...(personal && region.trim() === "" ? [finding(SHARING_NO_REGION, at, host)] : []),
  ];
}
