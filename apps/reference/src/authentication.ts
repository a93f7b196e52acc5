/** The library's accounts as Folio has them: its name, its pages, and what only Folio knows about people. */
import type { KeySource } from "glacis";
import { accounts as accountSystem, type AccountSystem } from "glacis/accounts";
import {
  outboxMail,
  smtpMail,
  type FlowApplication,
  type MailTransport,
  type PasswordHashingOptions,
  type RenderPage,
  type SignInThrottleStore,
  type SingleSignOnStore,
} from "glacis/authentication";
import { fieldEncryption } from "glacis/data";
import { personOf, systemScope, type Accounts } from "./accounts/accounts.ts";
import { isRole, ROLE_ORDER } from "./accounts/memberships.ts";
import type { Settings } from "./operations/settings.ts";

export const PRODUCT = "Folio";
const LONGEST_NAME = 80;

export interface AuthenticationParts {
  readonly settings: Settings;
  readonly accounts: Accounts;
  readonly render: RenderPage;
  /** Called when somebody has been erased, to remove what is not in the database. */
  readonly erased: () => Promise<void>;
  readonly mail: MailTransport;
  readonly identities: SingleSignOnStore;
  /** The roles that come with a place in a workspace. */
  readonly rolesIn: (tenantId: string, role: string) => readonly string[];
  /** What a test may make cheaper. */
  readonly hashing?: PasswordHashingOptions;
  readonly throttleStore?: SignInThrottleStore;
}

export const KEY_SCOPES = ["documents:read", "documents:write"] as const;

/** Second factors are part of the settings, which are pages of our own; and everybody may sign up, so that no account is the first. */
const OWN_ROUTES = [
  "/setup",
  "/account",
  "/sign-in/passkey",
  "/account/totp/remove",
  "/account/recovery-codes",
  "/account/passkeys/options",
  "/account/passkeys",
  "/account/passkeys/rename",
  "/account/passkeys/remove",
  "/account/sessions",
  "/account/sessions/end",
  "/account/sessions/end-others",
];

export function accountsOf(parts: AuthenticationParts): AccountSystem {
  const { settings, mail, identities, render, hashing, throttleStore } = parts;
  return accountSystem({
    name: PRODUCT,
    application: applicationOf(parts),
    mail,
    identities,
    render,
    home: "/documents",
    apiKeys: {
      prefix: "folio_sk",
      scopes: { "documents:read": ["viewer"], "documents:write": ["member"] },
      // Keys are made by whoever answers for the workspace, and go with that role.
      grants: ({ roles }) => (roles.some((role) => role === "owner" || role === "admin") ? KEY_SCOPES : []),
      mostPerTenant: 50,
    },
    profile: ["workspace", "name"],
    without: OWN_ROUTES,
    // A black-box test asks faster than people do, from one address.
    ...(settings.kind === "test-target" && { strangers: "1200/h" }),
    ...(hashing && { passwords: hashing }),
    ...(throttleStore && { throttle: { store: throttleStore } }),
  });
}

/** Production sends mail; a demonstration keeps it in a folder. */
export function mailOf({ mail, mailFolder }: Settings): MailTransport {
  return mail === undefined ? outboxMail({ folder: mailFolder }) : smtpMail(mail);
}

/** Seals the secrets of authenticator apps. */
export function totpSealer(keys: KeySource) {
  return fieldEncryption({ keys }).column({ table: "glacis_totp", column: "secret" });
}

/** What the flows ask Folio. Each of these may be asked twice. */
function applicationOf({
  accounts,
  rolesIn,
  erased,
}: Pick<AuthenticationParts, "accounts" | "rolesIn" | "erased">): FlowApplication {
  return {
    async membership(userId) {
      const found = await accounts.belonging(userId);
      return found && { tenantId: found.tenantId, roles: rolesIn(found.tenantId, found.role) };
    },
    async welcome({ userId, email, profile }) {
      if ((await accounts.belonging(userId)) !== undefined) return;
      const name = lineOf(profile["name"], email);
      const workspace = lineOf(profile["workspace"], name);
      await accounts.createTenant({ name: workspace }, { id: userId, name, role: "owner" });
    },
    /** Whoever was demoted or removed has nobody come in by what they sent before. */
    async invitationStands({ invitedBy, tenantId, roles: [role] }) {
      const inviter = invitedBy === undefined ? undefined : await accounts.belonging(invitedBy);
      if (invitedBy === undefined || inviter?.tenantId !== tenantId) return false;
      return ROLE_ORDER.mayGrant(personOf(tenantId, invitedBy, inviter.role), role ?? "");
    },
    async joined({ userId, email, profile, tenantId, roles: [role], invitedBy }) {
      // An account belongs to one workspace; whoever has one keeps it.
      if ((await accounts.belonging(userId)) !== undefined || !isRole(role) || invitedBy === undefined) return;
      const person = { id: userId, name: lineOf(profile["name"], email), role };
      await accounts.addPerson(systemScope(tenantId, "invitation"), person, invitedBy);
    },
    disowned: ({ userId, sinceMs }) => accounts.disownSince(userId, new Date(sinceMs)),
    exportData: (userId) => accounts.exportPerson(userId),
    async erase(userId) {
      await accounts.erasePerson(userId);
      await erased();
    },
  };
}

/** One line that fits its column, whatever was typed. */
function lineOf(text: string | undefined, otherwise: string): string {
  const line = (text ?? "")
    .normalize("NFC")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/gu, " ")
    .trim();
  return [...(line === "" ? otherwise : line)].slice(0, LONGEST_NAME).join("");
}
