import { policyAccess, type AccessRule } from "../core/access.ts";
import type { Principal } from "../core/principal.ts";

/**
 * A route rule that asks a policy what can be asked before there is a row: whether this caller could be permitted the action on any row at
 * all. Who could not is refused before the body is read; the handler asks about the row.
 *
 * @throws TypeError when the policy has no such action
 * @example
 * app.get("/documents/:id", access(policyRoute(documentPolicy, "retrieve")), showDocument);
 */
export function policyRoute<Action extends string>(
  policy: { readonly resource: string; couldPermit(principal: Principal, action: Action): boolean },
  action: NoInfer<Action>,
): AccessRule {
  policy.couldPermit({ kind: "anonymous" }, action);
  return policyAccess(`${policy.resource}.${action}`, (principal) => policy.couldPermit(principal, action));
}
