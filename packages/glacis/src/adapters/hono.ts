/** Glacis on Hono 4, on Node. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
// Whoever loads this after a server was made gets a sign that the server does not know, and answers over what a handler is writing.
import "@hono/node-server/utils/response";
import type { Context, Env, Hono, MiddlewareHandler, Next, Schema } from "hono";
import type { AccessRule } from "../core/access.ts";
import { Refusal } from "../core/error-reason.ts";
import type { Exchange } from "../core/exchange.ts";
import type { RouteOptions, RouteRule } from "../core/route.ts";
import type { SealedRoute, Security } from "../core/security.ts";
import { runInRequest } from "../primitives/request-context.ts";
import { fuseRules, markers, methodsAt, readRoutes, type Gates } from "./hono-routes.ts";
import { badBody } from "./node-body.ts";
import { admit, attach, open, proceeds, type Passage } from "./node-exchange.ts";
import { isClosing, fail } from "./node-respond.ts";
import { guardServer, serverOptions } from "./node-server.ts";
import { exchangeOf, stateOf, type RequestState } from "./node-state.ts";
import {
  freezeList,
  refuseUnadmitted,
  refuseUnsealed,
  ruleOf,
  sealApplication,
  sealedError,
  sealOnce,
} from "./seal-application.ts";

export { guardServer, serverOptions } from "./node-server.ts";

/** What @hono/node-server puts into `c.env`. */
interface NodeEnvironment {
  readonly incoming?: IncomingMessage;
  readonly outgoing?: ServerResponse;
}

type Fetch = (request: Request, environment?: unknown, execution?: unknown) => Response | Promise<Response>;

const sealings = new WeakMap<object, () => void>();

/**
 * Puts Glacis in front of a Hono application. Call it right after `new Hono()`, and start with `listenHono`.
 *
 * `onError` and `notFound` of your own, set afterwards, are respected. A server of your own needs `guardServer(server, security)`; without
 * it the first request seals, and a failure refuses every request.
 *
 * @example
 * const app = new Hono();
 * secureHono(app, security);
 * app.get("/documents", access(authenticated()), listDocuments);
 * listenHono(app, security, { port: 3000 });
 */
export function secureHono<E extends Env, S extends Schema, B extends string>(
  app: Hono<E, S, B>,
  security: Security,
): void {
  const { run, attempt } = sealOnce(() => {
    const table = readRoutes(app.routes);
    sealApplication(security, table.declarations);
    fuseRules(app.router as Parameters<typeof fuseRules>[0], table, { admit: makeGate, refuse });
    app.router.add = () => {
      throw sealedError();
    };
    freezeList(app.routes);
  });
  sealings.set(app, run);

  const fetch = app.fetch as Fetch;
  const guardedFetch: Fetch = (request, environment, execution) => {
    const { incoming, outgoing } = (environment ?? {}) as NodeEnvironment;
    const known = incoming === undefined ? undefined : stateOf(incoming);
    if (incoming === undefined || (outgoing === undefined && known === undefined)) return outsideNode();
    if (known === undefined && isClosing(incoming.socket)) return new Response(null, { status: 400 });
    const state = known ?? attach(security, incoming, outgoing as ServerResponse);
    const failure = attempt();
    if (failure !== undefined) {
      refuseUnsealed(state, failure);
      return answered(state);
    }
    const pass = (): Response | Promise<Response> => answerThrown(state, () => fetch(request, environment, execution));
    if (state.opened) return pass();
    const passage = open(state);
    if (passage instanceof Promise) {
      return passage.then((opened) => (opened ? runInRequest(state.exchange, pass) : answered(state)));
    }
    return passage ? runInRequest(state.exchange, pass) : answered(state);
  };
  app.fetch = guardedFetch;

  app.onError((error, c) => {
    const state = needState(c);
    fail(state, error);
    return answered(state);
  });
  app.notFound((c) => {
    const state = needState(c);
    const methods = methodsAt(app.router as Parameters<typeof methodsAt>[0], security.routes, c.req.path);
    proceeds(
      state,
      security.notFound(state.exchange, methods.has(state.exchange.method) ? [] : [...methods].toSorted()),
    );
    return answered(state);
  });
}

/**
 * The access rule of a route, in front of its handlers; or of everything below a path, with `app.use`. It authenticates, checks CSRF and the
 * rule, and reads the body within its bounds: `requestOf(c).body` is the parsed value, and `c.req.json()` and its kin still work. A route
 * inside a group may only narrow what the group allows.
 *
 * @example
 * app.get("/documents/:id", access(authenticated()), showDocument);
 * app.use("/admin/*", access(hasRole("admin")));
 */
