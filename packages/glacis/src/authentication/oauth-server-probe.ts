/** Questions to a running authorization server that no client of yours would ask; the controls judge the answers. */
import type { Control } from "../core/control.ts";
import type { Finding } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Observation } from "../core/response.ts";
import { publishedBy } from "../primitives/oauth-server.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

/** The part of `fetch` that is used. Redirects are read and never followed. */
export type ProbeFetch = (url: string, init: RequestInit) => Promise<Response>;

export interface OauthServerProbe {
  /** Exactly as the server writes it. */
  readonly issuer: string;
  /** A registered client that gets codes, and one of its addresses. Its secret is not needed. */
  readonly clientId: string;
  readonly redirectUri: string;
  readonly fetch: ProbeFetch;
  /** `oauthServerControls(...)` */
  readonly controls: readonly Control[];
}

const TIMEOUT_MS = 10_000;
const LONGEST_BODY = 262_144;
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/**
 * Asks a server that is running: its description, its authorization endpoint without a good challenge, for a token, without a page, and with addresses that
 * look like the client's; its token endpoint with a password, and its registration without a word. Nothing is changed where the server is sound; where
 * anybody can register, one client is left behind, named so.
 *
 * @returns findings of the controls, and one observation for each question
 * @throws TypeError on an unknown option; what fetch throws
 */
export async function probeOauthServer(probe: OauthServerProbe): Promise<readonly Finding[]> {
  rejectUnknownOptions("probeOauthServer", probe, ["issuer", "clientId", "redirectUri", "fetch", "controls"]);
  const { issuer, fetch, controls } = probe;
  const described = await ask(fetch, `${issuer.replace(/\/$/u, "")}/.well-known/openid-configuration`, {
    method: "GET",
  });
  const published = publishedBy(described.url, described.body);
  if (published === undefined) throw new TypeError("The server publishes no description of itself (RFC 8414).");
  const answers = [described];
  const endpoint = (name: string): string | undefined => {
    const value = published[`${name}_endpoint`];
    return typeof value === "string" && canParseUrl(value) ? value : undefined;
  };
  const [authorization, token, registration] = ["authorization", "token", "registration"].map(endpoint);
  if (authorization !== undefined)
    for (const query of requestsOf(probe))
      answers.push(await ask(fetch, `${authorization}?${query}`, { method: "GET" }));
  if (token !== undefined) answers.push(await ask(fetch, token, form(probe.clientId), "?grant_type=password"));
  if (registration !== undefined) answers.push(await ask(fetch, registration, registered()));
  return answers.flatMap((answer) => controls.flatMap((control) => control.observe?.(answer) ?? []));
}

function requestsOf({ clientId, redirectUri }: OauthServerProbe): readonly URLSearchParams[] {
  const good = {
    client_id: clientId,
    response_type: "code",
    scope: "openid",
    state: "probe",
    nonce: "probe",
    redirect_uri: redirectUri,
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
  };
  const { code_challenge: _, code_challenge_method: __, ...unbound } = good;
  return [
    unbound,
    { ...good, code_challenge_method: "plain" },
    { ...good, response_type: "token" },
    { ...good, response_type: "id_token" },
    { ...good, prompt: "none" },
    ...likenesses(redirectUri).map((uri) => ({ ...good, redirect_uri: uri, prompt: "none" })),
  ].map((parameters) => new URLSearchParams(parameters));
}

/** Addresses that somebody who compares badly takes for the client's own. */
function likenesses(uri: string): readonly string[] {
  const { origin, host, pathname, protocol } = new URL(uri);
  return [
    `${uri}/more`,
    `${uri}?more=1`,
    `${uri}x`,
    `${origin}.evil.example${pathname}`,
    `${protocol}//${host}@evil.example${pathname}`,
    `${protocol}//x.${host}${pathname}`,
    `${origin}${pathname}/../elsewhere`,
    `${origin}${pathname.toUpperCase()}`,
    `${origin}/`,
    `https://evil.example/?${uri}`,
  ];
}

const FORM = { "content-type": "application/x-www-form-urlencoded" };

function form(clientId: string): RequestInit {
  // glacis-waive scan/hard-coded-secret: a wrong password, to see it refused (maintainers, until 2027-02-20)
  const body = new URLSearchParams({
    grant_type: "password",
    client_id: clientId,
    username: "probe",
    password: "probe",
  });
  return { method: "POST", headers: FORM, body: `${body}` };
}

function registered(): RequestInit {
  const metadata = { client_name: "probe, to be removed", redirect_uris: ["https://probe.invalid/"] };
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(metadata) };
}

/** @param posted what a form said, for the judges to read in the address */
async function ask(fetch: ProbeFetch, url: string, init: RequestInit, posted = ""): Promise<Observation> {
  const response = await fetch(url, { ...init, redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
  const body = (await response.text()).slice(0, LONGEST_BODY);
  const headers = [...response.headers].map(([name, value]) => [name, value] as const);
  return {
    url: url + posted,
    scheme: url.startsWith("https:") ? "https" : "http",
    status: response.status,
    headers,
    body,
  };
}
