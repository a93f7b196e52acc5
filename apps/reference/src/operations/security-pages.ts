import { currentDeployment, tenantScope, type Endpoint, type KeySource, type SaasLayers, type Security } from "glacis";
import type { Accounts as People } from "glacis/accounts";
import { securityCenter, type AccountDirectory, type EventArchive } from "glacis/center";
import type { Accounts } from "../accounts/accounts.ts";
import { keyDatesIn } from "./audit-trail.ts";
import type { Settings } from "./settings.ts";

export interface SecurityPagesParts {
  readonly settings: Settings;
  readonly layers: Pick<SaasLayers, "csrf" | "sessions" | "watch"> & { readonly accounts: People };
  readonly archive: EventArchive;
  readonly accounts: Accounts;
  readonly keys: KeySource;
  readonly security: () => Security;
}

/**
 * The Security Center, for owners and admins with a fresh second factor. They see what happened in their own workspace and who is signed in there;
 * what belongs to no workspace, such as alarms, keys and the audit log, is for the people who run the deployment.
 */
export function securityPages({ settings, layers, accounts, ...parts }: SecurityPagesParts): readonly Endpoint[] {
  const { csrf, sessions, watch } = layers;
  const { kind, dataFolder, operators } = settings;
  const made = kind === "production" ? {} : keyDatesIn(dataFolder, parts.keys.ids);
  return securityCenter({
    ...parts,
    name: "Folio",
    csrf,
    sessions,
    throttle: layers.accounts.flows.context.throttle,
    alarms: watch.alarms,
    actors: watch.actors,
    chain: watch.chain,
    keyDates: { ...made, ...settings.keyDates },
    deployment: currentDeployment,
    accounts: directoryOf(accounts),
    reach: ({ tenantId }) => (operators !== undefined && tenantId === operators ? "deployment" : "tenant"),
    signInPage: "/sign-in",
    confirmPage: "/security-access",
    homePage: "/documents",
  });
}

/** The people of the administrator's own workspace: row-level security holds them apart, whatever is asked for. */
function directoryOf(accounts: Accounts): AccountDirectory {
  const everybody: AccountDirectory["find"] = async (text, administrator) => {
    const people = await accounts.people(tenantScope(administrator));
    const wanted = text.toLowerCase();
    return people
      .filter(({ name, email }) => `${name}\n${email}`.toLowerCase().includes(wanted))
      .map(({ id, name, email, role }) => ({ userId: id, identifier: email, name, roles: [role] }));
  };
  return {
    find: everybody,
    get: async (userId, administrator) =>
      (await everybody("", administrator)).find((account) => account.userId === userId),
  };
}
