import type { ClientAddress, Nonce, RequestId } from "./brand.ts";
import type { Decision } from "./decision.ts";
import type { Keeping } from "./per-request.ts";
import type { Principal } from "./principal.ts";
import type { ResponseKeeper } from "./kept-response.ts";
import type { Wire } from "./wire.ts";

export type Scheme = "http" | "https";

/** The authority that the client addressed, canonical: lower case, IDN as A-labels, no trailing dot, default port dropped. */
export interface Host {
  readonly hostname: string;
  readonly port: number | undefined;
}

/** What the trusted proxies and the socket together say about where a request came from. */
export interface Origination {
  readonly client: ClientAddress;
  readonly scheme: Scheme;
  /** The raw authority to be judged by the allowed hosts: the Host header, or what a trusted proxy forwarded in its place. */
  readonly authority: string | undefined;
  /** What a proxy says of the client is not to be believed: `client` is the proxy, in place of somebody unknown. */
  readonly clientUnknown?: boolean | undefined;
  /** Headers that this peer must not set, lower case. The adapter removes them before anybody reads a header. */
  readonly dropped?: readonly string[];
}

/** The wire, interpreted once. Everything a control may look at; time, randomness and ids included, so that controls are deterministic. */
export interface RequestFacts extends Keeping {
  readonly wire: Wire;
  readonly receivedAtMs: number;
  readonly requestId: RequestId;
  /** Fresh for each response; 128 bits, base64url. */
  readonly nonce: Nonce;
  readonly method: string;
  readonly scheme: Scheme;
  readonly authority: string | undefined;
  readonly client: ClientAddress;
  /** See `Origination`. Nothing may open to such a client for its address. */
  readonly clientUnknown?: boolean | undefined;
  /** The path as sent, up to the first `?`; not decoded. Of a target in absolute form, what follows the authority. */
  readonly path: string;
  /** What follows the first `?`, or empty. */
  readonly query: string;
  readonly cookies: ReadonlyMap<string, string>;
  /** The Content-Type without parameters, lower case; empty when none is sent. */
  readonly mediaType: string;
  /** The first value of a header. @param name lower case */
  header(name: string): string | undefined;
}

/**
 * What a route is to a browser; it decides the Content-Security-Policy, the redirect rule and who may navigate to it.
 * `page` is HTML for people, `api` is data for programs, `download` is a file, `asset` is a public static file.
 */
export type RouteKind = "page" | "api" | "download" | "asset";

/** What is declared about a route and concerns the controls. */
export interface RouteFacts {
  readonly kind: RouteKind;
  /** A Cache-Control value for a response that may be stored; undefined means no-store. */
  readonly cacheControl: string | undefined;
  /** Overrides the preset's largest body, in bytes. */
  readonly bodyBytes: number | undefined;
  /** Why this route accepts a state-changing request without a CSRF token: it authenticates by something a browser does not attach. */
  readonly csrfExempt: string | undefined;
  /** Pages ask for it on their own, as a poll does, so it does not count as the user being there. */
  readonly passive: boolean;
  /** What a token must have been given for to open this route: every one of them. Undefined opens it for no token; an empty list for each. */
  readonly scopes?: readonly string[] | undefined;
  /** What the route takes; judged once the body is parsed and before the handler runs. */
  readonly input?: RouteInput | undefined;
}

/** A route's declaration of what it takes. `input/input.ts` makes one. */
export interface RouteInput {
  readonly judge: (facts: InputFacts) => Decision;
  /** What the declaration leaves open, for a check: `bounds` are places without a longest length, `unseen` what no one can look into. */
  readonly openness: { readonly bounds: readonly string[]; readonly unseen: readonly string[] };
}

/** How a session is known to a control: the stable secret-free handle that a CSRF token is bound to. */
export interface SessionReference {
  readonly id: string;
}

/** Facts after authentication: who asks, and which declared route answers. */
export interface IdentifiedFacts extends RequestFacts {
  readonly principal: Principal;
  readonly session: SessionReference | undefined;
  readonly route: RouteFacts;
  /** A body of a type that the composition parses is still to come; `decideBody` will see it before the handler runs. */
  readonly awaitsBody: boolean;
  /** The declared pattern, such as `/documents/:id`. */
  readonly pattern: string;
  /** `done` has been told: the response is out, its client has left, or the connection speaks another protocol by now. */
  readonly ended: boolean;
}

/** Facts at the handler's door: the body is parsed, and the framework has matched the path. */
export interface InputFacts extends IdentifiedFacts {
  /** What the framework's router made of the path, decoded. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  readonly bodyText: string | undefined;
}

/** Facts of a request that everything has let in. */
export interface AdmittedFacts extends InputFacts {
  /** Has what the handler answers kept before it goes out. */
  keepResponse(keeper: ResponseKeeper): void;
}

/** Where time and chance come from. Injected, so that a test can hold them still. */
export interface Sources {
  readonly now: () => number;
  readonly requestId: () => RequestId;
  readonly nonce: () => Nonce;
}

/** Interprets a socket and its forwarded headers. `network/trusted-proxies.ts` makes one. */
export type ResolveOrigination = (wire: Wire) => Origination;

/** Parses a Cookie header strictly. `primitives/cookie-header.ts` is the one implementation. */
export type ParseCookies = (header: string | undefined) => ReadonlyMap<string, string>;
