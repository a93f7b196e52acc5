import type { ClientAddress, Nonce, RequestId } from "../core/brand.ts";
import { Exchange } from "../core/exchange.ts";
import type { Scheme, SessionReference } from "../core/facts.ts";
import type { Principal } from "../core/principal.ts";
import { routeRule, type RouteOptions } from "../core/route.ts";
import { publicAccess } from "../core/access.ts";
import { parseCookieHeader } from "../primitives/cookie-header.ts";

/** What a test wants to say about a request; everything else is an ordinary HTTPS GET from a documentation address. */
export interface RequestSketch {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Exact headers with order and duplicates, instead of `headers`. */
  readonly rawHeaders?: readonly string[];
  readonly scheme?: Scheme;
  readonly host?: string;
  readonly client?: string;
  readonly clientUnknown?: boolean;
  readonly nowMs?: number;
  readonly principal?: Principal;
  readonly session?: SessionReference;
  readonly route?: RouteOptions;
  readonly awaitsBody?: boolean;
}

/**
 * An exchange to call a control with, everything about it known: the clock stands still and ids are constant.
 *
 * @example
 * const decision = control.decide(sketchExchange({ method: "POST", headers: { origin: "https://evil.test" } }));
 */
export function sketchExchange(sketch: RequestSketch = {}): Exchange {
  const { method = "GET", target = "/", scheme = "https", host = "app.example.com", client = "192.0.2.1" } = sketch;
  const rawHeaders = sketch.rawHeaders ?? ["Host", host, ...Object.entries(sketch.headers ?? {}).flat()];
  const exchange = new Exchange(
    { method, target, httpVersion: "1.1", rawHeaders, peerAddress: client, encrypted: scheme === "https" },
    {
      sources: {
        now: () => sketch.nowMs ?? Date.parse("2026-11-26T12:00:00Z"),
        requestId: () => "request-id" as RequestId,
        nonce: () => "AAAAAAAAAAAAAAAAAAAAAA" as Nonce,
      },
      resolve: () => ({
        client: client as ClientAddress,
        clientUnknown: sketch.clientUnknown,
        scheme,
        authority: host,
      }),
      parseCookies: parseCookieHeader,
    },
  );
  if (sketch.principal !== undefined) exchange.principal = sketch.principal;
  exchange.session = sketch.session;
  exchange.route = routeRule(publicAccess("a test"), sketch.route ?? {});
  exchange.awaitsBody = sketch.awaitsBody ?? false;
  return exchange;
}
