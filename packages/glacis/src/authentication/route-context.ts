import type { Control } from "../core/control.ts";
import type { EndpointReply } from "../core/endpoint.ts";
import type { Exchange } from "../core/exchange.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import type { Csrf } from "./csrf.ts";
import type { AuthenticationFlows } from "./flows.ts";
import type { RenderPage } from "./route-pages.ts";

export interface AuthenticationRoutesOptions {
  readonly csrf: Csrf;
  /** Renders the pages: `authenticationPages()`. Without it there are no pages and forms get problem documents: your application has pages of its own. */
  readonly render?: RenderPage;
  /** The path behind a sign-in. `/` */
  readonly home?: string;
  /** Further fields of the sign-up form, handed to `welcome`. */
  readonly profile?: readonly string[];
  /** Limits for what strangers may ask, such as `rateLimit({ name: "sign-up", rates: "10/h", by: "client" })`. */
  readonly limits?: readonly Control<IdentifiedFacts>[];
  /** Where `/.well-known/change-password` leads, by which password managers find the page: `/account/password` where that is rendered here. */
  readonly changePasswordPage?: string;
  /** Leaves routes out, such as `/sign-up` where accounts are by invitation alone. */
  readonly without?: readonly string[];
}

/** What the routes share. */
export interface RouteContext extends AuthenticationRoutesOptions {
  readonly flows: AuthenticationFlows;
  readonly home: string;
  readonly profile: readonly string[];
  /** The paths that are mounted; complete once the routes are. */
  readonly offers: readonly string[];
}

/** One address: its form, and what posting it does. */
export interface FlowRoute {
  readonly path: string;
  readonly who: "anyone" | "signed_in" | "recently_proved" | "enrolling";
  /** Counts against `limits`: it makes mail, or a hash. */
  readonly limited?: boolean;
  readonly show?: (request: Exchange) => EndpointReply | Promise<EndpointReply>;
  /** For what has no page: GET answers data. */
  readonly list?: (request: Exchange) => EndpointReply | Promise<EndpointReply>;
  readonly post?: (request: Exchange) => EndpointReply | Promise<EndpointReply>;
}
