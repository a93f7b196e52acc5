/** One small application, told without a framework; `frameworks/` builds it in each. */
import type { ServerResponse, Server } from "node:http";
import { authenticated, hasRole, assurance, policyAccess, publicAccess, routeRule, type RouteRule } from "glacis";
import type { Exchange } from "../../packages/glacis/src/core/exchange.ts";
import { currentRequest } from "../../packages/glacis/src/primitives/request-context.ts";
import type { Security } from "glacis";
import {
  dangerouslyProvedElsewhere,
  type Csrf,
  type Sessions,
} from "../../packages/glacis/src/authentication/index.ts";
import { setTimeout as sleep } from "node:timers/promises";

export interface Incoming {
  readonly exchange: Exchange;
  readonly params: Readonly<Record<string, string>>;
  /** A header as the framework hands it to a handler. @param name lower case */
  readonly header: (name: string) => string | undefined;
  /** The body as the framework hands it to a handler. */
  readonly body: () => Promise<unknown>;
  /** Streams the body the framework's way and counts its bytes. */
  readonly count: () => Promise<number>;
}

/** What a handler answers; each framework sends it in its own manner. */
export type Reply =
  | {
      readonly kind: "send";
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body: string | null;
    }
  | { readonly kind: "cookies"; readonly cookies: readonly (readonly [name: string, value: string])[] }
  | { readonly kind: "redirect"; readonly status: 302 | 303 | 308; readonly location: string }
  | { readonly kind: "stream"; readonly type: string; readonly chunks: AsyncIterable<string> }
  | { readonly kind: "raw"; readonly write: (response: ServerResponse) => void };

export type Behaviour = (incoming: Incoming) => Reply | Promise<Reply>;

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "PATCH" | "ALL";
  readonly path: string;
  readonly rule: RouteRule | undefined;
  readonly behave: Behaviour;
}

/** Routes below a prefix, with a rule for all of them. */
export interface Group {
  readonly prefix: string;
  readonly rule: RouteRule;
  readonly routes: readonly Route[];
}

export interface Application {
  readonly routes: readonly Route[];
  readonly groups: readonly Group[];
}

/** Builds the application in one framework and listens on a free port. */
export type Build = (application: Application, security: Security) => Promise<Server>;

export const json = (value: unknown, headers: Readonly<Record<string, string>> = {}): Reply => ({
  kind: "send",
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(value),
});

const text = (body: string, headers: Readonly<Record<string, string>> = {}, status = 200): Reply => ({
  kind: "send",
  status,
  headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  body,
});

const open = (options: Parameters<typeof routeRule>[1] = {}): RouteRule =>
  routeRule(publicAccess("conformance"), { kind: "api", ...options });
const signed = routeRule(authenticated(), { kind: "api" });

async function* chunksOf(parts: readonly string[], fail = false): AsyncGenerator<string> {
  for (const part of parts) {
    yield part;
    await sleep(5);
  }
  if (fail) throw new Error("SECRET late failure");
}

function describe({ exchange, params }: Incoming): object {
  const { principal } = exchange;
  return {
    method: exchange.method,
    params,
    who: principal.kind === "anonymous" ? "anonymous" : principal.id,
    client: exchange.client,
    scheme: exchange.scheme,
    pattern: exchange.pattern,
    inContext: currentRequest() === exchange,
  };
}

