/** Reads the routes out of Express's routers, versions 4 and 5, and says which access rule stands in front of each. */
import type { RouteDeclaration, RouteRule } from "../core/route.ts";
import type { SealedRoute } from "../core/security.ts";
import { assertNarrows, freezeList } from "./seal-application.ts";
import { covers, join } from "./route-pattern.ts";

export type Next = (error?: unknown) => void;
/** Express's own types need not be installed twice: a handler is what it is called with. */
export type Handler = (...values: never[]) => unknown;

export interface RouteLike {
  readonly path: string | RegExp | readonly (string | RegExp)[];
  readonly methods: Readonly<Record<string, boolean>>;
  readonly stack: LayerLike[];
}

export interface LayerLike {
  handle: Handler & Partial<RouterLike> & { readonly set?: unknown; readonly handle?: unknown };
  readonly name: string;
  /** On a layer of a route: the method, or undefined for every method. */
  readonly method?: string;
  readonly route?: RouteLike;
  /** Express 5. */
  readonly rawPath?: unknown;
  /** Express 4. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean };
  readonly keys?: readonly { readonly name: string | number }[];
  /** Express 4 leaves the matched path here, Express 5 returns it. */
  readonly path?: string;
  readonly match: (path: string) => boolean | { readonly path: string };
}

export interface RouterLike {
  readonly stack: LayerLike[];
  readonly param: unknown;
}

/** The middlewares that `access` has made, with their rules. */
export const markers: WeakMap<Handler, RouteRule> = new WeakMap();

export interface Gates {
  /** The middleware that admits requests by one sealed route. */
  readonly admit: (sealed: SealedRoute) => Handler;
  /** A handler that runs only for requests that one of these sets of rules, all of it, has admitted. */
  readonly behind: (rules: readonly (readonly RouteRule[])[], handler: Handler) => Handler;
}

interface Mark {
  /** It is mounted at each of these. */
  readonly prefixes: readonly string[];
  readonly rule: RouteRule;
  /** It stands before everything that follows in its router, whatever that is mounted by: a list of paths and an expression cannot be compared. */
  readonly whole: boolean;
}

const standsBefore = ({ whole, prefixes }: Mark, pattern: string): boolean =>
  whole || prefixes.some((prefix) => covers(prefix, pattern));

/** What a walk leaves behind: declarations to seal, and the gates to open once they are. */
export interface RouteTable {
  readonly declarations: RouteDeclaration[];
  /** Called after sealing: puts gates in the markers' place and freezes every list. */
  readonly close: (gates: Gates) => void;
}

/** @throws Error where routes are hidden from view */
export function readRoutes(root: RouterLike): RouteTable {
  const declarations: RouteDeclaration[] = [];
  const closings: ((gates: Gates) => void)[] = [];
  const seen = new Set<RouterLike>();
  const ways: WaysIn = new Map();

  function visit(router: RouterLike, prefix: string, outer: readonly Mark[]): void {
    const marks: Mark[] = [...outer];
    for (const layer of router.stack) {
      if (layer.route !== undefined) {
        visitRoute(layer.route, prefix, marks);
      } else if (isApplication(layer)) {
        throw new Error(
          `The application mounted at ${join(prefix, pathOf(layer))} hides its routes. Mount an express.Router() there instead.`,
        );
      } else if (isRouter(layer.handle)) {
        visit(layer.handle, join(prefix, pathOf(layer)), marks);
      } else {
        const rule = markers.get(layer.handle);
        const path = join(prefix, pathOf(layer));
        if (rule !== undefined) marks.push(visitGroup(layer, prefix, rule));
        else standBehind(ways, layer, rulesOf(marks.filter((mark) => standsBefore(mark, path))));
      }
    }
    if (!seen.has(router)) closings.push(() => freezeList(router.stack));
    seen.add(router);
  }

  function visitGroup(layer: LayerLike, prefix: string, rule: RouteRule): Mark {
    const path = pathOf(layer);
    const sealed: SealedRoute = { method: "*", pattern: join(join(prefix, path), "*"), rule };
    closings.push(({ admit }) => replace(layer, rule, admit(sealed)));
    const whole = path === "/";
    // In a list, Express takes the root for the root alone and not for what is below it.
    const below = pathsOf(layer).filter((one) => whole || one !== "/");
    return { prefixes: below.map((one) => join(prefix, one)), rule, whole };
  }

  function visitRoute(route: RouteLike, prefix: string, marks: readonly Mark[]): void {
    const patterns = [route.path].flat(Number.POSITIVE_INFINITY as 1).map((path) => join(prefix, String(path)));
    const pattern = patterns.join(" | ");
    const groups = marks.filter((mark) => patterns.every((single) => standsBefore(mark, single)));
    for (const method of methodsOf(route)) {
      const own = ownRule(route, method);
      if (own !== undefined) for (const { rule } of groups) assertNarrows(rule, own, `${method} ${pattern}`);
      const rule = own ?? groups.at(-1)?.rule;
      declarations.push({ method, pattern, rule, fix: fixFor(method, pattern) });
    }
    for (const [index, layer] of route.stack.entries()) {
      if (!markers.has(layer.handle)) standBehind(ways, layer, [...rulesOf(groups), ...rulesBefore(route, index)]);
    }
    closings.push((gates) => closeRoute(route, pattern, gates));
  }

  visit(root, "", []);
  return {
    declarations,
    close: (gates) => {
      for (const closing of closings) closing(gates);
      guardHandlers(ways, gates);
    },
  };
}

/** `app.use` hides an application behind a function of this name; a router takes it as it is. */
function isApplication({ name, handle }: LayerLike): boolean {
  return name === "mounted_app" || (typeof handle.set === "function" && typeof handle.handle === "function");
}