export function access(rule: AccessRule | RouteRule, options?: RouteOptions): MiddlewareHandler {
  const unsealed: MiddlewareHandler = () => {
    throw new Error(
      "access() runs where sealing has not seen it: secureHono(app, security) comes first, and inside every(), some() or except() it cannot stand.",
    );
  };
  markers.set(unsealed, ruleOf(rule, options));
  return unsealed;
}

const makeGate: Gates["admit"] = (sealed, handler) => {
  const handle = handler as (c: Context, next: Next) => Response | Promise<Response>;
  const pass = (state: RequestState, c: Context, next: Next): Response | Promise<Response> => {
    // Hono's server for Node reads a body from here when somebody has taken it off the stream already.
    if (state.bodyBytes !== undefined) Object.assign(state.request, { rawBody: state.bodyBytes });
    else if (state.exchange.method !== "GET" && state.exchange.method !== "HEAD") c.req.json = refuseUnread;
    return handle(c, next);
  };
  return (c: Context, next: Next) => {
    const state = needState(c);
    if (sealed.some(({ rule }) => rule.input !== undefined)) state.exchange.params = c.req.param();
    const passage = admitAll(state, sealed, c.req.method);
    if (passage === true) return pass(state, c, next);
    if (passage === false) return answered(state);
    return passage.then((admitted) => (admitted ? pass(state, c, next) : answered(state)));
  };
};

/** Hono reads JSON whatever a body calls itself. What called itself something else has not been held to the bounds of JSON. */
async function refuseUnread(): Promise<never> {
  throw new Refusal(badBody("media_type_unsupported", "json_of_another_type"));
}

/** Hono hands on what is thrown and is no `Error`; its server would answer for it, and nobody would be told. */
function answerThrown(state: RequestState, run: () => Response | Promise<Response>): Response | Promise<Response> {
  const failed = (error: unknown): Response => {
    fail(state, error);
    return answered(state);
  };
  try {
    const response = run();
    return response instanceof Promise ? response.catch(failed) : response;
  } catch (error) {
    return failed(error);
  }
}

const PASSED_OVER =
  "The router has found a handler without the access rule that its pattern stands behind. Give the route an access rule of its own.";

const refuse: Gates["refuse"] = (c: Context) => {
  const state = needState(c);
  refuseUnadmitted(state, "rule_passed_over", PASSED_OVER);
  return answered(state);
};

/** Every rule on the way must admit. */
function admitAll(state: RequestState, sealed: readonly SealedRoute[], method: string, from = 0): Passage {
  for (let index = from; index < sealed.length; index += 1) {
    const passage = admit(state, sealed[index] as SealedRoute, method);
    if (passage instanceof Promise)
      return passage.then((admitted) => admitted && admitAll(state, sealed, method, index + 1));
    if (!passage) return false;
  }
  return true;
}

/**
 * Seals the application and listens.
 *
 * @throws SealError while a route does not say who may call it
 * @throws BootError while production is unfit
 */
export function listenHono<E extends Env, S extends Schema, B extends string>(
  app: Hono<E, S, B>,
  security: Security,
  address: { readonly port: number; readonly hostname?: string },
): Server {
  const seal = sealings.get(app);
  if (seal === undefined) throw new Error("Call secureHono(app, security) before listenHono.");
  seal();
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions: serverOptions(security) }) as Server;
  return guardServer(server, security).listen(address.port, address.hostname);
}

/**
 * What Glacis knows about a request: principal, nonce, cookies, the parsed body and its text.
 *
 * @throws Error when the request did not pass the guard.
 */
export function requestOf(c: Context): Exchange {
  return exchangeOf((c.env as NodeEnvironment | undefined)?.incoming);
}

function needState(c: Context): RequestState {
  const { incoming } = (c.env ?? {}) as NodeEnvironment;
  const state = incoming === undefined ? undefined : stateOf(incoming);
  if (state === undefined) throw new Error("This request did not pass secureHono(app, security).");
  return state;
}

/**
 * Our answer is on its way already, or the client has gone; what Hono's server makes of this one goes nowhere. It is no success in any case, which
 * would look like an answer that no rule has allowed.
 */
function answered({ answered: sent, response }: RequestState): Response {
  return new Response(null, { status: sent ? response.statusCode : 400 });
}

function outsideNode(): Response {
  const title = "Glacis judges Node's request, and this one has none: start with listenHono and call over HTTP.";
  return Response.json(
    { title, status: 503 },
    { status: 503, headers: { "content-type": "application/problem+json" } },
  );
}
