/** Glacis on Express 5 and 4. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AccessRule } from "../core/access.ts";
import type { Exchange } from "../core/exchange.ts";
import type { RouteOptions, RouteRule } from "../core/route.ts";
import type { SealedRoute, Security } from "../core/security.ts";
import { runInRequest } from "../primitives/request-context.ts";
import { admit, attach, open, proceeds } from "./node-exchange.ts";
import { isClosing, fail } from "./node-respond.ts";
import { guardServer, serverOptions } from "./node-server.ts";
import { exchangeOf, stateOf, type RequestState } from "./node-state.ts";
import { giveExpressShape } from "./express-shape.ts";
import { markers, methodsAt, readRoutes, type Handler, type Next, type RouterLike } from "./express-routes.ts";
import {
  refusesMethod,
  refuseUnadmitted,
  refuseUnsealed,
  ruleOf,
  sealApplication,
  sealOnce,
} from "./seal-application.ts";

export { guardServer, serverOptions } from "./node-server.ts";

/** What is used of an Express application; both major versions have it. */
export interface ExpressApplication {
  (request: IncomingMessage, response: ServerResponse): unknown;
  use(...handlers: never[]): unknown;
  listen(...values: never[]): Server;
}

interface Internals {
  handle(request: IncomingMessage, response: ServerResponse, done?: Next): unknown;
  use(handler: Handler): unknown;
  listen(...values: unknown[]): Server;
  /** Express 4 makes its router late. */
  lazyrouter?(): void;
  readonly _router?: RouterLike;
  readonly router: RouterLike;
}

type Middleware = (request: IncomingMessage, response: ServerResponse, next: Next) => void;

/**
 * Puts Glacis in front of an Express application. Call it right after `express()`.
 *
 * `app.listen` seals the routes first: it throws while one of them does not say who may call it, and while production is unfit. A server of
 * your own needs `guardServer(server, security)`; without it the first request seals, and a failure refuses every request.
 *
 * @example
 * const app = express();
 * secureExpress(app, security);
 * app.get("/documents", access(authenticated()), listDocuments);
 * app.listen(3000);
 */
export function secureExpress(app: ExpressApplication, security: Security): void {
  const inner = app as unknown as Internals;
  const routerOf = (): RouterLike => {
    inner.lazyrouter?.();
    return inner._router ?? inner.router;
  };
  const { run, attempt } = sealOnce(() => {
    const table = readRoutes(routerOf());
    sealApplication(security, table.declarations);
    inner.use(((request) => answerNotFound(routerOf(), needState(request))) satisfies Middleware);
    inner.use(answerError);
    table.close({ admit: makeGate, behind: makeGuard });
  });

  const handle = inner.handle.bind(app);
  inner.handle = (request, response, done) => {
    if (stateOf(request) === undefined && isClosing(request.socket)) return;
    const state = attach(security, request, response);
    const failure = attempt();
    if (failure !== undefined) return refuseUnsealed(state, failure);
    giveExpressShape(request, response);
    const pass = (): void => {
      if (request.method === "OPTIONS" && !hasOptions(routerOf(), state)) answerNotFound(routerOf(), state);
      else handle(request, response, done);
    };
    if (state.opened) return pass();
    const passage = open(state);
    if (passage instanceof Promise) void passage.then((opened) => opened && runInRequest(state.exchange, pass));
    else if (passage) runInRequest(state.exchange, pass);
  };

  inner.listen = (...values) => {
    run();
    const server = guardServer(createServer(serverOptions(security), app as RequestListener), security);
    return server.listen(...(values as Parameters<Server["listen"]>));
  };
}

/**
 * The access rule of a route, in front of its handlers; or of everything below a path, with `app.use`. It authenticates, checks CSRF and the
 * rule, and reads the body within its bounds into `request.body`. A route inside a group may only narrow what the group allows.
 *
 * @example
 * app.get("/documents/:id", access(authenticated()), showDocument);
 * app.use("/admin", access(hasRole("admin")), adminRouter);
 */
export function access(rule: AccessRule | RouteRule, options?: RouteOptions): Middleware {
  const unsealed: Middleware = (_request, _response, next) =>
    next(new Error("access() runs in an application without secureExpress(app, security)."));
  markers.set(unsealed, ruleOf(rule, options));
  return unsealed;
}

/**
 * What Glacis knows about a request: principal, nonce, cookies, the parsed body and its text.
 *
 * @throws Error when the request did not pass the guard.
 */
export function requestOf(request: IncomingMessage): Exchange {
  return exchangeOf(request);
}

type ParsedRequest = IncomingMessage & { body?: unknown; readonly params?: Readonly<Record<string, unknown>> };

function makeGate(sealed: SealedRoute): Handler {
  const gate: Middleware = (request, _response, next) => {
    const state = needState(request);
    if (sealed.rule.input !== undefined) state.exchange.params = (request as ParsedRequest).params ?? {};
    const passage = admit(state, sealed, request.method);
    if (passage instanceof Promise)
      void passage.then((admitted) => admitted && deliver(state, sealed, next)).catch(next);
    else if (passage) deliver(state, sealed, next);
  };
  return gate;
}

const PASSED_OVER =
  "A handler was reached without its access rule: an error handler went on as if nothing had happened, or a router ignores case where the " +
  "group's does not. Let error handlers answer, and give the route an access rule of its own.";

/** Express passes over every middleware while an error looks for its handler, the rules among them. So what stands behind a rule asks for it. */
function makeGuard(rules: readonly (readonly RouteRule[])[], handler: Handler): Handler {
  const handle = handler as unknown as Middleware;
  const guard: Middleware = (request, response, next) => {
    const state = needState(request);
    const { admitted } = state;
    const admits = (rule: RouteRule): boolean => admitted?.includes(rule) === true;
    if (refusesMethod(state, request.method)) return;
    if (rules.some((set) => set.every(admits))) return handle(request, response, next);
    return refuseUnadmitted(state, "rule_passed_over", PASSED_OVER);
  };
  return guard;
}

function deliver(state: RequestState, { rule }: SealedRoute, next: Next): void {
  (state.admitted ??= []).push(rule);
  const request = state.request as ParsedRequest;
  // A parser that the application has mounted before has put its own value there.
  if (state.exchange.bodyText !== undefined) request.body ??= state.exchange.body;
  next();
}

function needState(request: IncomingMessage): RequestState {
  const state = stateOf(request);
  if (state === undefined) throw new Error("This request did not pass secureExpress(app, security).");
  return state;
}

/** Express answers OPTIONS for every route by itself, before anyone was asked. Here a path has the methods that were declared. */
function hasOptions(router: RouterLike, state: RequestState): boolean {
  const methods = methodsAt(router, state.exchange.path);
  return methods.has("OPTIONS") || methods.has("*");
}

function answerNotFound(router: RouterLike, state: RequestState): void {
  const methods = methodsAt(router, state.exchange.path);
  const allowed = methods.has("*") || methods.has(state.exchange.method) ? [] : [...methods].toSorted();
  proceeds(state, state.security.notFound(state.exchange, allowed));
}

function answerError(error: unknown, request: IncomingMessage, _response: ServerResponse, _next: Next): void {
  const state = needState(request);
  fail(state, error);
}
