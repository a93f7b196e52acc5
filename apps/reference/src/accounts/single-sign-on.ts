/** Signing in through the identity provider of one workspace, where the environment names one. */
import { randomUUID } from "node:crypto";
import { Secret, type SaasLayers, type User } from "glacis";
import type { Accounts as People } from "glacis/accounts";
import {
  canonicalIdentifier,
  singleSignOn,
  type AuthenticationFlows,
  type LinkedIdentity,
  type SingleSignOn,
  type SingleSignOnStore,
  postgresSingleSignOn,
  type SsoFetch,
  type SsoIdentity,
} from "glacis/authentication";
import type { Database } from "../database/database.ts";
import type { SingleSignOnSettings } from "../operations/settings.ts";
import { systemScope, type Accounts } from "./accounts.ts";

/** The workspace's provider is the only one that there is. */
export const PROVIDER = "workspace";
export const SSO_START: string = `/sso/start?provider=${PROVIDER}`;

export interface SingleSignOnParts {
  readonly accounts: Accounts;
  readonly database: Database;
  /** What a test puts in the place of the internet. */
  readonly fetch: SsoFetch | undefined;
}

/** What the settings of somebody whose workspace has a provider show. */
export interface OwnIdentity {
  /** Of the provider. */
  readonly name: string;
  readonly linked: LinkedIdentity | undefined;
}

type Mountable = Pick<SaasLayers, "origin" | "sessions" | "outbound"> & { readonly accounts: People };
type Mounted = Pick<SingleSignOn, "endpoints" | "controls">;

/** Where the provider is, and what the layers get once they stand; nothing without a provider. */
export function singleSignOnOf(settings: SingleSignOnSettings | undefined, parts: SingleSignOnParts) {
  const store = postgresSingleSignOn(parts.database.driver);
  const host = settings && new URL(settings.issuer).host;
  return {
    store,
    identityOf: async ({ id, tenantId }: User): Promise<OwnIdentity | undefined> => {
      if (settings?.tenantId !== tenantId) return undefined;
      const linked = (await store.identities(id)).find(({ providerId }) => providerId === PROVIDER);
      return { name: settings.name, linked };
    },
    outbound: host === undefined ? [] : [{ host, purpose: "single sign-on", data: ["personal"] as const }],
    mount: (layers: Mountable): Mounted =>
      settings === undefined ? { endpoints: [], controls: [] } : mount(settings, store, parts, layers),
  };
}

function mount(
  settings: SingleSignOnSettings,
  store: SingleSignOnStore,
  parts: SingleSignOnParts,
  layers: Mountable,
): Mounted {
  const { accounts, fetch = layers.outbound.fetch } = parts;
  const { flows } = layers.accounts;
  const { tenantId, issuer, clientId, domains } = settings;
  const clientSecret = new Secret(settings.clientSecret);
  const provider = { id: PROVIDER, tenantId, issuer, clientId, clientSecret, domains };
  return singleSignOn({
    origin: layers.origin,
    store,
    flows,
    sessions: layers.sessions,
    fetch,
    provider: (id) => (id === PROVIDER ? provider : undefined),
    async user(userId) {
      const belonging = await accounts.belonging(userId);
      if (belonging?.tenantId !== tenantId || !(await flows.accountStatus.maySignIn(userId))) return undefined;
      return { userId, tenantId, roles: [belonging.role] };
    },
    firstSignIn: (identity) => findOrMake(tenantId, flows, accounts, identity),
    enrolmentPath: "/account/totp",
  });
}

/**
 * The workspace owns the domain and its provider has verified the address, so whoever has it here is the same person, and a newcomer is a member. An
 * address outside the domains, or of another workspace, opens nothing.
 */
async function findOrMake(
  tenantId: string,
  flows: AuthenticationFlows,
  accounts: Accounts,
  { email, name }: SsoIdentity,
): Promise<string | undefined> {
  const address = canonicalIdentifier(email);
  if (address === undefined) return undefined;
  const library = flows.context.store.accounts;
  const known = await library.byEmail(address);
  if (known !== undefined)
    return (await accounts.belonging(known.userId))?.tenantId === tenantId ? known.userId : undefined;
  const userId = randomUUID() as User["id"];
  const nowMs = Date.now();
  const account = { userId, email: address, verifiedAtMs: nowMs, passwordHash: null, status: "active" } as const;
  if (!(await library.create({ ...account, version: 1, createdAtMs: nowMs }))) return undefined;
  const shown = (name ?? "").replace(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/gu, " ").trim();
  const person = {
    id: userId,
    name: [...(shown === "" ? address : shown)].slice(0, 80).join(""),
    role: "member",
  } as const;
  try {
    await accounts.addPerson(systemScope(tenantId, "single-sign-on"), person);
  } catch (error) {
    // An account without a place would look like somebody's who was removed, and be refused for ever.
    await library.remove(userId);
    throw error;
  }
  return userId;
}
