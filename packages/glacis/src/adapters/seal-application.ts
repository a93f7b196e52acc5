/** What sealing has in common under every framework. */
import { assertFit } from "../core/boot.ts";
import { deny } from "../core/decision.ts";
import { describeError } from "../core/pipeline.ts";
import { routeRule, type RouteDeclaration, type RouteOptions, type RouteRule } from "../core/route.ts";
import { isSafeMethod } from "../core/safe-method.ts";
import type { AccessRule } from "../core/access.ts";
import type { SealedRoute, Security } from "../core/security.ts";
import { currentDeployment } from "../primitives/deployment.ts";
import { send } from "./node-respond.ts";
import type { RequestState } from "./node-state.ts";

/**
 * Seals the route table, the library's own endpoints included, and refuses an unfit production.
 *
 * @throws SealError naming every route without an access rule
 * @throws BootError in production, on an error-level finding
 */
export function sealApplication(security: Security, declared: readonly RouteDeclaration[]): readonly SealedRoute[] {
  const endpoints = security.layers.endpoints.map(({ method, path, rule }) => ({
    method,
    pattern: path,
    rule,
    fix: "",
  }));
  const routes = security.seal([...endpoints, ...declared]);
  assertFit(security, currentDeployment());
  return routes;
}

/** For an application that nobody sealed before its first request: seals once, and remembers the failure. */
export function sealOnce(seal: () => void): { readonly run: () => void; readonly attempt: () => Error | undefined } {
  let sealed = false;
  let failure: Error | undefined;
  const run = (): void => {
    if (sealed) return;
    seal();
    sealed = true;
  };
  const attempt = (): Error | undefined => {
    if (sealed || failure !== undefined) return failure;
    try {
      run();
    } catch (error) {
      failure = error instanceof Error ? error : new Error("Sealing failed.", { cause: error });
      process.stderr.write(
        `glacis: every request is refused, because the application could not be sealed.\n${failure.message}\n`,
      );
    }
    return failure;
  };
  return { run, attempt };
}

/** The answer of an application that could not be sealed. */
export function refuseUnsealed(state: RequestState, failure: Error): void {
  const { security, exchange } = state;
  const denial = deny(
    "control_failed",
    {
      event_type: "config",
      status: "failed",
      severity: "critical",
      event: "sys_seal_failed",
      control: "default-deny-routes",
      reason: "control_failed",
      error: describeError(failure),
    },
    { why: failure.message },
  );
  send(state, security.refuse(exchange, denial));
}

/** The application was about to run what no rule has admitted. Unlike an answer that is withheld, this comes before any harm is done. */
export function refuseUnadmitted(
  state: RequestState,
  detail: "rule_passed_over" | "route_hidden" | "method_changed",
  why: string,
): void {
  const { security, exchange } = state;
  const denial = deny(
    "access_undecided",
    {
      event_type: "authorization_failure",
      status: "refused",
      severity: "critical",
      event: "authz_undecided",
      control: "access-rule",
      reason: "access_undecided",
      detail,
    },
    { why },
  );
  send(state, security.refuse(exchange, denial));
}

const METHOD_CHANGED =
  "A request that arrived as GET, HEAD or OPTIONS was routed as one that changes something: CSRF was judged for what arrived. Let a method " +
  "override start from POST.";

/** A rewritten method, such as `?_method=DELETE`, would make a link out of what only a form with its token may do (CWE-650). */
export function refusesMethod(state: RequestState, method: string | undefined): boolean {
  if (method === undefined || isSafeMethod(method) || !isSafeMethod(state.exchange.method)) return false;
  refuseUnadmitted(state, "method_changed", METHOD_CHANGED);
  return true;
}

/** Takes the two ways in which `access` may be called: a rule with options, or a whole declaration. */
export function ruleOf(access: AccessRule | RouteRule, options: RouteOptions | undefined): RouteRule {
  if (access === undefined || access === null)
    throw new TypeError("access() needs a rule, such as access(authenticated()).");
  return "access" in access ? access : routeRule(access, options);
}

/**
 * A rule inside another can only narrow: the outer one runs first, with its own options.
 *
 * @throws TypeError for an option of the inner rule that could never take effect.
 */
export function assertNarrows(outer: RouteRule, inner: RouteRule, place: string): void {
  const exempt = inner.csrfExempt !== undefined && outer.csrfExempt === undefined;
  const larger =
    inner.bodyBytes !== undefined && outer.bodyBytes !== inner.bodyBytes && (outer.bodyBytes ?? 0) < inner.bodyBytes;
  if (!exempt && !larger) return;
  throw new TypeError(
    `${exempt ? "csrfExempt" : "bodyBytes"} of ${place} has no effect: an access(...) for the paths above it runs first, without it. ` +
      "Give that one the option, or declare the route before it.",
  );
}

export function sealedError(): Error {
  return new Error(
    "The route table is sealed: this route was added after the application began to listen, so nobody has checked who may call it. " +
      "Declare it before listen().",
  );
}

/** A list of routes that refuses to grow, in words. */
export function freezeList(list: unknown[]): void {
  if (Object.isFrozen(list)) return;
  for (const method of ["push", "unshift", "splice"] as const) {
    Object.defineProperty(list, method, {
      value: () => {
        throw sealedError();
      },
    });
  }
  Object.freeze(list);
}
