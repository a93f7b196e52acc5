/** Codes that count once, for a minute, for whoever asked (catalog oauth-authorization-code; RFC 7636, RFC 9700 section 2.1.1). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { Observation } from "../core/response.ts";
import {
  attemptIn,
  clientsOf,
  publishedBy,
  settingFor,
  textsIn,
  type OauthServer,
} from "../primitives/oauth-server.ts";

const META: ControlMeta = {
  id: "oauth-authorization-code",
  title: "Codes single-use, short-lived and bound by PKCE",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07"],
  owasp2025: ["A07"],
  asvs: ["v5.0.0-10.4.2", "v5.0.0-10.4.3", "v5.0.0-10.4.6"],
  cwe: ["CWE-294", "CWE-613"],
};

export const CODE_UNBOUND: Rule = {
  id: "oauth-authorization-code/no-pkce",
  severity: "error",
  what: "A code is given without a challenge.",
  why: "Whoever gets hold of it on its way through the browser redeems it; with a challenge only the one who asked can.",
  fix: "Require PKCE of every client: pkce: { required: () => true }.",
};
export const CODE_PLAIN: Rule = {
  id: "oauth-authorization-code/plain",
  severity: "error",
  what: "The server takes a challenge that is the verifier itself.",
  why: "Whoever sees the request has what redeems the code.",
  fix: "Take S256 alone, and publish it alone.",
};
export const CODE_LONG_LIVED: Rule = {
  id: "oauth-authorization-code/long-lived",
  severity: "warning",
  what: "A code is good for more than a minute, or nobody can tell for how long.",
  why: "It lies in histories, logs and Referer headers meanwhile; a client needs a second.",
  fix: "Set ttl: { AuthorizationCode: 60 }.",
};

const MOST_SECONDS = 60;
const RESPONSE_CODE = /(?:^|\s)code(?:\s|$)/u;

/** Judges codes of every client that gets some. That each counts once is the server's own work; a probe tries. */
export function oauthAuthorizationCode(server: OauthServer): Control {
  return {
    meta: META,
    rules: [CODE_UNBOUND, CODE_PLAIN, CODE_LONG_LIVED],
    check: () => check(server),
    observe: (response) => [...observeDocument(response), ...observeAttempt(response)],
  };
}

function check(server: OauthServer): readonly Finding[] {
  const { pkce, ttl } = server.configuration;
  return clientsOf(server)
    .filter(({ response_types: types }) => types.some((type) => RESPONSE_CODE.test(type)))
    .flatMap((client) => {
      const at = { kind: "setting", name: `oauth client ${client.client_id}` } as const;
      // oidc-provider asks for it, and gives codes a minute, where nothing is said.
      const required = pkce?.required === undefined || settingFor(pkce.required, client) === true;
      const seconds =
        ttl?.["AuthorizationCode"] === undefined ? MOST_SECONDS : settingFor(ttl["AuthorizationCode"], client);
      const short = typeof seconds === "number" && seconds > 0 && seconds <= MOST_SECONDS;
      return [
        ...(required ? [] : [finding(CODE_UNBOUND, at)]),
        ...(short ? [] : [finding(CODE_LONG_LIVED, at, typeof seconds === "number" ? `${seconds} s` : "untold")]),
      ];
    });
}

function observeDocument({ url, body }: Observation): readonly Finding[] {
  const document = publishedBy(url, body);
  if (document === undefined) return [];
  const at = { kind: "response", url, header: undefined } as const;
  const methods = textsIn(document["code_challenge_methods_supported"], []);
  if (methods.includes("plain")) return [finding(CODE_PLAIN, at)];
  return methods.includes("S256") ? [] : [finding(CODE_UNBOUND, at, "S256 is not published")];
}

/** What a request without a good challenge came to: only a refusal will do, for a sign-in page means that it went on. */
function observeAttempt(response: Observation): readonly Finding[] {
  const attempt = attemptIn(response);
  if (attempt === undefined || attempt.refused || !RESPONSE_CODE.test(attempt.asked.get("response_type") ?? ""))
    return [];
  const at = { kind: "response", url: response.url, header: undefined } as const;
  if (!attempt.asked.has("code_challenge")) return [finding(CODE_UNBOUND, at)];
  // RFC 7636 section 4.3: a challenge without a method is plain.
  return (attempt.asked.get("code_challenge_method") ?? "plain") === "plain" ? [finding(CODE_PLAIN, at)] : [];
}
