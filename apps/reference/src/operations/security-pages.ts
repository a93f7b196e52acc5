import { currentDeployment, tenantScope, type Endpoint, type SaasLayers, type Security } from "glacis";
import { securityCenter, type AccountDirectory, type EventArchive } from "glacis/center";
import type { Accounts } from "../accounts/accounts.ts";
import type { Settings } from "./settings.ts";

/** The Security Center of a workspace, for its owners and admins: what happened in it, who is signed in, and the buttons that end sessions. */
export function securityPages(
  { kind }: Settings,
  { csrf, sessions }: Pick<SaasLayers, "csrf" | "sessions">,
  archive: EventArchive,
  accounts: Accounts,
  security: () => Security,
): readonly Endpoint[] {
  return securityCenter({
    name: "Folio",
    archive,
    csrf,
    sessions,
    security,
    deployment: currentDeployment,
    accounts: directoryOf(accounts),
    signInPage: "/sign-in",
    // The people of the demonstration and of the test have a password each and nothing else.
    level: kind === "production" ? 2 : 1,
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