/** Others keep a stack as well, such as the middlewares of a development server: what Express has not made is a handler like any other. */
function isRouter(handle: LayerLike["handle"]): handle is Handler & RouterLike {
  return Array.isArray(handle.stack) && typeof handle.param === "function";
}

/** Puts gates in the place of a route's markers, and lets nobody add a handler or a method any more. */
function closeRoute(route: RouteLike, pattern: string, { admit }: Gates): void {
  for (const layer of route.stack) {
    const rule = markers.get(layer.handle);
    if (rule === undefined) continue;
    const sealed: SealedRoute = { method: layer.method?.toUpperCase() ?? "*", pattern, rule };
    replace(layer, rule, admit(sealed));
  }
  freezeList(route.stack);
  Object.freeze(route.methods);
}

/** The rules in front of each handler, once for every way that leads to it: a router that is mounted twice has two. */
type WaysIn = Map<LayerLike, (readonly RouteRule[])[]>;

function standBehind(ways: WaysIn, layer: LayerLike, rules: readonly RouteRule[]): void {
  const known = ways.get(layer);
  if (known === undefined) ways.set(layer, [rules]);
  else known.push(rules);
}

function guardHandlers(ways: WaysIn, gates: Gates): void {
  for (const [layer, rules] of ways) {
    // Express calls a handler of four parameters for errors alone.
    const ordinary = layer.handle.length < 4;
    if (ordinary && rules.every((way) => way.length > 0)) layer.handle = gates.behind(rules, layer.handle);
  }
}

function rulesOf(marks: readonly Mark[]): readonly RouteRule[] {
  return marks.map(({ rule }) => rule);
}

/** The rules that a route declares in front of one of its own handlers. */
function rulesBefore(route: RouteLike, index: number): readonly RouteRule[] {
  const { method } = route.stack[index] as LayerLike;
  return route.stack.slice(0, index).flatMap((layer) => {
    const rule = markers.get(layer.handle);
    return rule !== undefined && (layer.method === undefined || layer.method === method) ? [rule] : [];
  });
}

/** A router that is mounted twice is visited twice: its gate is recognised as the marker it was. */
function replace(layer: LayerLike, rule: RouteRule, gate: Handler): void {
  markers.set(gate, rule);
  layer.handle = gate;
}

/** The methods that something answers. A rule alone, as in `route("/a").all(access(...)).get(...)`, answers nothing. */
function methodsOf(route: RouteLike): readonly string[] {
  const answering = route.stack.filter((layer) => !markers.has(layer.handle));
  return [...new Set(answering.map((layer) => layer.method?.toUpperCase() ?? "*"))];
}

/** The innermost rule in front of the route's last handler; a rule behind it guards nothing. */
function ownRule(route: RouteLike, method: string): RouteRule | undefined {
  const layers = route.stack.filter((layer) => layer.method === undefined || layer.method.toUpperCase() === method);
  const last = layers.length - 1;
  const marked = layers.findLast((layer, index) => index < last && markers.has(layer.handle));
  return marked === undefined ? undefined : markers.get(marked.handle);
}

function fixFor(method: string, pattern: string): string {
  const call = method === "*" ? "all" : method.toLowerCase();
  return `${call}("${pattern}", access(authenticated()), ...), or app.use("...", access(...)) on a line before it`;
}

/** The methods that a path has, for a 405 and its Allow header. */
export function methodsAt(router: RouterLike, path: string, found: Set<string> = new Set()): ReadonlySet<string> {
  for (const layer of router.stack) {
    const { route, handle } = layer;
    if (route === undefined && !isRouter(handle)) continue;
    const matched = tryMatch(layer, path);
    if (matched === undefined) continue;
    if (route !== undefined) {
      for (const method of methodsOf(route)) found.add(method);
    } else {
      const rest = path.slice(matched.length);
      methodsAt(handle as RouterLike, rest.startsWith("/") ? rest : `/${rest}`, found);
    }
  }
  if (found.has("GET")) found.add("HEAD");
  return found;
}

/** @returns the matched part of the path. A path that cannot be decoded matches nothing. */
function tryMatch(layer: LayerLike, path: string): string | undefined {
  try {
    const match = layer.match(path);
    if (match === false) return undefined;
    return match === true ? (layer.path ?? "") : match.path;
  } catch {
    return undefined;
  }
}

/** Express 4 makes one expression of a list. */
function pathsOf(layer: LayerLike): readonly string[] {
  return layer.rawPath === undefined ? [pathOf(layer)] : [layer.rawPath].flat(Number.POSITIVE_INFINITY).map(String);
}

function pathOf(layer: LayerLike): string {
  if (layer.rawPath !== undefined) return pathsOf(layer).join("|");
  if (layer.regexp === undefined) return "?";
  if (layer.regexp.fast_slash === true) return "/";
  return pathOfRegexp(layer.regexp.source, layer.keys ?? []);
}

/** Express 4 keeps only the expression that it made of a path; this reads the path back, or shows the expression. */
function pathOfRegexp(source: string, keys: readonly { readonly name: string | number }[]): string {
  let index = 0;
  const path = source
    .replace(/^\^/u, "")
    .replace(/\\\/\?\(\?=\\\/\|\$\)$/u, "")
    .replaceAll(/\\\/\(\?:\(\[\^\\\/\]\+\?\)\)|\(\?:\\\/\(\[\^\/\]\+\?\)\)/gu, () => `/:${String(keys[index++]?.name)}`)
    .replaceAll(/\\([/.-])/gu, "$1");
  return /^[\w\-./:~]*$/u.test(path) ? path : `^${source}`;
}
