import type { Control, Deployment, ReceivedBody } from "./core/control.ts";
import { deny, type Decision, type Deny, type HeaderPair } from "./core/decision.ts";
import type { Endpoint } from "./core/endpoint.ts";
import type { AuditEvent, AuditRecord } from "./core/event.ts";
import { Exchange } from "./core/exchange.ts";
import type { IdentifiedFacts } from "./core/facts.ts";
import type { Finding } from "./core/finding.ts";
import { compileHead } from "./core/head.ts";
import { judge } from "./core/judge.ts";
import {
  controlFailed,
  describeError,
  runSteps,
  settle,
  stepsOf,
  type PipelineObserver,
  type Step,
} from "./core/pipeline.ts";
import { problemJson, problemPage, type RefusalBody, type RefusalView } from "./core/problem.ts";
import { REASONS } from "./core/reasons.ts";
import { reasonOfError } from "./core/error-reason.ts";
import { sealRoutes } from "./core/seal.ts";
import {
  PROCEED,
  type Identity,
  type Layers,
  type Respond,
  type SealedRoute,
  type Security,
  type Verdict,
} from "./core/security.ts";
import { validateLayers } from "./core/validate-layers.ts";
import type { Wire } from "./core/wire.ts";

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
  const controls: readonly Control<never>[] = [
    ...layers.environment,
    ...layers.network,
    ...layers.transport,
    ...layers.authentication,
    ...layers.authorization,
  ];
  const opening = stepsOf([...layers.network, ...layers.transport]);
  const entering: readonly Step<IdentifiedFacts>[] = stepsOf([...layers.authentication, ...layers.authorization]);
  const bodyControls = [...layers.authentication, ...layers.authorization].filter(
    (control) => control.decideBody !== undefined,
  );
  const finishing = controls.filter((control) => control.done !== undefined);
  const applyHead = compileHead(controls, report);
  const endpoints = new Map<string, Endpoint>(
    layers.endpoints.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint]),
  );
  const routeSteps = new WeakMap<object, readonly Step<IdentifiedFacts>[]>();
  const { controlTimeoutMs } = layers;
  let routes: readonly SealedRoute[] = [];

  const observer: PipelineObserver<Exchange> = {
    allowed: (decision, exchange) => {
      for (const event of decision.events) report(event, exchange);
      if (decision.kind === "allow") exchange.addResponseHeaders(decision.headers);
    },
  };

  function report(event: AuditEvent, exchange?: Exchange): void {
    try {
      layers.audit(withContext(event, exchange, layers.interpretation.sources.now()));
    } catch (error) {
      // The sink is the last place to report to: stderr is what is left, and the request must not suffer.
      process.stderr.write(`glacis: the audit sink failed: ${describeError(error)}\n`);
    }
  }

  function verdictOf(exchange: Exchange, decision: Decision): Verdict {
    return decision.kind === "allow" ? PROCEED : respond(exchange, decision);
  }

  function respond(exchange: Exchange, decision: Decision): Respond {
    exchange.decided = true;
    for (const event of decision.events) report(event, exchange);
    switch (decision.kind) {
      case "deny":
        return refuse(exchange, decision);
      case "redirect":
        return {
          kind: "respond",
          status: decision.status,
          headers: [["location", decision.location]],
          body: undefined,
          close: false,
        };
      case "answer":
        return {
          kind: "respond",
          status: decision.status,
          headers: decision.headers,
          body: decision.body,
          close: false,
        };
      case "allow":
        return respond(exchange, controlFailed("glacis", new TypeError("An allowance is not a response.")));
    }
  }

  /** A refusal in the client's language: a page for a browser that asked for one, a problem document for everyone else. */
  function refuse(exchange: Exchange, denial: Deny): Respond {
    const view: RefusalView = { denial, requestId: exchange.requestId, developer: layers.mode === "development" };
    if (!(exchange.header("accept") ?? "").includes("text/html")) return refusalWith(denial, problemJson(view));
    if (layers.refusalPage === undefined) return refusalWith(denial, problemPage(view));
    try {
      return refusalWith(denial, layers.refusalPage({ ...view, nonce: exchange.nonce }));
    } catch (error) {
      for (const event of controlFailed("refusal-page", error).events) report(event, exchange);
      return refusalWith(denial, problemPage(view));
    }
  }

  function run(exchange: Exchange, steps: readonly Step<Exchange>[]): Decision | Promise<Decision> {
    return runSteps(steps, exchange, observer, controlTimeoutMs);
  }

  function stepsFor(route: SealedRoute): readonly Step<IdentifiedFacts>[] {
    let steps = routeSteps.get(route.rule);
    if (steps === undefined) {
      const access: Step<IdentifiedFacts> = { id: "access-rule", decide: route.rule.access.decide };
      steps = [...entering, access, ...stepsOf(route.rule.controls)];
      routeSteps.set(route.rule, steps);
    }
    return steps;
  }

  function identified(exchange: Exchange, route: SealedRoute, identity: Identity): Verdict | Promise<Verdict> {
    exchange.principal = identity.principal;
    exchange.session = identity.session;
    if (identity.headers !== undefined) exchange.addResponseHeaders(identity.headers);
    const decision = run(exchange, stepsFor(route));
    return decision instanceof Promise
      ? decision.then((settled) => entered(exchange, settled))
      : entered(exchange, decision);
  }

  function entered(exchange: Exchange, decision: Decision): Verdict {
    if (decision.kind !== "allow") return respond(exchange, decision);
    exchange.entered = true;
    exchange.decided = !exchange.awaitsBody;
    return PROCEED;
  }

  function received(exchange: Exchange, decision: Decision): Verdict {
    if (decision.kind !== "allow") return respond(exchange, decision);
    exchange.awaitsBody = false;
    exchange.decided = exchange.entered;
    return PROCEED;
  }

  /** A second rule inside an admitted request, such as a route's own under its group's: it can only narrow what the first has allowed. */
  function narrow(exchange: Exchange, route: SealedRoute): Verdict | Promise<Verdict> {
    exchange.decided = false;
    const access: Step<IdentifiedFacts> = { id: "access-rule", decide: route.rule.access.decide };
    const decision = run(exchange, [access, ...stepsOf(route.rule.controls)]);
    return decision instanceof Promise
      ? decision.then((settled) => entered(exchange, settled))
      : entered(exchange, decision);
  }

  async function identifyLater(exchange: Exchange, route: SealedRoute, pending: Promise<Identity>): Promise<Verdict> {
    let identity: Identity | undefined;
    const lookup = pending.then((found): Decision => {
      identity = found;
      return { kind: "allow", events: [], headers: [] };
    });
    const decision = await settle("authenticate", lookup, controlTimeoutMs);
    return identity === undefined ? respond(exchange, decision) : identified(exchange, route, identity);
  }

  return {
    layers,
    controls,
    get routes() {
      return routes;
    },

    begin: (wire: Wire) => new Exchange(wire, layers.interpretation),

    open(exchange) {
      const decision = run(exchange, opening);
      return decision instanceof Promise
        ? decision.then((settled) => verdictOf(exchange, settled))
        : verdictOf(exchange, decision);
    },

    endpoint(exchange) {
      if (endpoints.size === 0) return undefined;
      const method = exchange.method === "HEAD" ? "GET" : exchange.method;
      return endpoints.get(`${method} ${exchange.path}`);
    },

    enter(exchange, route) {
      exchange.route = route.rule;
      exchange.pattern = route.pattern;
      if (exchange.entered) return narrow(exchange, route);
      exchange.awaitsBody = carriesBody(exchange) && layers.body.parses(exchange.mediaType);
      let identity: Identity | Promise<Identity>;
      try {
        identity = layers.authenticate(exchange);
      } catch (error) {
        return respond(exchange, controlFailed("authenticate", error));
      }
      return identity instanceof Promise
        ? identifyLater(exchange, route, identity)
        : identified(exchange, route, identity);
    },

    receive(exchange, mediaType, text) {
      const parsed = layers.body.parse(mediaType, text);
      if ("refusal" in parsed) return respond(exchange, parsed.refusal);
      exchange.body = parsed.value;
      exchange.bodyText = text;
      const body: ReceivedBody = { mediaType, value: parsed.value };
      const steps = bodyControls.map(({ meta, decideBody }) => ({
        id: meta.id,
        decide: (facts: Exchange) => (decideBody as NonNullable<typeof decideBody>)(facts, body),
      }));
      const decision = run(exchange, steps);
      return decision instanceof Promise
        ? decision.then((settled) => received(exchange, settled))
        : received(exchange, decision);
    },

    async answer(exchange, endpoint, body) {
      const pending = Promise.resolve().then(() => endpoint.handle(exchange, body));
      return respond(exchange, await settle(`endpoint ${endpoint.path}`, pending, controlTimeoutMs));
    },

    head(exchange, draft) {
      try {
        applyHead(exchange, draft);
        return true;
      } catch (error) {
        for (const event of controlFailed("head", error).events) report(event, exchange);
        return false;
      }
    },

    done(exchange, outcome) {
      for (const event of exchange.noted ?? []) report(event, exchange);
      for (const control of finishing) {
        try {
          control.done?.(exchange, outcome);
        } catch (error) {
          for (const event of controlFailed(control.meta.id, error).events) report(event, exchange);
        }
      }
    },

    fail: (exchange, error) => respond(exchange, reasonOfError(error)),
    refuse: respond,

    notFound(exchange, allowed) {
      const reason = allowed.length === 0 ? "not_found" : "method_not_allowed";
      const headers: readonly HeaderPair[] = allowed.length === 0 ? [] : [["allow", allowed.join(", ")]];
      const event: AuditEvent = {
        event_type: "system",
        status: "observed",
        severity: "info",
        event: "http_not_found",
        reason,
      };
      return respond(exchange, deny(reason, event, { headers }));
    },

    report,

    seal(declared) {
      routes = sealRoutes(declared);
      return routes;
    },

    check: (deployment: Deployment): readonly Finding[] => judge(controls, deployment),
  };
}

