/** Where an authorization server sends people back to (catalog oauth-redirect-uri; RFC 9700 section 2.1). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { Observation } from "../core/response.ts";
import { attemptIn, clientsOf, type KnownClient, type OauthServer } from "../primitives/oauth-server.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const META: ControlMeta = {
  id: "oauth-redirect-uri",
  title: "Authorization server: exact registered redirect addresses",
  layer: "authentication",
  guide: ["A01"],
  owasp2021: ["A01", "A07"],
  owasp2025: ["A01", "A07"],
  asvs: ["v5.0.0-10.4.1"],
  cwe: ["CWE-601"],
};

export const REDIRECT_INSECURE: Rule = {
  id: "oauth-redirect-uri/insecure",
  severity: "error",
  what: "A client is sent back to an address that is not https.",
  why: "The code travels in the address, in the clear; a scheme such as javascript: runs in the browser instead.",
  fix: "Register https; a native application takes http on the loopback address, or a scheme of its own with a dot in it.",
};
export const REDIRECT_INEXACT: Rule = {
  id: "oauth-redirect-uri/inexact",
  severity: "error",
  what: "A registered address is a pattern, or can be read in two ways.",
  why: "Whatever it also matches gets the codes: a star, a fragment, a user's name, dots in the path or a missing host are such ways.",
  fix: "Register each address as it is, one by one, and compare texts.",
};
export const REDIRECT_FOLLOWED: Rule = {
  id: "oauth-redirect-uri/followed",
  severity: "error",
  what: "The server sends people to an address that is not registered.",
  why: "Anybody can write a link that signs people in at your server and hands their code to him.",
  fix: "Compare the address as a text with those of the client, and show an error on the server's own page.",
};

const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|\[::1\])(?::\d{1,5})?\//u;
/** RFC 8252 section 7.1: a name that somebody owns, backwards. */
const PRIVATE_SCHEME = /^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:\//u;

/** Judges the addresses of every client, and what the server does with others. */
export function oauthRedirectUri(server: OauthServer): Control {
  const clients = clientsOf(server);
  return {
    meta: META,
    rules: [REDIRECT_INSECURE, REDIRECT_INEXACT, REDIRECT_FOLLOWED],
    check: () => clients.flatMap(judgeClient),
    observe: (response) => observe(response, clients),
  };
}

function judgeClient(client: KnownClient): readonly Finding[] {
  const at = { kind: "setting", name: `oauth client ${client.client_id}` } as const;
  const native = client.application_type === "native";
  return client.redirect_uris.flatMap((uri) => {
    const detail = uri.slice(0, 200);
    if (!isExact(uri)) return [finding(REDIRECT_INEXACT, at, detail)];
    const sound = uri.startsWith("https://") || (native && (LOOPBACK.test(uri) || PRIVATE_SCHEME.test(uri)));
    return sound ? [] : [finding(REDIRECT_INSECURE, at, detail)];
  });
}

/** Written as a browser would write it, so that there is one way to read it. */
function isExact(uri: string): boolean {
  if (!canParseUrl(uri) || /[*#\\\s]|%2e/iu.test(uri)) return false;
  const url = new URL(uri);
  return url.username === "" && url.password === "" && (url.href === uri || url.href === `${uri}/`);
}

function observe(response: Observation, clients: readonly KnownClient[]): readonly Finding[] {
  const attempt = attemptIn(response);
  const uri = attempt?.asked.get("redirect_uri");
  const client = clients.find(({ client_id: id }) => id === attempt?.asked.get("client_id"));
  if (attempt?.location === undefined || uri === null || uri === undefined || client === undefined) return [];
  if (client.redirect_uris.includes(uri) || !canParseUrl(uri)) return [];
  const [asked, led] = [new URL(uri), attempt.location];
  // A page of the server's own, such as its sign-in, is no answer yet.
  return asked.host === led.host && asked.pathname === led.pathname && led.host !== new URL(response.url).host
    ? [finding(REDIRECT_FOLLOWED, { kind: "response", url: response.url, header: "location" })]
    : [];
}
