/** Glacis on Fastify 5. */
import type { Server } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest, RawServerBase } from "fastify";
import type { AccessRule } from "../core/access.ts";
import type { Exchange } from "../core/exchange.ts";
import type { RouteDeclaration, RouteOptions, RouteRule } from "../core/route.ts";
import type { SealedRoute, Security } from "../core/security.ts";
import { runInRequest } from "../primitives/request-context.ts";
import { admit, attach, open, proceeds, type Passage } from "./node-exchange.ts";
import { isClosing, fail } from "./node-respond.ts";
import { guardServer } from "./node-server.ts";
import { exchangeOf, stateOf, type RequestState } from "./node-state.ts";
import { refuseUnadmitted, ruleOf, sealApplication } from "./seal-application.ts";

export { guardServer, serverOptions } from "./node-server.ts";

const RULE: unique symbol = Symbol("glacis.rule");

interface RuledConfig {
  readonly [RULE]?: RouteRule;
}

type NotFoundHandler = (this: FastifyInstance, request: FastifyRequest, reply: FastifyReply) => unknown;
type ErrorHandler = (this: FastifyInstance, error: unknown, request: FastifyRequest, reply: FastifyReply) => unknown;
type SetHandler = (this: FastifyInstance, ...values: unknown[]) => FastifyInstance;
type Done = (error?: Error) => void;

/**
 * Puts Glacis in front of a Fastify application. Call it right after `fastify()`, before plugins and routes: hooks reach the plugins that are
 * registered after them.
 *
 * `ready` and `listen` seal the routes first: they reject while one of them does not say who may call it, and while production is unfit.
 * An error handler or a not-found handler of your own is respected.
 *
 * @example
 * const app = fastify();
 * secureFastify(app, security);
 * app.get("/documents", access(authenticated()), listDocuments);
 * await app.listen({ port: 3000 });
 */
export function secureFastify(app: FastifyInstance, security: Security): void {
  guardServer(app.server, security);
  const collected: { readonly method: string; readonly url: string; readonly options: { config?: unknown } }[] = [];
  app.addHook("onRoute", (options) => {
    for (const method of [options.method].flat()) collected.push({ method, url: options.url, options });
  });
  app.addHook("onReady", (done: Done) => {
    // Read late: a plugin's own onRoute hook may give its routes a rule.
    const declared = collected.map(({ method, url, options }) =>
      declare(method, url, options.config as RuledConfig | undefined),
    );
    try {
      sealApplication(security, declared);
      done();
    } catch (error) {
      done(error as Error);
    }
  });
  app.addHook("onRequest", (request, reply, done) => guardRequest(security, app, request, reply, done));
  deliverBodies(app, security);
  answerErrors(app);
  answerNotFound(app, security);
}

/**
 * The access rule of a route, as its options. It authenticates, checks CSRF and the rule, and reads the body within its bounds into
 * `request.body`.
 *
 * @example
 * app.get("/documents/:id", access(authenticated()), showDocument);
 * app.post("/documents", { schema, ...access(authenticated()) }, createDocument);
 */
export function access(rule: AccessRule | RouteRule, options?: RouteOptions): { readonly config: RuledConfig } {
  return { config: { [RULE]: ruleOf(rule, options) } };
}

/**
 * What Glacis knows about a request: principal, nonce, cookies, the parsed body and its text.
 *
 * @throws Error when the request did not pass the guard.
 */
export function requestOf(request: FastifyRequest): Exchange {
  return exchangeOf(request.raw);
}

function declare(method: string, url: string, config: RuledConfig | undefined): RouteDeclaration {
  return {
    method,
    pattern: url,
    rule: config?.[RULE],
    fix: `app.${method.toLowerCase()}("${url}", access(authenticated()), handler), or { ...access(authenticated()), schema, ... }`,
  };
}

function guardRequest(
  security: Security,
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  done: Done,
): void {
  const { raw } = request;
  if (stateOf(raw) === undefined) guardSibling(security, app, raw.socket as { readonly server?: unknown });
  if (stateOf(raw) === undefined && isClosing(raw.socket)) return;
  const state = attach(security, raw, reply.raw);
  if (state.opened) return follow(enter(state, request), done, done);
  const passage = open(state);
  const inside = (): void => runInRequest(state.exchange, done);
  if (passage instanceof Promise)
    void passage.then((opened) => opened && follow(enter(state, request), inside, done), done);
  else if (passage) follow(enter(state, request), inside, done);
}

function follow(passage: Passage, go: () => void, fail: Done): void {
  if (passage instanceof Promise) void passage.then((admitted) => admitted && go(), fail);
  else if (passage) go();
}

/** Fastify listens on `localhost` with one server per address and makes the others itself, without telling. */
function guardSibling(security: Security, app: FastifyInstance, socket: { readonly server?: unknown }): void {
  const { server } = socket;
  if (server !== undefined && server !== (app.server as RawServerBase)) guardServer(server as Server, security);
}

const sealed = new WeakMap<object, SealedRoute>();

const HIDDEN =
  "This route was declared before secureFastify(app, security), so nobody has asked who may call it. Move it behind.";

