import type { RouteDeclaration } from "./route.ts";
import type { SealedRoute } from "./security.ts";

/** The application may not listen: some routes do not say who may call them. The message names each and the line to add. */
export class SealError extends Error {
  override readonly name = "SealError";
  readonly code = "routes_without_access_rule";
  readonly routes: readonly RouteDeclaration[];

  constructor(routes: readonly RouteDeclaration[]) {
    const lines = routes.map(({ method, pattern, fix }) => `  ${method.padEnd(7)} ${pattern}\n          add: ${fix}`);
    const count = routes.length === 1 ? "1 route does" : `${routes.length} routes do`;
    super(
      `${count} not say who may call it. Nothing listens until every route has an access rule:\n\n${lines.join("\n")}\n`,
    );
    this.routes = routes;
  }
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