/** @param ran receives the name of every handler that runs, so that a case can ask whether one did */
export function application(sessions: Sessions, csrf: Csrf, ran: string[]): Application {
  const note = (name: string): void => void ran.push(name);
  const route = (method: Route["method"], path: string, rule: RouteRule | undefined, behave: Behaviour): Route => ({
    method,
    path,
    rule,
    behave(incoming) {
      note(`${method} ${path}`);
      return behave(incoming);
    },
  });
  const describing: Behaviour = (incoming) => json(describe(incoming));
  return {
    routes: [
      route("GET", "/", open(), describing),
      route("GET", "/page", open({ kind: "page" }), ({ exchange }) => ({
        kind: "send",
        headers: { "content-type": "text/html; charset=utf-8" },
        body: `<!doctype html><title>page</title><script nonce="${exchange.nonce}"></script>`,
      })),
      route("GET", "/documents", signed, describing),
      route("GET", "/documents/:id", signed, describing),
      route("PUT", "/documents/:id", signed, describing),
      route("DELETE", "/documents/:id", signed, describing),
      route("POST", "/documents", signed, async (incoming) =>
        json({ body: await incoming.body(), text: incoming.exchange.bodyText }),
      ),
      route("POST", "/public", open({ csrfExempt: "conformance" }), async (incoming) =>
        json({ body: await incoming.body(), text: incoming.exchange.bodyText }),
      ),
      route("POST", "/large", open({ csrfExempt: "conformance", bodyBytes: 300_000 }), async (incoming) =>
        json({ length: JSON.stringify(await incoming.body()).length }),
      ),
      route("POST", "/upload", open({ csrfExempt: "conformance", bodyBytes: 200_000 }), async (incoming) =>
        json({ bytes: await incoming.count() }),
      ),
      route("POST", "/unread", open({ csrfExempt: "conformance" }), () => text("not read")),
      route("GET", "/admin-role", routeRule(hasRole("admin"), { kind: "api" }), describing),
      route("GET", "/two-factors", routeRule(assurance(2), { kind: "api" }), describing),
      route(
        "GET",
        "/policy",
        routeRule(
          policyAccess("ada only", (who) => who.kind === "user" && who.id === "ada"),
          { kind: "api" },
        ),
        describing,
      ),
      route(
        "GET",
        "/policy-throws",
        routeRule(
          policyAccess("broken", () => {
            throw new Error("SECRET policy");
          }),
          { kind: "api" },
        ),
        describing,
      ),
      route(
        "GET",
        "/policy-hangs",
        routeRule(
          policyAccess("slow", () => new Promise<boolean>(() => {})),
          { kind: "api" },
        ),
        describing,
      ),
      route("POST", "/sign-in", open({ csrfExempt: "conformance" }), async ({ exchange }) => {
        const role = new URLSearchParams(exchange.query).get("role") ?? "member";
        const userId = new URLSearchParams(exchange.query).get("user") ?? "ada";
        const user = { userId, tenantId: "acme", roles: [role] };
        await sessions.establish(exchange, [dangerouslyProvedElsewhere(userId, exchange.receivedAtMs)], user);
        return text("signed in");
      }),
      route("GET", "/token", open(), ({ exchange }) => text(csrf.token(exchange))),
      route("GET", "/throw", open(), () => {
        throw new Error("SECRET sync failure");
      }),
      route("GET", "/reject", open(), async () => {
        await sleep(1);
        throw new Error("SECRET async failure");
      }),
      route("GET", "/throw-status", open(), () => {
        throw Object.assign(new Error("SECRET teapot"), { status: 404 });
      }),
      route("GET", "/late", open(), () => ({
        kind: "stream",
        type: "text/plain",
        chunks: chunksOf(["one", "two"], true),
      })),
      route("GET", "/stream", open(), () => ({
        kind: "stream",
        type: "text/plain",
        chunks: chunksOf(["one", "two", "three"]),
      })),
      route("GET", "/events", open(), () => ({
        kind: "stream",
        type: "text/event-stream",
        chunks: chunksOf(["data: 1\n\n", "data: 2\n\n"]),
      })),
      route("GET", "/redirect", open({ kind: "page" }), () => ({ kind: "redirect", status: 302, location: "/page" })),
      route("GET", "/two-locations", open({ kind: "page" }), () => ({
        kind: "raw",
        write: (response) => response.writeHead(302, { Location: ["/page", "https://evil.test/"] }).end(),
      })),
      route("GET", "/not-modified", open(), () => ({
        kind: "send",
        status: 304,
        headers: { etag: '"1"' },
        body: null,
      })),
      route("GET", "/no-content", open(), () => ({ kind: "send", status: 204, body: null })),
      route("GET", "/cookies", open(), () => ({
        kind: "cookies",
        cookies: [
          ["first", "1"],
          ["second", "2"],
        ],
      })),
      route("GET", "/raw", open(), () => ({
        kind: "raw",
        write: (response) => response.writeHead(200, ["Content-Type", "text/plain", "X-Raw", "yes"]).end("raw"),
      })),
      route("GET", "/raw-implicit", open(), () => ({
        kind: "raw",
        write: (response) => {
          response.setHeader("content-type", "text/plain");
          response.end("implicit");
        },
      })),
      route("GET", "/raw-pairs", open(), () => ({
        kind: "raw",
        write: (response) => {
          response.setHeader("x-first", "set");
          response.setHeader("x-kept", "set");
          response.writeHead(200, "Fine", {
            "Content-Type": "text/plain",
            "X-First": "given",
            "Set-Cookie": ["a=1", "b=2"],
          });
          response.end("pairs");
        },
      })),
      route("GET", "/raw-late", open(), () => ({
        kind: "raw",
        write: (response) => {
          response.writeHead(200, { "content-type": "text/plain", "content-length": "1000" });
          response.write("begin");
          setTimeout(() => response.destroy(), 10);
        },
      })),
      route("GET", "/stricter", open({ kind: "page" }), () => ({
        kind: "send",
        headers: {
          "content-type": "text/html",
          "strict-transport-security": "max-age=99999999; includeSubDomains",
          "x-powered-by": "SECRET",
          server: "SECRET",
          "referrer-policy": "no-referrer",
          "cache-control": "public, max-age=600",
        },
        body: "<!doctype html>",
      })),
      route("GET", "/weaker", open({ kind: "page" }), () => ({
        kind: "send",
        headers: {
          "content-type": "text/html",
          "strict-transport-security": "max-age=1",
          "x-frame-options": "ALLOWALL",
          "referrer-policy": "unsafe-url",
          "x-content-type-options": "none",
          "cache-control": "public, max-age=600",
          "cdn-cache-control": "max-age=600",
          "access-control-allow-origin": "*",
        },
        body: "<!doctype html>",
      })),
      route("GET", "/split", open(), ({ exchange }) => text("split", { "x-echo": decodeURIComponent(exchange.query) })),
      route("GET", "/slow", open(), async () => {
        await sleep(80);
        note("slow finished");
        return text("slow");
      }),
      route("GET", "/hangs", open(), async () => {
        await sleep(4000);
        return text("late");
      }),
      route("GET", "/asset.txt", open({ kind: "asset", cacheControl: "public, max-age=3600" }), () => text("asset")),
      route("ALL", "/any", open({ csrfExempt: "conformance" }), describing),
    ],
    groups: [
      {
        prefix: "/admin",
        rule: routeRule(hasRole("admin"), { kind: "api" }),
        routes: [
          route("GET", "/users", undefined, describing),
          route("GET", "/users/:id", undefined, describing),
          route("POST", "/users", undefined, async (incoming) => json({ body: await incoming.body() })),
          route(
            "GET",
            "/root",
            routeRule(
              policyAccess("root only", (who) => who.kind === "user" && who.id === "root"),
              { kind: "api" },
            ),
            describing,
          ),
        ],
      },
    ],
  };
}
