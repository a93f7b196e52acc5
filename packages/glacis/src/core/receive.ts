import type { Decision } from "./decision.ts";
import type { Exchange } from "./exchange.ts";
import {
  bodyStepsOf,
  conclude,
  controlFailed,
  doorSteps,
  runSteps,
  type PipelineObserver,
  type Step,
} from "./pipeline.ts";
import type { Responder } from "./respond.ts";
import { PROCEED, type Layers, type Security, type Verdict } from "./security.ts";

/** The stage after the body: parsed within its bounds, then judged by the controls that want to see it. */
export function reception(
  layers: Layers,
  observer: PipelineObserver<Exchange>,
  respond: Responder,
): Security["receive"] {
  const judges = [...layers.authentication, ...layers.authorization];
  const stepsOfRoute = new WeakMap<object, readonly Step<Exchange>[]>();

  function stepsFor({ route, routeControls }: Exchange): readonly Step<Exchange>[] {
    let steps = stepsOfRoute.get(route);
    if (steps === undefined) {
      steps = [...bodyStepsOf([...judges, ...routeControls]), ...doorSteps(route.input, routeControls)];
      stepsOfRoute.set(route, steps);
    }
    return steps;
  }

  function received(exchange: Exchange, decision: Decision): Verdict {
    if (decision.kind !== "allow") return respond(exchange, decision);
    exchange.awaitsBody = false;
    exchange.decided = exchange.entered;
    return PROCEED;
  }

  return function receive(exchange, mediaType, text) {
    let parsed: ReturnType<typeof layers.body.parse>;
    try {
      parsed = layers.body.parse(mediaType, text);
    } catch (error) {
      return respond(exchange, controlFailed("request-limits", error));
    }
    if ("refusal" in parsed) return respond(exchange, parsed.refusal);
    exchange.body = parsed.value;
    exchange.bodyText = text;
    return conclude(runSteps(stepsFor(exchange), exchange, observer, layers.controlTimeoutMs), exchange, received);
  };
}
