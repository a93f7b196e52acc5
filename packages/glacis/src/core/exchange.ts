import type { ClientAddress, Nonce, RequestId } from "./brand.ts";
import type { HeaderPair } from "./decision.ts";
import type { Control } from "./control.ts";
import type { AuditEvent } from "./event.ts";
import type {
  AdmittedFacts,
  IdentifiedFacts,
  ParseCookies,
  ResolveOrigination,
  RouteFacts,
  Scheme,
  SessionReference,
  Sources,
} from "./facts.ts";
import type { Kept } from "./per-request.ts";
import { ANONYMOUS, type Principal } from "./principal.ts";
import type { ResponseKeeper } from "./kept-response.ts";
import { mediaTypeOf, rawHeader, type Wire } from "./wire.ts";

/** How facts are made from a wire; one object for the life of the process. */
export interface Interpretation {
  readonly sources: Sources;
  readonly resolve: ResolveOrigination;
  readonly parseCookies: ParseCookies;
}

/** Before a route is known nothing may be assumed about it: it is treated as an API that stores nothing. */
const UNDECLARED: RouteFacts = Object.freeze({
  kind: "api",
  cacheControl: undefined,
  bodyBytes: undefined,
  csrfExempt: undefined,
  passive: false,
});

const NO_PARAMS: Readonly<Record<string, unknown>> = Object.freeze({});
const MOST_NOTED = 100;
const SLASH = 0x2f;
const ABSOLUTE_START = /^[a-z]+:\/\/[^/]*/iu;

/**
 * One request on its way through: the facts, and what the stages have added to them. A class for one reason: getters on a prototype make
 * costly facts lazy without a closure per request. Only the composition root writes its mutable members.
 */
export class Exchange implements AdmittedFacts {
  readonly wire: Wire;
  readonly receivedAtMs: number;
  readonly client: ClientAddress;
  readonly clientUnknown: boolean | undefined;
  readonly scheme: Scheme;
  readonly authority: string | undefined;
  /** See `Origination`. */
  readonly dropped: readonly string[] | undefined;

  /** What controls keep with it; `PerRequest` reads and writes it. */
  kept: Kept | undefined = undefined;

  principal: Principal = ANONYMOUS;
  session: SessionReference | undefined = undefined;
  route: RouteFacts = UNDECLARED;
  /** The controls of the route's own rule. */
  routeControls: readonly Control<IdentifiedFacts>[] = [];
  pattern = "";
  /** An access rule has allowed this request, or the response is the library's own. A success without it is blocked at the head. */
  decided = false;
  /** The route's declared rule has allowed it. */
  entered = false;
  /** The adapter must read the body and call `receive` before the handler runs; until then the request is not decided. */
  awaitsBody = false;
  ended = false;
  /** What the framework's router made of the path, where the route declares its input. */
  params: Readonly<Record<string, unknown>> = NO_PARAMS;
  /** The parsed body, once it passed the limits. */
  body: unknown = undefined;
  /** The same body as it was sent, for a signature over it. */
  bodyText: string | undefined = undefined;
  /** Headers that decisions have added for the response. */
  responseHeaders: readonly HeaderPair[] | undefined = undefined;

  /** What code inside the request had to say; written to the log with the request's context when it ends. */
  noted: AuditEvent[] | undefined = undefined;

  /** Wants the handler's answer before the client gets it. */
  keeper: ResponseKeeper | undefined = undefined;

  readonly #interpretation: Interpretation;
  readonly #queryStart: number;
  #requestId: RequestId | undefined = undefined;
  #nonce: Nonce | undefined = undefined;
  #mediaType: string | undefined = undefined;
  #cookies: ReadonlyMap<string, string> | undefined = undefined;

  constructor(wire: Wire, interpretation: Interpretation) {
    this.wire = wire;
    this.#interpretation = interpretation;
    this.receivedAtMs = interpretation.sources.now();
    this.#queryStart = wire.target.indexOf("?");
    const { client, clientUnknown, scheme, authority, dropped } = interpretation.resolve(wire);
    this.client = client;
    this.clientUnknown = clientUnknown;
    this.scheme = scheme;
    this.authority = authority;
    this.dropped = dropped;
  }

  get method(): string {
    return this.wire.method;
  }

  get requestId(): RequestId {
    return (this.#requestId ??= this.#interpretation.sources.requestId());
  }

  get nonce(): Nonce {
    return (this.#nonce ??= this.#interpretation.sources.nonce());
  }

  get path(): string {
    const { target } = this.wire;
    const path = this.#queryStart === -1 ? target : target.slice(0, this.#queryStart);
    // Absolute form (RFC 9112 section 3.2.2): the path begins after the authority.
    return path.charCodeAt(0) === SLASH || path === "*" ? path : path.replace(ABSOLUTE_START, "") || "/";
  }

  get query(): string {
    return this.#queryStart === -1 ? "" : this.wire.target.slice(this.#queryStart + 1);
  }

  get mediaType(): string {
    return (this.#mediaType ??= mediaTypeOf(this.header("content-type")));
  }

  get cookies(): ReadonlyMap<string, string> {
    return (this.#cookies ??= this.#interpretation.parseCookies(this.header("cookie")));
  }

  header(name: string): string | undefined {
    return rawHeader(this.wire.rawHeaders, name);
  }

  addResponseHeaders(headers: readonly HeaderPair[]): void {
    if (headers.length === 0) return;
    this.responseHeaders = this.responseHeaders === undefined ? headers : [...this.responseHeaders, ...headers];
  }

  keepResponse(keeper: ResponseKeeper): void {
    if (this.keeper !== undefined) throw new Error("The answer of this request is kept by another control already.");
    this.keeper = keeper;
  }

  /** Leaves an event for the log. A request says at most a hundred things: one fault for each of ten thousand rows is one fault. */
  note(event: AuditEvent): void {
    const noted = (this.noted ??= []);
    if (noted.length < MOST_NOTED) noted.push(event);
  }
}
