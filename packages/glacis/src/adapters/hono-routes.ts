/** Reads the routes out of a Hono application and says which access rule stands in front of each. */
import type { RouteDeclaration, RouteRule } from "../core/route.ts";
import type { SealedRoute } from "../core/security.ts";
import { covers } from "./route-pattern.ts";
import { assertNarrows } from "./seal-application.ts";

type Handler = (...values: never[]) => unknown;

interface HonoRoute {
  readonly method: string;
  readonly path: string;
  readonly handler: Handler;
}

/** What Hono's router finds: handlers with their routes, in order, each with where its parameters are. */
type Entry = readonly [readonly [handler: Handler, route: HonoRoute], unknown];
type Match = readonly [readonly Entry[], ...unknown[]];

interface HonoRouter {
  match(method: string, path: string): Match;
}

/** The middlewares that `access` has made, with their rules. */
export const markers: WeakMap<Handler, RouteRule> = new WeakMap();

/** Hono wraps the handlers of a sub-application that has an error handler of its own, and keeps the original under this name. */
function target(handler: Handler): Handler {
  const { __COMPOSED_HANDLER: inner } = handler as { readonly __COMPOSED_HANDLER?: Handler };
  return inner === undefined ? handler : target(inner);
}

/** Hono's own distinction: a middleware takes `next`. */
function answers(handler: Handler): boolean {
  return target(handler).length < 2;
}

/** What is registered for one method and pattern, which may be several handlers behind several rules: whichever answers first has the say. */
interface Found extends HonoRoute {
  /** The nearest rule of each handler that answers; undefined for one in front of any rule. */
  readonly answering: Set<RouteRule | undefined>;
  /** The nearest rule of the last of all, where none seems to answer. */
  last: RouteRule | undefined;
}

export interface RouteTable {
  readonly declarations: readonly RouteDeclaration[];
  /** The sealed route of each rule's own entry in the list. */
  readonly places: ReadonlyMap<object, SealedRoute>;
  /** The rules that stand in front of everything else, as the patterns read. */
  readonly demands: ReadonlyMap<object, readonly RouteRule[]>;
}

/**
 * Everything in Hono's list is a handler for a method and a pattern. What is registered for a method is a route; what is registered for all
 * of them is one when it answers, and a middleware otherwise.
 */
export function readRoutes(routes: readonly HonoRoute[]): RouteTable {
  const places = new Map<object, SealedRoute>();
  const demands = new Map<object, readonly RouteRule[]>();
  const marks: (HonoRoute & { readonly rule: RouteRule })[] = [];
  const found = new Map<string, Found>();
  for (const route of routes) {
    const { method, path, handler } = route;
    const rule = markers.get(target(handler));
    if (rule !== undefined) {
      for (const mark of marks) if (guards(mark, route)) assertNarrows(mark.rule, rule, `${method} ${path}`);
      marks.push({ method, path, handler, rule });
      places.set(route, { method: shown(method), pattern: path, rule });
      continue;
    }
    const rules = marks.filter((mark) => guards(mark, route)).map((mark) => mark.rule);
    demands.set(route, rules);
    if (method !== "ALL" || answers(handler)) {
      const known = found.get(`${method} ${path}`) ?? { ...route, answering: new Set(), last: undefined };
      known.last = rules.at(-1);
      if (answers(handler)) known.answering.add(known.last);
      found.set(`${method} ${path}`, known);
    }
  }
  return { declarations: [...found.values()].flatMap(declare), places, demands };
}

function declare({ method, path, answering, last }: Found): RouteDeclaration[] {
  const rules = answering.size === 0 ? [last] : [...answering];
  return rules.map((rule) => ({ method: shown(method), pattern: path, rule, fix: fixFor(method, path) }));
}

function guards(mark: HonoRoute, route: HonoRoute): boolean {
  if (mark.method !== "ALL" && mark.method !== route.method) return false;
  if (mark.path === route.path || mark.path === "/*") return true;
  return mark.path.endsWith("/*") && covers(mark.path, route.path);
}

function shown(method: string): string {
  return method === "ALL" ? "*" : method;
}

function fixFor(method: string, pattern: string): string {
  const call = method === "ALL" ? "all" : method.toLowerCase();
  return `${call}("${pattern}", access(authenticated()), ...), or app.use("...", access(...)) on a line before it`;
}

/** The methods that a path has, for a 405 and its Allow header. */
export function methodsAt(router: HonoRouter, sealed: readonly SealedRoute[], path: string): ReadonlySet<string> {
  const declared = new Set(sealed.map(({ method }) => method));
  const found = new Set<string>();
  for (const method of declared) {
    if (method === "*") continue;
    const [matches] = router.match(method, path);
    if (matches.some(([[, route]]) => route.method === method)) found.add(method);
  }
  if (found.has("GET")) found.add("HEAD");
  return found;
}

export interface Gates {
  /** Puts sealed routes in front of a handler. */
  readonly admit: (sealed: readonly SealedRoute[], handler: Handler) => Handler;
  /** Stands in for a handler whose rules the router has left out. */
  readonly refuse: Handler;
}

/**
 * Lets each rule run inside the handler that it stands in front of, instead of as a middleware of its own. Hono answers a request with a single
 * handler without a chain of promises, and a rule should not cost a route that.
 *
 * Hono's routers return the same list for the same route, so each is fused once.
 */
export function fuseRules(router: HonoRouter, table: RouteTable, gates: Gates): void {
  // The routers of Hono build their matchers at the first match and then replace the method by a faster one.
  router.match("GET", "/");
  const match = router.match.bind(router);
  const known = new WeakMap<readonly Entry[], readonly Entry[]>();
  router.match = (method, path) => {
    const found = match(method, path);
    const [entries, ...rest] = found;
    let fused = known.get(entries);
    if (fused === undefined) {
      fused = fuse(entries, table, gates);
      known.set(entries, fused);
    }
    return fused === entries ? found : [fused, ...rest];
  };
}

const callNext = (_c: unknown, next: () => unknown): unknown => next();

/** What the patterns promise is held against what the router has found: a handler without one of its rules does not run. */
function fuse(entries: readonly Entry[], { places, demands }: RouteTable, gates: Gates): readonly Entry[] {
  const fused: Entry[] = [];
  const passed = new Set<RouteRule>();
  let waiting: SealedRoute[] = [];
  for (const [index, entry] of entries.entries()) {
    const [[handler, route], parameters] = entry;
    const sealed = places.get(route);
    if (sealed !== undefined) {
      waiting.push(sealed);
      passed.add(sealed.rule);
      if (index < entries.length - 1) continue;
    }
    const guarded = sealed === undefined ? handler : (callNext as Handler);
    const ready = demands.get(route)?.every((rule) => passed.has(rule)) ?? true;
    if (!ready) fused.push([[gates.refuse, route], parameters]);
    else fused.push(waiting.length === 0 ? entry : [[gates.admit(waiting, guarded), route], parameters]);
    waiting = [];
  }
  return fused;
}
