import type { Control, Deployment, Mode, Outcome } from "./control.ts";
import type { Decision, HeaderPair } from "./decision.ts";
import type { Endpoint } from "./endpoint.ts";
import type { AuditEvent, AuditSink } from "./event.ts";
import type { Exchange, Interpretation } from "./exchange.ts";
import type { IdentifiedFacts, RequestFacts, SessionReference } from "./facts.ts";
import type { Finding } from "./finding.ts";
import type { Principal } from "./principal.ts";
import type { RefusalBody, RefusalPageView } from "./problem.ts";
import type { ResponseDraft } from "./response.ts";
import type { RouteDeclaration, RouteRule } from "./route.ts";
import type { Waiver } from "./waiver.ts";
import type { Wire } from "./wire.ts";

/** Who a request turns out to be. `session` is undefined for anonymous requests and for credentials that a browser does not attach. */
export interface Identity {
  readonly principal: Principal;
  readonly session: SessionReference | undefined;
  /** For the response, such as the clearing of a cookie that names no live session. */
  readonly headers?: readonly HeaderPair[];
}

/** Turns facts into an identity. Synchronous when nothing needs looking up. It throws on a fault, which refuses; it never guesses. */
export type Authenticate = (facts: RequestFacts & Pick<IdentifiedFacts, "route">) => Identity | Promise<Identity>;

/** How bodies are bounded and parsed. `network/request-limits.ts` makes one. */
export interface BodyRules {
  /** The largest body in bytes for this route and media type. */
  readonly maxBytes: (facts: IdentifiedFacts) => number;
  /** Parses a complete body; refuses what is malformed, too deep, too wide or uses a reserved key. */
  readonly parse: (mediaType: string, text: string) => { readonly value: unknown } | { readonly refusal: Decision };
  /** Media types that `parse` understands; others stay unread for the application. */
  readonly parses: (mediaType: string) => boolean;
  /**
   * Watches a multipart body that the application will read: called with each chunk as it passes, a refusal ends the body.
   *
   * @param contentType with its parameters, as sent
   */
  readonly watchMultipart: (contentType: string) => (chunk: Uint8Array) => Decision | undefined;
}

/** What an adapter sets on the http.Server: bounds that act before a request exists. */
export interface ServerLimits {
  readonly maxHeaderBytes: number;
  readonly maxHeaderCount: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How often node looks for requests that are late; its own default of 30 s would double the limits above. Set before listening. */
  readonly connectionsCheckingIntervalMs: number;
  /** How long a connection may be silent while a response is due, or is not taken. */
  readonly responseTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxRequestsPerSocket: number;
}

/** The ordered layers, every control a value. `saas()` returns one; replace or add by value. */
export interface Layers {
  readonly mode: Mode;
  /** The one public origin, such as `https://app.example.com`; every link is built from it. */
  readonly origin: string;
  readonly interpretation: Interpretation;
  /** Controls that judge the environment alone and see no request. */
  readonly environment: readonly Control[];
  readonly network: readonly Control[];
  readonly transport: readonly Control[];
  readonly authenticate: Authenticate;
  readonly authentication: readonly Control<IdentifiedFacts>[];
  readonly authorization: readonly Control<IdentifiedFacts>[];
  readonly body: BodyRules;
  readonly server: ServerLimits;
  readonly endpoints: readonly Endpoint[];
  readonly audit: AuditSink;
  /** How long one asynchronous control may take before it counts as failed. */
  readonly controlTimeoutMs: number;
  /** Findings to live with for a while; `glacis check` and the boot check both honour them. */
  readonly waivers?: readonly Waiver[];
  /**
   * What a browser sees instead of a refused page, in the application's own design; the library's plain page without it, and when it throws.
   * Status and headers stay the library's.
   */
  readonly refusalPage?: (view: RefusalPageView) => RefusalBody;
}

/** Go on, or send this. */
export type Verdict = Proceed | Respond;

export interface Proceed {
  readonly kind: "proceed";
}

export interface Respond {
  readonly kind: "respond";
  readonly status: number;
  readonly headers: readonly HeaderPair[];
  readonly body: string | undefined;
  /** In place of a body: what is written as it comes. */
  readonly stream?: AsyncIterable<string>;
  /** Framing or state cannot be trusted any more: close the connection after the response. */
  readonly close: boolean;
}

export const PROCEED: Proceed = Object.freeze({ kind: "proceed" });

/** One row of the sealed route table. */
export interface SealedRoute {
  readonly method: string;
  readonly pattern: string;
  readonly rule: RouteRule;
}

/**
 * The composed security of one application: what an adapter drives, and nothing more. The stages run in the order of their declaration;
 * none of them throws.
 */
export interface Security {
  readonly layers: Layers;
  /** Interprets what arrived. */
  begin(wire: Wire): Exchange;
  /** Before routing. */
  open(exchange: Exchange): Verdict | Promise<Verdict>;
  /** The endpoint that the library itself owns at this method and path, or undefined. */
  endpoint(exchange: Exchange): Endpoint | undefined;
  /** The route is known, the body unread. */
  enter(exchange: Exchange, route: SealedRoute): Verdict | Promise<Verdict>;
  /** The body is complete. On `proceed` the parsed value is `exchange.body`. */
  receive(exchange: Exchange, mediaType: string, text: string): Verdict | Promise<Verdict>;
  /** Answers an endpoint after `enter` let it pass. */
  answer(exchange: Exchange, endpoint: Endpoint, body: string): Verdict | Promise<Verdict>;
  /** Before a response head is written, on every response. Returns false when the response must not go out. */
  head(exchange: Exchange, draft: ResponseDraft): boolean;
  /** After the response. */
  done(exchange: Exchange, outcome: Outcome): void;
  /** Anything thrown by the application or the framework becomes an opaque answer and a full event. */
  fail(exchange: Exchange, error: unknown): Respond;
  /** A refusal that the adapter itself must make, such as a body that grew past its limit while streaming. */
  refuse(exchange: Exchange, refusal: Decision): Respond;
  /** No route matched. `allowed` lists the methods that the path does have. */
  notFound(exchange: Exchange, allowed: readonly string[]): Respond;
  /** Writes an event with the request's context. */
  report(event: AuditEvent, exchange?: Exchange): void;
  /** Holds the route table against the declared rules; throws `SealError` unless every route has one. */
  seal(routes: readonly RouteDeclaration[]): readonly SealedRoute[];
  /** The route table, once sealed. */
  readonly routes: readonly SealedRoute[];
  /** Judges the composed policy in an environment. */
  check(deployment: Deployment): readonly Finding[];
  readonly controls: readonly Control<never>[];
}
