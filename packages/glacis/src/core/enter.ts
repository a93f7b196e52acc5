import type { Control } from "./control.ts";
import { ALLOW, type Decision } from "./decision.ts";
import type { Exchange } from "./exchange.ts";
import type { IdentifiedFacts } from "./facts.ts";
import {
  bodyStepsOf,
  conclude,
  controlFailed,
  doorSteps,
  runSteps,
  settle,
  stepsOf,
  type PipelineObserver,
  type Step,
} from "./pipeline.ts";
import type { Responder } from "./respond.ts";
import { PROCEED, type Identity, type Layers, type SealedRoute, type Security, type Verdict } from "./security.ts";

/**
 * The stage after routing: who asks, and whether the route's rule lets him.
 *
 * @param observer told of allowances that carry headers or events
 */
export function entrance(layers: Layers, observer: PipelineObserver<Exchange>, respond: Responder): Security["enter"] {
  const { controlTimeoutMs } = layers;
  const controls: readonly Control<IdentifiedFacts>[] = [...layers.authentication, ...layers.authorization];
  const entering = stepsOf(controls);
  const stepsOfRoute = new WeakMap<object, readonly Step<Exchange>[]>();

  const run = (exchange: Exchange, steps: readonly Step<Exchange>[]): Decision | Promise<Decision> =>
    runSteps(steps, exchange, observer, controlTimeoutMs);

  function stepsFor({ rule }: SealedRoute): readonly Step<Exchange>[] {
    let steps = stepsOfRoute.get(rule);
    if (steps === undefined) {
      steps = [...entering, ...ruleSteps(rule)];
      stepsOfRoute.set(rule, steps);
    }
    return steps;
  }

  function entered(exchange: Exchange, decision: Decision): Verdict {
    if (decision.kind !== "allow") return respond(exchange, decision);
    exchange.entered = true;
    exchange.decided = !exchange.awaitsBody;
    return PROCEED;
  }

  function identified(exchange: Exchange, route: SealedRoute, identity: Identity): Verdict | Promise<Verdict> {
    exchange.principal = identity.principal;
    exchange.session = identity.session;
    if (identity.headers !== undefined) exchange.addResponseHeaders(identity.headers);
    return conclude(run(exchange, stepsFor(route)), exchange, entered);
  }

  async function identifyLater(exchange: Exchange, route: SealedRoute, pending: Promise<Identity>): Promise<Verdict> {
    let identity: Identity | undefined;
    const lookup = pending.then((found): Decision => {
      identity = found;
      return ALLOW;
    });
    const decision = await settle("authenticate", lookup, controlTimeoutMs);
    if (decision.kind !== "allow" || identity === undefined) return respond(exchange, decision);
    return identified(exchange, route, identity);
  }

  /**
   * A second rule inside an admitted request, such as a route's own under its group's: it can only narrow what the first has allowed. The
   * first one's exemption from CSRF is not the second one's: without it every control is asked again. A body that has been read by then is shown to
   * them like one that is still to come.
   */
  function narrow(exchange: Exchange, route: SealedRoute, exempted: boolean): Verdict | Promise<Verdict> {
    const { rule } = route;
    const everyone = exempted && rule.csrfExempt === undefined;
    const steps = everyone ? stepsFor(route) : ruleSteps(rule);
    exchange.decided = false;
    if (exchange.bodyText === undefined) return conclude(run(exchange, steps), exchange, entered);
    exchange.awaitsBody = true;
    const judges = everyone ? [...controls, ...rule.controls] : rule.controls;
    const all: readonly Step<Exchange>[] = [...steps, ...bodyStepsOf(judges), ...doorSteps(rule.input, rule.controls)];
    return conclude(run(exchange, all), exchange, (_, decision) => {
      exchange.awaitsBody = false;
      return entered(exchange, decision);
    });
  }

  return function enter(exchange, route) {
    const exempted = exchange.route.csrfExempt !== undefined;
    exchange.route = route.rule;
    exchange.routeControls = route.rule.controls;
    exchange.pattern = route.pattern;
    if (exchange.entered) return narrow(exchange, route, exempted);
    try {
      exchange.awaitsBody = carriesBody(exchange) && layers.body.parses(exchange.mediaType);
      const identity = layers.authenticate(exchange);
      return identity instanceof Promise
        ? identifyLater(exchange, route, identity)
        : identified(exchange, route, identity);
    } catch (error) {
      return respond(exchange, controlFailed("authenticate", error));
    }
  };
}

/** The access rule of a route, then its own controls, then what it takes; that waits while a body is still to be judged. */
function ruleSteps({ access, controls, input }: SealedRoute["rule"]): readonly Step<Exchange>[] {
  const late = doorSteps(input, controls).map(({ id, decide }): Step<Exchange> => ({
    id,
    decide: (facts) => (facts.awaitsBody ? ALLOW : decide(facts)),
  }));
  return [{ id: "access-rule", decide: access.decide }, ...stepsOf(controls), ...late];
}

/** RFC 9110 section 9.3: a body on GET or HEAD means nothing, so nothing is read from it. */
function carriesBody(exchange: Exchange): boolean {
  return exchange.method !== "GET" && exchange.method !== "HEAD";
}
