import type { Control } from "./core/control.ts";
import { deny, type Decision, type HeaderPair } from "./core/decision.ts";
import type { Endpoint } from "./core/endpoint.ts";
import { entrance } from "./core/enter.ts";
import { reasonOfError } from "./core/error-reason.ts";
import type { AuditEvent } from "./core/event.ts";
import { Exchange } from "./core/exchange.ts";
import { compileHead } from "./core/head.ts";
import { judge } from "./core/judge.ts";
import { conclude, runSteps, settle, stepsOf, type PipelineObserver } from "./core/pipeline.ts";
import { reception } from "./core/receive.ts";
import { reporter, reportFailure } from "./core/report.ts";
import { responder } from "./core/respond.ts";
import { sealRoutes } from "./core/seal.ts";
import { PROCEED, type Layers, type SealedRoute, type Security, type Verdict } from "./core/security.ts";
import { validateLayers } from "./core/validate-layers.ts";

/**
 * Composes layers into the one object that an adapter drives. This is the whole flow of a request, in order:
 * `begin`, `open`, `enter`, `receive`, `head`, `done`; and `fail` for whatever is thrown.
 *
 * @throws TypeError when the layers are incomplete or contradict themselves.
 * @example
 * const security = glacis(saas({ origin: "https://app.example.com", keys: keyRing(process.env.GLACIS_KEYS) }));
 */
export function glacis(layers: Layers): Security {
  validateLayers(layers);
  const controls = controlsOf(layers);
  const report = reporter(layers);
  const respond = responder(layers, report);
  const observer: PipelineObserver<Exchange> = {
    allowed: (decision, exchange) => {
      for (const event of decision.events) report(event, exchange);
      if (decision.kind === "allow") exchange.addResponseHeaders(decision.headers);
    },
  };
  const opening = stepsOf([...layers.network, ...layers.transport]);
  const writeHead = compileHead(controls, report);
  const endpoints = new Map(layers.endpoints.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint]));
  const ownRules = new Set(layers.endpoints.map(({ rule }) => rule));
  let routes: readonly SealedRoute[] = [];

  const opened = (exchange: Exchange, decision: Decision): Verdict =>
    decision.kind === "allow" ? PROCEED : respond(exchange, decision);

  return {
    layers,
    get controls() {
      return [...controls, ...routeControls(routes, layers.endpoints)];
    },
    get routes() {
      return routes;
    },

    begin: (wire) => new Exchange(wire, layers.interpretation),

    open(exchange) {
      const decision = runSteps(opening, exchange, observer, layers.controlTimeoutMs);
      return conclude(decision, exchange, opened);
    },

    endpoint: (exchange) => endpointAt(endpoints, exchange),

    enter: entrance(layers, observer, respond),
    receive: reception(layers, observer, respond),

    async answer(exchange, endpoint, body) {
      const pending = Promise.resolve().then(() => endpoint.handle(exchange, body));
      return respond(exchange, await settle(`endpoint ${endpoint.path}`, pending, layers.controlTimeoutMs));
    },

    head(exchange, draft) {
      try {
        writeHead(exchange, draft);
        return true;
      } catch (error) {
        reportFailure(report, "head", error, exchange);
        return false;
      }
    },

    done: finisher(controls, report),

    fail: (exchange, error) => respond(exchange, reasonOfError(error)),
    refuse: respond,
    notFound: (exchange, allowed) => respond(exchange, nothingHere(allowed)),
    report,

    seal(declared) {
      routes = sealRoutes(declared);
      return routes;
    },

    check: (deployment) =>
      judge(
        controls,
        deployment,
        routes.filter(({ rule }) => !ownRules.has(rule)),
        routeControls(routes, layers.endpoints),
        layers.server,
      ),
  };
}

function controlsOf(layers: Layers): readonly Control<never>[] {
  const { environment, network, transport, authentication, authorization } = layers;
  return [...environment, ...network, ...transport, ...authentication, ...authorization];
}

/** One control may stand on many routes. */
function routeControls(routes: readonly SealedRoute[], endpoints: readonly Endpoint[]): readonly Control<never>[] {
  return [...new Set([...routes, ...endpoints].flatMap(({ rule }) => rule.controls))];
}

/** Tells what the request had to say, then every control that it is over. */
function finisher(controls: readonly Control<never>[], report: Security["report"]): Security["done"] {
  const finishing = controls.filter(({ done }) => done !== undefined);
  return (exchange, outcome) => {
    exchange.ended = true;
    for (const event of exchange.noted ?? []) report(event, exchange);
    for (const control of finishing) {
      try {
        control.done?.(exchange, outcome);
      } catch (error) {
        reportFailure(report, control.meta.id, error, exchange);
      }
    }
  };
}

function endpointAt(endpoints: ReadonlyMap<string, Endpoint>, { method, path }: Exchange): Endpoint | undefined {
  if (endpoints.size === 0) return undefined;
  return endpoints.get(`${method === "HEAD" ? "GET" : method} ${path}`);
}

/** 404, or 405 with the methods that the path does have. */
function nothingHere(allowed: readonly string[]): Decision {
  const reason = allowed.length === 0 ? "not_found" : "method_not_allowed";
  const headers: readonly HeaderPair[] = allowed.length === 0 ? [] : [["allow", allowed.join(", ")]];
  const event: AuditEvent = {
    event_type: "system",
    status: "observed",
    severity: "info",
    event: "http_not_found",
    reason,
  };
  return deny(reason, event, { headers });
}
