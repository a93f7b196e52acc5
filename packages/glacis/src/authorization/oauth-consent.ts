/** Nobody's data goes to a client that he has not said yes to (catalog oauth-consent; RFC 9700, ASVS 5 section 10.7). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { Observation } from "../core/response.ts";
import { attemptIn, clientsOf, type OauthServer } from "../primitives/oauth-server.ts";

const META: ControlMeta = {
  id: "oauth-consent",
  title: "Informed consent per authorization, revocable by the user",
  layer: "authorization",
  guide: ["A01"],
  owasp2021: ["A01", "A04"],
  owasp2025: ["A01", "A06"],
  asvs: ["v5.0.0-10.4.9", "v5.0.0-10.7.1", "v5.0.0-10.7.2", "v5.0.0-10.7.3"],
  cwe: ["CWE-862", "CWE-441", "CWE-1021"],
};

export const CONSENT_SKIPPED: Rule = {
  id: "oauth-consent/skipped",
  severity: "warning",
  what: "A grant is made without asking the person, for clients that are not your own.",
  why: "A link is then enough to hand somebody's data to a stranger's application.",
  fix: "Leave loadExistingGrant alone, or list in firstParty the clients that are yours.",
};
export const CONSENT_SILENT: Rule = {
  id: "oauth-consent/given-silently",
  severity: "error",
  what: "A client got a code although nobody was asked.",
  why: "It asked without showing a page, and the server had no consent to look up.",
  fix: "Answer prompt=none with consent_required or login_required until the person has said yes.",
};
export const CONSENT_NATIVE: Rule = {
  id: "oauth-consent/native-unasked",
  severity: "error",
  what: "A native client counts as your own and is not asked about.",
  why: "Any application on the phone can use its name: only the person sees which one is asking.",
  fix: "Remove it from firstParty.",
};
export const CONSENT_DEVELOPMENT: Rule = {
  id: "oauth-consent/development-pages",
  severity: "error",
  what: "The server shows the pages that came with it for trying out.",
  why: "They sign anybody in as whoever he says, and ask for nothing.",
  fix: "Set features: { devInteractions: { enabled: false } } and show pages of your own at interactions.url.",
};

export interface OauthConsentOptions extends OauthServer {
  /** Clients of your own, which people need not be asked about. */
  readonly firstParty?: readonly string[];
}

/** Judges whom people are asked about. `prompt=none` of a probe finds out whether the server asks. */
export function oauthConsent(options: OauthConsentOptions): Control {
  return {
    meta: META,
    rules: [CONSENT_SKIPPED, CONSENT_SILENT, CONSENT_NATIVE, CONSENT_DEVELOPMENT],
    check: () => check(options),
    observe,
  };
}

function check(options: OauthConsentOptions): readonly Finding[] {
  const { configuration, firstParty = [] } = options;
  const clients = clientsOf(options);
  const strangers = clients.filter(({ client_id: id }) => !firstParty.includes(id));
  const native = clients.filter(
    ({ client_id: id, application_type: type }) => type === "native" && firstParty.includes(id),
  );
  const at = (name: string): Finding["at"] => ({ kind: "setting", name });
  return [
    ...(typeof configuration.loadExistingGrant === "function" && strangers.length > 0
      ? [finding(CONSENT_SKIPPED, at("oauth loadExistingGrant"), `${strangers.length} clients`)]
      : []),
    ...native.map(({ client_id: id }) => finding(CONSENT_NATIVE, at(`oauth client ${id}`))),
    // oidc-provider has them switched on until somebody says otherwise.
    ...(configuration.features?.["devInteractions"]?.["enabled"] === false
      ? []
      : [finding(CONSENT_DEVELOPMENT, at("oauth features.devInteractions"))]),
  ];
}

function observe(response: Observation): readonly Finding[] {
  const attempt = attemptIn(response);
  if (attempt?.asked.get("prompt") !== "none" || attempt.location === undefined) return [];
  const given = attempt.location.searchParams.has("code");
  return given ? [finding(CONSENT_SILENT, { kind: "response", url: response.url, header: "location" })] : [];
}
