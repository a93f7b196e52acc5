import type { RouteDeclaration } from "./route.ts";
import type { SealedRoute } from "./security.ts";

/** The application may not listen: some routes do not say who may call them. The message names each and the line to add. */
export class SealError extends Error {
  override readonly name = "SealError";
  readonly code = "routes_without_access_rule";
  readonly routes: readonly RouteDeclaration[];

  constructor(routes: readonly RouteDeclaration[]) {
    const told = routes.filter((route) => !isTwin(route, routes));
    const lines = told.map(({ method, pattern, fix }) => `  ${method.padEnd(7)} ${pattern}\n          add: ${fix}`);
    const count = told.length === 1 ? "1 route does" : `${told.length} routes do`;
    super(
      `${count} not say who may call it. Nothing listens until every route has an access rule:\n\n${lines.join("\n")}\n`,
    );
    this.routes = routes;
  }
}

/** The HEAD that a framework adds to a GET: the line that is missing there gives both their rule. */
function isTwin({ method, pattern }: RouteDeclaration, routes: readonly RouteDeclaration[]): boolean {
  return method === "HEAD" && routes.some((other) => other.method === "GET" && other.pattern === pattern);
}

/**
 * Turns declarations into the sealed table.
 *
 * @throws SealError naming every route without a rule.
 */
export function sealRoutes(routes: readonly RouteDeclaration[]): readonly SealedRoute[] {
  const open = routes.filter((route) => route.rule === undefined);
  if (open.length > 0) throw new SealError(open);
  const sealed = routes.flatMap(({ method, pattern, rule }) =>
    rule === undefined ? [] : [Object.freeze({ method, pattern, rule })],
  );
  return Object.freeze(sealed);
}
