/** The library's authentication as Folio uses it: where it keeps things, which factors people may have, and what only Folio knows about people. */
import type { AuditEvent, Control, KeySource } from "glacis";
import {
  authenticationFlows,
  enrolledFactors,
  memorySignInThrottle,
  outboxMail,
  passkeys,
  passwordHashing,
  passwordPolicy,
  postgresAuthentication,
  postgresPasskeys,
  postgresRecoveryCodes,
  postgresSignInThrottle,
  postgresTotp,
  recoveryCodes,
  signInThrottle,
  smtpMail,
  totp,
  type AuthenticationFlows,
  type MfaOptions,
  type Passkeys,
  type PasswordHashingOptions,
  type RecoveryCodes,
  type Sessions,
  type SignInThrottleStore,
  type Totp,
} from "glacis/authentication";
import { fieldEncryption } from "glacis/data";
import { systemScope, type Accounts } from "./accounts/accounts.ts";
import { isRole } from "./accounts/memberships.ts";
import type { Database } from "./database/database.ts";
import type { Settings } from "./operations/settings.ts";

export const PRODUCT = "Folio";
const LONGEST_NAME = 80;

export interface AuthenticationParts {
  readonly settings: Settings;
  readonly keys: KeySource;
  readonly database: Database;
  readonly accounts: Accounts;
  readonly report: (event: AuditEvent) => void;
  /** Called when somebody has been erased, to remove what is not in the database. */
  readonly erased: () => Promise<void>;
  /** What a test may make cheaper. */
  readonly hashing?: PasswordHashingOptions;
  readonly throttleStore?: SignInThrottleStore;
}

/** The second factors of people. */
export interface Factors {
  readonly totp: Totp;
  readonly recoveryCodes: RecoveryCodes;
  /** Undefined where the origin is an address: browsers have passkeys for names alone. */
  readonly passkeys: Passkeys | undefined;
  readonly enrolled: NonNullable<MfaOptions["enrolled"]>;
  readonly controls: readonly Control[];
}

/** Seals the secrets of authenticator apps. */
export function totpSealer(keys: KeySource) {
  return fieldEncryption({ keys }).column({ table: "glacis_totp", column: "secret" });
}

export function factorsOf({ settings, keys, database: { driver }, report }: AuthenticationParts): Factors {
  const { origin } = settings;
  const offered = {
    totp: totp({ issuer: PRODUCT, store: postgresTotp(driver), sealer: totpSealer(keys), report }),
    recoveryCodes: recoveryCodes({ store: postgresRecoveryCodes(driver), report }),
    ...(/[a-z]$/u.test(new URL(origin).hostname) && {
      passkeys: passkeys({ name: PRODUCT, origins: [origin], store: postgresPasskeys(driver), report }),
    }),
  };
  return {
    passkeys: undefined,
    ...offered,
    enrolled: enrolledFactors(offered),
    controls: Object.values(offered).map(({ control }) => control),
  };
}

/** Everything that people do with their accounts, and the controls that hold it. */
export function flowsOf(
  parts: AuthenticationParts,
  sessions: Sessions,
  { totp: app, recoveryCodes: codes, passkeys: keysOfPeople }: Factors,
): { readonly flows: AuthenticationFlows; readonly controls: readonly Control[] } {
  const { settings, keys, database, accounts, report, erased } = parts;
  const passwords = passwordHashing({ pepper: keys, onEvent: report, ...parts.hashing });
  const policy = passwordPolicy({ words: [PRODUCT], report });
  const store =
    parts.throttleStore ??
    (database.shared ? postgresSignInThrottle({ database: database.driver }) : memorySignInThrottle());
  const throttle = signInThrottle({ keys, store, report });
  const flows = authenticationFlows({
    origin: settings.origin,
    name: PRODUCT,
    store: postgresAuthentication(database.driver),
    sessions,
    passwords,
    policy,
    throttle,
    application: applicationOf(accounts, erased),
    authenticators: { totp: app, recoveryCodes: codes, ...(keysOfPeople && { passkeys: keysOfPeople }) },
    mail: settings.mail === undefined ? outboxMail({ folder: settings.mailFolder }) : smtpMail(settings.mail),
    report,
  });
  return { flows, controls: [passwords.control, ...policy.controls, ...throttle.controls, ...flows.controls] };
}

/** What the flows ask Folio. Each of these may be asked twice. */
function applicationOf(
  accounts: Accounts,
  erased: () => Promise<void>,
): Parameters<typeof authenticationFlows>[0]["application"] {
  return {
    async membership(userId) {
      const found = await accounts.belonging(userId);
      return found && { tenantId: found.tenantId, roles: [found.role] };
    },
    async welcome({ userId, email, profile }) {
      if ((await accounts.belonging(userId)) !== undefined) return;
      const name = lineOf(profile["name"], email);
      const workspace = lineOf(profile["workspace"], name);
      await accounts.createTenant({ name: workspace }, { id: userId, name, role: "owner" });
    },
    async joined({ userId, email, profile, tenantId, roles: [role] }) {
      // An account belongs to one workspace; whoever has one keeps it.
      if ((await accounts.belonging(userId)) !== undefined || !isRole(role)) return;
      const person = { id: userId, name: lineOf(profile["name"], email), role };
      await accounts.addPerson(systemScope(tenantId, "invitation"), person);
    },
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
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ")
    .trim();
  return [...(line === "" ? otherwise : line)].slice(0, LONGEST_NAME).join("");
}
