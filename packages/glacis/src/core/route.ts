import type { AccessRule } from "./access.ts";
import type { Control } from "./control.ts";
import type { IdentifiedFacts, RouteFacts, RouteInput, RouteKind } from "./facts.ts";
import { rejectUnknownOptions } from "./options.ts";

/** Everything declared about one route, next to the route. */
export interface RouteRule extends RouteFacts {
  readonly access: AccessRule;
  /** Limits and other controls for this route alone; they run once the principal is known. */
  readonly controls: readonly Control<IdentifiedFacts>[];
}

export interface RouteOptions {
  readonly kind?: RouteKind;
  readonly controls?: readonly Control<IdentifiedFacts>[];
  readonly cacheControl?: string;
  readonly bodyBytes?: number;
  readonly csrfExempt?: string;
  readonly passive?: boolean;
  /** What an access token must have been given for, such as `["documents:read"]`. */
  readonly scopes?: readonly string[];
  /** What the route takes, by `input({ ... })`: anything else is refused before the handler runs. */
  readonly input?: RouteInput;
}

const ROUTE_KINDS: readonly RouteKind[] = ["page", "api", "download", "asset"];
const OPTION_NAMES = ["kind", "controls", "cacheControl", "bodyBytes", "csrfExempt", "passive", "scopes", "input"];
/** RFC 6749 section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/u;

/**
 * Joins an access rule and its options to one declaration.
 *
 * @throws TypeError on an unknown option or an impossible combination.
 */
export function routeRule(access: AccessRule, options: RouteOptions = {}): RouteRule {
  rejectUnknownOptions("routeRule", options, OPTION_NAMES);
  const { kind = "page" } = options;
  if (!ROUTE_KINDS.includes(kind)) throw new TypeError(`A route's kind is one of ${ROUTE_KINDS.join(", ")}.`);
  if (options.cacheControl !== undefined && access.kind !== "public") {
    throw new TypeError(
      "cacheControl is for public routes only: a shared cache would hand one user's answer to another.",
    );
  }
  if (options.csrfExempt !== undefined && options.csrfExempt.trim() === "") {
    throw new TypeError('csrfExempt needs the reason in words, such as "verified by webhook signature".');
  }
  if (options.bodyBytes !== undefined && !(Number.isSafeInteger(options.bodyBytes) && options.bodyBytes >= 0)) {
    throw new TypeError("bodyBytes must be a whole number of bytes.");
  }
  if (options.passive !== undefined && typeof options.passive !== "boolean")
    throw new TypeError("passive must be true or false.");
  const { scopes } = options;
  if (
    scopes !== undefined &&
    !(Array.isArray(scopes) && scopes.every((scope: unknown) => typeof scope === "string" && SCOPE.test(scope)))
  )
    throw new TypeError('scopes is a list such as ["documents:read"].');
  if (options.input !== undefined && typeof options.input?.judge !== "function")
    throw new TypeError("input is what input({ ... }) returns.");
  return {
    access,
    kind,
    controls: options.controls ?? [],
    cacheControl: options.cacheControl,
    bodyBytes: options.bodyBytes,
    csrfExempt: options.csrfExempt,
    passive: options.passive ?? false,
    ...(scopes !== undefined && { scopes }),
    input: options.input,
  };
}

/** A route as a framework knows it, handed to `seal()`. */
export interface RouteDeclaration {
  readonly method: string;
  readonly pattern: string;
  readonly rule: RouteRule | undefined;
  /** The line to add, in the framework's own words, when the rule is missing. */
  readonly fix: string;
}
