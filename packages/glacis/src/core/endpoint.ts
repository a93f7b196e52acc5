import type { Answer, Deny, Redirect } from "./decision.ts";
import type { Exchange } from "./exchange.ts";
import type { RouteRule } from "./route.ts";

/**
 * A route that the library owns, the same in every framework: a CSP report collector, security.txt. It is answered before the framework
 * routes, through the same checks as any other route.
 */
export interface Endpoint<Reply extends EndpointReply = EndpointReply> {
  readonly method: "GET" | "POST";
  /** An exact path; no parameters. */
  readonly path: string;
  readonly rule: RouteRule;
  /** Media types whose body is read and handed over; others are answered 415. Empty for GET. */
  readonly accepts: readonly string[];
  readonly handle: (request: Exchange, body: string) => Reply | Promise<Reply>;
}

export type EndpointReply = Answer | Deny | Redirect;
