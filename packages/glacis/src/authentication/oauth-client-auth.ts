/** Clients that prove who they are, and that somebody has let in (catalog oauth-client-auth; RFC 9700 section 2.5, RFC 7591). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { Observation } from "../core/response.ts";
import {
  clientsOf,
  isPublicClient,
  publishedBy,
  type KnownClient,
  type OauthServer,
} from "../primitives/oauth-server.ts";

const META: ControlMeta = {
  id: "oauth-client-auth",
  title: "Confidential clients authenticated; dynamic registration constrained",
  layer: "authentication",
  guide: ["A05", "A07"],
  owasp2021: ["A07", "A05"],
  owasp2025: ["A07", "A02"],
  asvs: ["v5.0.0-10.4.7", "v5.0.0-10.4.10", "v5.0.0-10.4.16"],
  cwe: ["CWE-306", "CWE-287", "CWE-522"],
};

export const CLIENT_UNPROVED: Rule = {
  id: "oauth-client-auth/unproved",
  severity: "error",
  what: "A client that acts for itself need not prove who it is.",
  why: "Its name is no secret: whoever knows it has its rights.",
  fix: "Give it private_key_jwt, or a secret; the grant client_credentials is for nobody else.",
};
export const CLIENT_WEAK_SECRET: Rule = {
  id: "oauth-client-auth/weak-secret",
  severity: "error",
  what: "A client's secret is short or easy to guess.",
  why: "The token endpoint takes as many guesses as a network carries.",
  fix: 'Use 32 random bytes: randomBytes(32).toString("base64url").',
};
export const CLIENT_SHARED_SECRET: Rule = {
  id: "oauth-client-auth/shared-secret",
  severity: "note",
  what: "A client proves itself by a secret that the server knows too.",
  why: "It stands in two configurations, and in every request.",
  fix: "Use private_key_jwt: the server then has a public key alone.",
};
export const REGISTRATION_OPEN: Rule = {
  id: "oauth-client-auth/open-registration",
  severity: "error",
  what: "Anybody can register a client.",
  why: "He names it after yours, sends people to it, and has the server fetch addresses of his choice.",
  fix: "Leave features.registration off, or ask for an initial access token and judge the metadata.",
};

const LEAST_CHARACTERS = 32;
const LEAST_DISTINCT = 12;

export function oauthClientAuth(server: OauthServer): Control {
  return {
    meta: META,
    rules: [CLIENT_UNPROVED, CLIENT_WEAK_SECRET, CLIENT_SHARED_SECRET, REGISTRATION_OPEN],
    check: () => [...judgeRegistration(server), ...clientsOf(server).flatMap(judgeClient)],
    observe: (response) => [...observeDocument(response), ...observeRegistration(response)],
  };
}

function judgeRegistration({ configuration: { features } }: OauthServer): readonly Finding[] {
  const { enabled, initialAccessToken } = features?.["registration"] ?? {};
  const guarded = typeof initialAccessToken === "string" || initialAccessToken === true;
  return enabled === true && !guarded
    ? [finding(REGISTRATION_OPEN, { kind: "setting", name: "oauth features.registration" })]
    : [];
}

function judgeClient(client: KnownClient): readonly Finding[] {
  const { client_id: id, client_secret: secret, token_endpoint_auth_method: method, grant_types: grants } = client;
  const at = { kind: "setting", name: `oauth client ${id}` } as const;
  if (isPublicClient(client)) return grants.includes("client_credentials") ? [finding(CLIENT_UNPROVED, at)] : [];
  if (!method.startsWith("client_secret")) return [];
  // A server that keeps hashes has no secret to show.
  const weak = secret !== undefined && (secret.length < LEAST_CHARACTERS || new Set(secret).size < LEAST_DISTINCT);
  return [finding(weak ? CLIENT_WEAK_SECRET : CLIENT_SHARED_SECRET, at)];
}

/** A server that publishes where to register may still ask for a token; whether it does, a probe finds out. */
function observeDocument({ url, body }: Observation): readonly Finding[] {
  const methods = publishedBy(url, body)?.["token_endpoint_auth_methods_supported"];
  const alone = Array.isArray(methods) && methods.length > 0 && methods.every((method) => method === "none");
  return alone ? [finding(CLIENT_UNPROVED, { kind: "response", url, header: undefined }, "no method but none")] : [];
}

/** RFC 7591 section 3.2.1: created. The probe registers with an address that leads nowhere. */
function observeRegistration({ url, status, body }: Observation): readonly Finding[] {
  const created = status === 201 && /"client_id"\s*:/u.test(body ?? "");
  return created ? [finding(REGISTRATION_OPEN, { kind: "response", url, header: undefined })] : [];
}
