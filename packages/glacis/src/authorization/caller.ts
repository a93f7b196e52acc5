/** Who asks: what a pattern of a statement says about a principal, and what of a principal may be compared with a row. */
import type { Principal, User } from "../core/principal.ts";
import type { Attribute, CallerPattern, ListAttribute } from "./condition.ts";

/** Whether the pattern holds for every principal of a kind, for none of it, or depends on the one who asks. */
export function holdsForKind(pattern: CallerPattern, kind: Principal["kind"]): boolean | undefined {
  switch (pattern.kind) {
    case "anonymous":
      return kind === "anonymous";
    case "authenticated":
      return kind !== "anonymous";
    case "any-user":
      return kind === "user";
    case "any-service":
      return kind === "service";
    case "user":
    case "service":
      return kind === pattern.kind ? undefined : false;
    case "role":
    case "group":
      return kind === "anonymous" ? false : undefined;
  }
}

export function holdsFor(pattern: CallerPattern, principal: Principal): boolean {
  const known = holdsForKind(pattern, principal.kind);
  if (known !== undefined || principal.kind === "anonymous") return known === true;
  switch (pattern.kind) {
    case "role":
      return principal.roles.includes(pattern.name);
    case "group":
      return principal.groups?.includes(pattern.name) === true;
    case "user":
    case "service":
      return principal.id === pattern.name;
    case "anonymous":
    case "authenticated":
    case "any-user":
    case "any-service":
      return false;
  }
}

/**
 * A principal that can be decided about: of a known kind, and where it is somebody, with an id and a tenant. Casts and JSON produce others; an
 * empty id would own every row whose owner is empty.
 */
export function isDecidable(principal: Principal): boolean {
  const { kind } = principal;
  return kind === "user" || kind === "service" ? isSomebody(principal) : kind === "anonymous";
}

/** The same for one whose kind is known. */
export function isSomebody(principal: { readonly [Name in keyof User]?: unknown }): boolean {
  const { id, tenantId, roles, groups } = principal;
  // Of a text, `includes` would find a role inside another word.
  return isText(id) && isText(tenantId) && Array.isArray(roles) && (groups === undefined || Array.isArray(groups));
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.length > 0;
}

export function attributeOf(principal: Principal, name: Attribute): string | undefined {
  if (principal.kind === "anonymous") return undefined;
  switch (name) {
    case "tenantId":
      return principal.tenantId;
    case "userId":
      return principal.kind === "user" ? principal.id : undefined;
    case "serviceId":
      return principal.kind === "service" ? principal.id : undefined;
  }
}

export function listOf(principal: Principal, name: ListAttribute): readonly string[] {
  if (principal.kind === "anonymous") return [];
  return (name === "roles" ? principal.roles : principal.groups) ?? [];
}
