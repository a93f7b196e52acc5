/** SAML, where a tenant's provider speaks nothing else: the options of the library that verifies it (catalog saml-assertions; ADR 4). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const META: ControlMeta = {
  id: "saml-assertions",
  title: "SAML responses signature-checked, audience-bound and replay-protected",
  layer: "authentication",
  guide: ["A07", "A08"],
  owasp2021: ["A07", "A08"],
  owasp2025: ["A07", "A08"],
  asvs: ["v5.0.0-6.8.2", "v5.0.0-6.8.3"],
  cwe: ["CWE-347", "CWE-294", "CWE-91", "CWE-611"],
};

export const SAML_UNSIGNED: Rule = {
  id: "saml-assertions/unsigned",
  severity: "error",
  what: "An assertion counts that nobody has signed, or whose signer nobody knows.",
  why: "Whoever can send a form to the callback signs in as anybody.",
  fix: "Set wantAssertionsSigned: true and the provider's certificate in idpCert.",
};
export const SAML_WEAK: Rule = {
  id: "saml-assertions/weak-algorithm",
  severity: "error",
  what: "Requests are signed, or digests made, with SHA-1.",
  why: "Two texts with one SHA-1 can be made on purpose; a provider that takes it takes somebody else's request too.",
  fix: 'Set signatureAlgorithm and digestAlgorithm to "sha256"; the library\'s own default is sha1.',
};
export const SAML_AUDIENCE: Rule = {
  id: "saml-assertions/audience",
  severity: "error",
  what: "An assertion for another service, or of another issuer, counts.",
  why: "Whoever runs a service at the same provider uses the assertions of its visitors here.",
  fix: "Leave audience to be your own name, and set idpIssuer to the provider's.",
};
export const SAML_UNSOLICITED: Rule = {
  id: "saml-assertions/unsolicited",
  severity: "error",
  what: "A response counts that nobody here has asked for.",
  why: "One that was stolen, or made for somebody else, signs a browser in that never began: login CSRF, and replay.",
  fix: 'Set validateInResponseTo: "always", and switch sign-in by the provider alone off there.',
};
export const SAML_SLACK: Rule = {
  id: "saml-assertions/clock-slack",
  severity: "warning",
  what: "Assertions count for more than a minute after their end, or for ever.",
  why: "That is as long as a stolen one can be used.",
  fix: "Set acceptedClockSkewMs to 60 000 at most, and set the clocks by NTP. -1 switches the check off.",
};
export const SAML_CALLBACK: Rule = {
  id: "saml-assertions/callback",
  severity: "error",
  what: "The address that assertions are sent to is not one exact https address.",
  why: "They travel through the browser: in the clear, whoever listens has them first.",
  fix: 'Set callbackUrl to such as "https://app.example.com/saml/callback".',
};
export const SAML_OUTDATED: Rule = {
  id: "saml-assertions/outdated-library",
  severity: "error",
  what: "The library has known ways around its signature check.",
  why: "An assertion that is wrapped, or cut by a comment, then says something else than what was signed.",
  fix: "Use @node-saml/node-saml 5.1.0 or later.",
};
export const SAML_MEMORY: Rule = {
  id: "saml-assertions/memory-requests",
  severity: "warning",
  what: "Requests that were sent are remembered in the memory of one process.",
  why: "A response that comes to another instance is refused, and somebody switches the check off for it.",
  fix: "Give cacheProvider a store that every instance shares.",
};

/** The part of @node-saml/node-saml's options that is judged, by their own names. */
export interface SamlOptions {
  readonly callbackUrl?: string;
  readonly issuer?: string;
  readonly idpIssuer?: string;
  readonly idpCert?: unknown;
  readonly audience?: string | false;
  readonly wantAssertionsSigned?: boolean;
  readonly signatureAlgorithm?: string;
  readonly digestAlgorithm?: string;
  readonly acceptedClockSkewMs?: number;
  readonly validateInResponseTo?: string;
  readonly cacheProvider?: unknown;
}

export interface SamlAssertionsOptions {
  /** The options of each provider, by its name here. */
  readonly providers: Readonly<Record<string, SamlOptions>>;
  /** Of @node-saml/node-saml, from its package.json. */
  readonly version: string;
}

const MOST_SKEW_MS = 60_000;
const PATCHED = [5, 1, 0];
const STRONG = new Set(["sha256", "sha512"]);

/**
 * Judges how SAML responses are verified by @node-saml/node-saml. What is verified becomes a session by `dangerouslyProvedElsewhere`, whose name says why.
 *
 * @throws TypeError on an unknown option, or a version that is none.
 * @example
 * samlAssertions({ providers: { acme: acmeSaml }, version: "5.1.0" });
 */
export function samlAssertions(options: SamlAssertionsOptions): Control {
  rejectUnknownOptions("samlAssertions", options, ["providers", "version"]);
  const { providers, version } = options;
  if (!/^\d{1,4}\.\d{1,4}\.\d{1,4}/u.test(version))
    throw new TypeError('samlAssertions() needs version, such as "5.1.0".');
  return {
    meta: META,
    rules: [
      SAML_UNSIGNED,
      SAML_WEAK,
      SAML_AUDIENCE,
      SAML_UNSOLICITED,
      SAML_SLACK,
      SAML_CALLBACK,
      SAML_OUTDATED,
      SAML_MEMORY,
    ],
    check: (deployment) => [
      ...(isOlder(version) ? [finding(SAML_OUTDATED, { kind: "package", name: "@node-saml/node-saml", version })] : []),
      ...Object.entries(providers).flatMap(([name, provider]) => judge(name, provider, deployment)),
    ],
  };
}

function judge(name: string, options: SamlOptions, { mode }: Deployment): readonly Finding[] {
  const at: Location = { kind: "setting", name: `saml provider ${name}` };
  const { idpCert, wantAssertionsSigned, audience, idpIssuer, cacheProvider, acceptedClockSkewMs: skew = 0 } = options;
  // The library's defaults: sha1 to sign with, and no look at what was asked for.
  const { signatureAlgorithm = "sha1", digestAlgorithm = "sha1", validateInResponseTo: asked = "never" } = options;
  const broken: readonly (readonly [boolean, Rule])[] = [
    [wantAssertionsSigned === false || idpCert === undefined || idpCert === "" || isEmpty(idpCert), SAML_UNSIGNED],
    [!STRONG.has(signatureAlgorithm) || !STRONG.has(digestAlgorithm), SAML_WEAK],
    [audience === false || (audience ?? options.issuer ?? "") === "" || (idpIssuer ?? "") === "", SAML_AUDIENCE],
    [asked !== "always", SAML_UNSOLICITED],
    [!(skew >= 0 && skew <= MOST_SKEW_MS), SAML_SLACK],
    [!isExactHttps(options.callbackUrl), SAML_CALLBACK],
    [mode === "production" && cacheProvider === undefined && asked === "always", SAML_MEMORY],
  ];
  return broken.filter(([found]) => found).map(([, rule]) => finding(rule, at));
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function isExactHttps(address: string | undefined): boolean {
  return (
    address !== undefined &&
    canParseUrl(address) &&
    new URL(address).href === address &&
    /^https:\/\/[^*?#@]+$/u.test(address)
  );
}

/** A version of tests, such as 5.1.0-beta.1, comes before the one that it is for. */
function isOlder(version: string): boolean {
  const [core = "", beta] = version.split("-", 2);
  const parts = core.split(".").map(Number);
  const at = PATCHED.findIndex((part, index) => parts[index] !== part);
  return at === -1 ? beta !== undefined : (parts[at] as number) < (PATCHED[at] as number);
}