/** RFC 9110 section 9.3: a body on GET or HEAD means nothing, so nothing is read from it. */
function carriesBody(exchange: Exchange): boolean {
  return exchange.method !== "GET" && exchange.method !== "HEAD";
}

/** What a refusal looks like besides its body: the reason's status, and whether the connection can go on. */
function refusalWith(denial: Deny, { contentType, body }: RefusalBody): Respond {
  const { status, layer } = REASONS[denial.reason];
  const headers: HeaderPair[] = [["content-type", contentType], ...denial.headers];
  // RFC 9112 section 6.1 and 11.2: after a framing error nothing that follows on the connection can be trusted.
  const close = status === 408 || status === 411 || status === 413 || (layer === "network" && status === 400);
  return { kind: "respond", status, headers, body, close };
}

function withContext(event: AuditEvent, exchange: Exchange | undefined, nowMs: number): AuditRecord {
  const time = new Date(nowMs).toISOString();
  if (exchange === undefined) return { time, ...event };
  const { principal } = exchange;
  return {
    time,
    ...event,
    request_id: exchange.requestId,
    ip_address: exchange.client,
    method: exchange.method,
    ...(exchange.pattern !== "" && { route: exchange.pattern }),
    ...(principal.kind !== "anonymous" && { user_id: principal.id, tenant_id: principal.tenantId }),
  };
}
