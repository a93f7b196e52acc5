import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, request, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";

/** Servers by the name that they have on the internet: everybody in a test speaks of `https://idp.example` and reaches a socket on this machine. */
export interface Internet {
  /** Listens for a host. */
  serve(host: string, listener: RequestListener): Promise<void>;
  /** Tells where a server that listens already is. */
  know(host: string, server: Server): void;
  /** As `fetch`, by name. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  portOf(host: string): number;
  close(): void;
}

export function internet(): Internet {
  const servers = new Map<string, Server>();
  const portOf = (host: string): number => {
    const server = servers.get(host);
    if (server === undefined) throw new TypeError(`Nobody answers at ${host}.`);
    return (server.address() as AddressInfo).port;
  };
  return {
    async serve(host, listener) {
      const server = createServer(listener).listen(0, "127.0.0.1");
      await once(server, "listening");
      servers.set(host, server);
    },
    know: (host, server) => void servers.set(host, server),
    portOf,
    async fetch(url, init) {
      const { host, pathname, search } = new URL(url);
      const headers = Object.fromEntries(new Headers(init.headers));
      const body = init.body == null ? undefined : `${init.body as string | URLSearchParams}`;
      const answer = await send(portOf(host), host, init.method ?? "GET", pathname + search, headers, body);
      const plain = Object.entries(answer.headers).filter(
        (entry): entry is [string, string] => typeof entry[1] === "string",
      );
      return new Response(answer.body === "" ? null : answer.body, { status: answer.status, headers: plain });
    },
    close() {
      for (const server of servers.values()) server.close();
    },
  };
}

export interface PageAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

// oxlint-disable-next-line max-params -- a request line, its headers and its body
async function send(
  port: number,
  host: string,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<PageAnswer> {
  const proxy = { host, "x-forwarded-proto": "https", "x-forwarded-host": host, "x-forwarded-for": "192.0.2.7" };
  const length = body === undefined ? {} : { "content-length": `${Buffer.byteLength(body)}` };
  const asked = request({ port, host: "127.0.0.1", method, path, headers: { ...headers, ...proxy, ...length } });
  asked.end(body);
  const [answer] = (await once(asked, "response")) as [
    AsyncIterable<Buffer> & { statusCode?: number; headers: IncomingHttpHeaders },
  ];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks).toString("utf8") };
}

/** A browser as far as this needs one: cookies by host, with the site that a navigation began at. Strict cookies stay at home across sites. */
export interface Visitor {
  readonly cookies: Map<string, Map<string, { readonly value: string; readonly strict: boolean }>>;
  /** @param from the site that the navigation begins at; the same unless you say otherwise */
  open(url: string, from?: string): Promise<PageAnswer>;
  post(url: string, fields: Readonly<Record<string, string>>): Promise<PageAnswer>;
}

export function visitor(net: Internet): Visitor {
  const cookies: Visitor["cookies"] = new Map();

  async function go(method: string, url: string, from: string, body?: string): Promise<PageAnswer> {
    const { host, pathname, search, origin } = new URL(url);
    const site = from === host ? "same-origin" : "cross-site";
    const jar = cookies.get(host) ?? new Map<string, { readonly value: string; readonly strict: boolean }>();
    const sent = [...jar].filter(([, { strict }]) => !strict || site === "same-origin");
    const answer = await send(
      net.portOf(host),
      host,
      method,
      pathname + search,
      {
        accept: "text/html",
        cookie: sent.map(([name, { value }]) => `${name}=${value}`).join("; "),
        "sec-fetch-site": site,
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
        ...(body !== undefined && { "content-type": "application/x-www-form-urlencoded", origin }),
      },
      body,
    );
    for (const line of answer.headers["set-cookie"] ?? []) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/u.exec(line) ?? [];
      if (/max-age=0|expires=Thu, 01 Jan 1970/iu.test(line)) jar.delete(name);
      else jar.set(name, { value, strict: /samesite=strict/iu.test(line) });
    }
    cookies.set(host, jar);
    return answer;
  }

  return {
    cookies,
    open: (url, from = new URL(url).host) => go("GET", url, from),
    post: (url, fields) => go("POST", url, new URL(url).host, `${new URLSearchParams({ ...fields })}`),
  };
}

/** Where a page of the application goes on to. */
export function goesTo({ body }: PageAnswer): string {
  return (/ href="([^"]*)"/u.exec(body)?.[1] ?? "").replaceAll("&amp;", "&");
}

export interface RealProviderOptions {
  readonly net: Internet;
  readonly host: string;
  readonly client: Readonly<Record<string, unknown>>;
  /** Settings of oidc-provider besides. */
  readonly configuration?: object;
  /** Claims of an account, besides its name. */
  readonly claims?: (account: string) => object;
}

/** A certified OpenID provider on a socket of this machine. */
export async function realProvider({
  net,
  host,
  client,
  configuration = {},
  claims = () => ({}),
}: RealProviderOptions): Promise<void> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const provider = new Provider(`https://${host}`, {
    clients: [client],
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "k1", use: "sig", alg: "RS256" }] },
    cookies: { keys: ["only a test"] },
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    conformIdTokenClaims: false,
    features: { backchannelLogout: { enabled: true } },
    findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id, ...claims(id) }) }),
    fetch: (url: string | URL, init: RequestInit) => net.fetch(String(url), init),
    ...configuration,
  });
  provider.proxy = true;
  await net.serve(host, provider.callback());
}

/** Signs somebody in at a real provider and says yes to everything, until it sends him away again. */
export async function consent(browser: Visitor, start: string, account: string, awayTo: string): Promise<string> {
  let page = await browser.open(start);
  let url = start;
  for (let steps = 0; steps < 20; steps += 1) {
    const { location } = page.headers;
    if (location !== undefined) {
      url = new URL(location, url).href;
      if (new URL(url).host === awayTo) return url;
      page = await browser.open(url);
      continue;
    }
    const action = /<form[^>]* action="([^"]*)"/u.exec(page.body)?.[1];
    if (action === undefined) throw new Error(`The provider is at a loss: ${page.status} ${page.body.slice(0, 200)}`);
    const fields: Record<string, string> = {};
    for (const [, name = "", value = ""] of page.body.matchAll(/<input[^>]* name="([^"]*)"[^>]* value="([^"]*)"/gu))
      fields[name] = value;
    if (page.body.includes('name="login"')) Object.assign(fields, { login: account, password: "x" });
    url = new URL(action.replaceAll("&amp;", "&"), url).href;
    page = await browser.post(url, fields);
  }
  throw new Error("The provider goes round in circles.");
}
