import type { Brand, TenantId, UserId } from "./brand.ts";

/**
 * How sure we are of who it is: 1 one factor, 2 two factors, 3 two factors of which one is a phishing-resistant key.
 * NIST SP 800-63B-4 section 2.
 */
export type AssuranceLevel = 1 | 2 | 3;

export interface Anonymous {
  readonly kind: "anonymous";
}

export interface User {
  readonly kind: "user";
  readonly id: UserId;
  readonly tenantId: TenantId;
  readonly roles: readonly string[];
  /** Teams, departments: what `group:` means in an access policy. */
  readonly groups?: readonly string[];
  readonly assurance: AssuranceLevel;
  /** When the user last proved a credential, in milliseconds since the epoch. Step-up rules measure from here. */
  readonly authenticatedAtMs: number;
  /** Who is really at the keyboard, where that is somebody else: support staff on a visit that the tenant has consented to (RFC 8693 section 4.1). */
  readonly actor?: Actor;
  /** Present where he came by a token that was given for something. */
  readonly delegation?: Delegation;
}

/**
 * What a token was given for (RFC 9068 section 2.2): whoever holds it may do what its subject may, and of that no more than this. A rule may look at it;
 * `oauthResourceServer()` holds it against the scopes of each route.
 */
export interface Delegation {
  readonly issuer: string;
  readonly subject: string | undefined;
  readonly clientId: string | undefined;
  readonly scopes: readonly string[];
  /** RFC 9396, as the issuer has signed it. */
  readonly authorizationDetails: readonly Readonly<Record<string, unknown>>[];
}

export interface Actor {
  readonly id: UserId;
  readonly tenantId: TenantId;
}

export interface Service {
  readonly kind: "service";
  readonly id: string;
  readonly tenantId: TenantId;
  readonly roles: readonly string[];
  readonly groups?: readonly string[];
  readonly delegation?: Delegation;
  /** The user who answers for it, such as whoever made the API key. It is not he who asks, and has none of his rights by that. */
  readonly ownerId?: UserId;
}

/** Who is asking. Only a user and a service belong to a tenant. */
export type Principal = Anonymous | User | Service;

export const ANONYMOUS: Anonymous = Object.freeze({ kind: "anonymous" });

/** Permission to see one tenant's rows; the data layer accepts nothing less. */
export type TenantScope = Brand<{ readonly tenantId: TenantId; readonly actor: string }, "TenantScope">;

/**
 * The only mint of a tenant scope. An anonymous principal does not type-check, and throws when a cast got it here.
 *
 * @throws TypeError when the principal has no tenant: an empty tenant must never match an empty column.
 */
export function tenantScope(principal: User | Service): TenantScope {
  if ((principal as Principal).kind === "anonymous" || principal.tenantId === "" || principal.tenantId == null) {
    throw new TypeError("A tenant scope needs a signed-in principal with a tenant; this one has none.");
  }
  return { tenantId: principal.tenantId, actor: principal.id } as TenantScope;
}