function enter(state: RequestState, request: FastifyRequest): Passage {
  if (request.is404) return true;
  const config = request.routeOptions.config as RuledConfig & {
    readonly url: string;
    readonly method: string | string[];
  };
  let route = sealed.get(config);
  if (route === undefined) {
    const rule = config[RULE];
    // Sealing has refused routes without a rule; what comes here without one was hidden from it.
    if (rule === undefined) {
      refuseUnadmitted(state, "route_hidden", HIDDEN);
      return false;
    }
    route = { method: [config.method].flat().join(" "), pattern: config.url, rule };
    sealed.set(config, route);
  }
  if (route.rule.input !== undefined) state.exchange.params = request.params as Readonly<Record<string, unknown>>;
  return admit(state, route, request.method);
}

/** What Fastify says of a route for which nobody has set a limit; ours holds there, which may be higher. */
const UNSAID_BODY_LIMIT = 1_048_576;

function bodyTooLarge(limit: number): Error {
  return Object.assign(new Error(`The body is larger than the bodyLimit of this route, ${limit} bytes.`), {
    statusCode: 413,
  });
}

/**
 * Fastify picks a parser by content type and gives it the stream. Ours need not read it: the body has been read and judged. Of what Fastify would have
 * asked, the application's own limit is left, where it is the stricter one.
 */
function deliverBodies(app: FastifyInstance, security: Security): void {
  const { parses } = security.layers.body;
  const deliver = (
    request: FastifyRequest,
    _payload: unknown,
    done: (error: Error | null, body?: unknown) => void,
  ): void => {
    const state = stateOf(request.raw);
    const { bodyLimit } = request.routeOptions;
    const isTooLarge = state !== undefined && bodyLimit !== UNSAID_BODY_LIMIT && state.receivedBytes > bodyLimit;
    done(isTooLarge ? bodyTooLarge(bodyLimit) : null, state?.exchange.body);
  };
  if (parses("application/json")) {
    app.removeContentTypeParser("application/json");
    app.addContentTypeParser("application/json", deliver);
  }
  if (parses("application/problem+json")) app.addContentTypeParser(/^[\w.-]+\/[\w.-]+\+json/iu, deliver);
  if (parses("application/x-www-form-urlencoded"))
    app.addContentTypeParser("application/x-www-form-urlencoded", deliver);
  // Whoever receives files reads the stream. As an expression it yields to a parser of the application's own.
  app.addContentTypeParser(/^multipart\/form-data(?:;|$)/iu, deliver);
}

/**
 * Fastify takes one handler of a kind per scope and complains about a second. Ours stands at the root, and what the application sets there
 * later is kept for ours to call; a plugin's own handler stays its own affair.
 */
function answerErrors(app: FastifyInstance): void {
  const { setErrorHandler } = app as unknown as { readonly setErrorHandler: SetHandler };
  let own: ErrorHandler | undefined;
  setErrorHandler.call(app, (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    if (own !== undefined) return own.call(app, error, request, reply);
    const state = needState(request);
    reply.hijack();
    return fail(state, error);
  });
  Object.assign(app, {
    setErrorHandler(this: FastifyInstance, ...values: unknown[]): FastifyInstance {
      if (this !== app || typeof values[0] !== "function") return setErrorHandler.apply(this, values);
      own = values[0] as ErrorHandler;
      return app;
    },
  });
}

/**
 * 405 with Allow where the path exists, otherwise the application's own page or ours. As with errors, ours stands at the root and calls the
 * application's.
 */
function answerNotFound(app: FastifyInstance, security: Security): void {
  const { setNotFoundHandler } = app as unknown as { readonly setNotFoundHandler: SetHandler };
  // Fastify reads them when it starts, and by then they hold what the application has set.
  const hooks: object = {};
  let own: NotFoundHandler | undefined;
  setNotFoundHandler.call(app, hooks, (request: FastifyRequest, reply: FastifyReply) => {
    const state = needState(request);
    const methods = methodsAt(app, security, state.exchange.path);
    // A route may say itself that there is nothing, such as one for files: its path has the method then.
    const allowed = methods.includes(state.exchange.method) ? [] : methods;
    if (own !== undefined && allowed.length === 0) return own.call(app, request, reply);
    reply.hijack();
    return proceeds(state, security.notFound(state.exchange, allowed));
  });
  Object.assign(app, {
    setNotFoundHandler(this: FastifyInstance, ...values: unknown[]): FastifyInstance {
      const handler = values.at(-1);
      // A second one is Fastify's to complain about.
      if (this !== app || own !== undefined || typeof handler !== "function")
        return setNotFoundHandler.apply(this, values);
      own = handler as NotFoundHandler;
      if (values.length > 1) Object.assign(hooks, values[0]);
      return app;
    },
  });
}

function methodsAt(app: FastifyInstance, security: Security, path: string): readonly string[] {
  const declared = new Set(security.routes.map(({ method }) => method));
  return [...declared].filter((method) => hasRoute(app, method, path)).toSorted();
}

function hasRoute(app: FastifyInstance, method: string, url: string): boolean {
  try {
    return app.findRoute({ method, url }) !== null;
  } catch {
    return false;
  }
}

function needState(request: FastifyRequest): RequestState {
  const state = stateOf(request.raw);
  if (state === undefined) throw new Error("This request did not pass secureFastify(app, security).");
  return state;
}
