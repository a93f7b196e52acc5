import type { Control, ReceivedBody } from "./control.ts";
import type { Decision } from "./decision.ts";
import type { Exchange } from "./exchange.ts";
import type { IdentifiedFacts } from "./facts.ts";
import { conclude, controlFailed, runSteps, type PipelineObserver, type Step } from "./pipeline.ts";
import type { Responder } from "./respond.ts";
import { PROCEED, type Layers, type Security, type Verdict } from "./security.ts";

/** The stage after the body: parsed within its bounds, then judged by the controls that want to see it. */
export function reception(
  layers: Layers,
  observer: PipelineObserver<Exchange>,
  respond: Responder,
): Security["receive"] {
  const judgeBody = bodySteps([...layers.authentication, ...layers.authorization]);

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
    const steps = judgeBody({ mediaType, value: parsed.value });
    return conclude(runSteps(steps, exchange, observer, layers.controlTimeoutMs), exchange, received);
  };
}

/** The controls that want to see the body, as steps over one body. */
function bodySteps(controls: readonly Control<IdentifiedFacts>[]): (body: ReceivedBody) => readonly Step<Exchange>[] {
  const judges = controls.flatMap(({ meta, decideBody }) =>
    decideBody === undefined ? [] : [{ id: meta.id, decideBody }],
  );
  return (body) => judges.map(({ id, decideBody }) => ({ id, decide: (facts) => decideBody(facts, body) }));
}
