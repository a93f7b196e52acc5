/** Accounts as one option of the preset: passwords, second factors, flows, mails and routes, each with its safe default. */
import type { ApiKey } from "../authentication/api-key-view.ts";
import { memoryApiKeys, postgresApiKeys } from "../authentication/api-key-store.ts";
import { apiKeys, type ApiKeys, type ApiKeysOptions } from "../authentication/api-keys.ts";
import { memoryAuthentication, postgresAuthentication } from "../authentication/authentication-store.ts";
import { enrolledFactors } from "../authentication/enrolled-factors.ts";
import {
  authenticationFlows,
  type AuthenticationFlowOptions,
  type AuthenticationFlows,
} from "../authentication/flows.ts";
import { outboxMail, type MailTransport, type OutboxMail } from "../authentication/mail-transport.ts";
import { postgresPasskeys } from "../authentication/passkey-postgres.ts";
import { memoryPasskeys } from "../authentication/passkey-store.ts";
import { passkeys } from "../authentication/passkeys.ts";
import { passwordHashing, type PasswordHashingOptions } from "../authentication/password-hashing.ts";
import {
  breachedPasswordRange,
  type BreachedPasswordRangeOptions,
} from "../authentication/password-policy-breached.ts";
import { passwordPolicy, type PasswordPolicyOptions } from "../authentication/password-policy.ts";
import { memoryRecoveryCodes, postgresRecoveryCodes } from "../authentication/recovery-code-store.ts";
import { recoveryCodes } from "../authentication/recovery-codes.ts";
import type { AuthenticationRoutesOptions } from "../authentication/route-context.ts";
import { authenticationRoutes } from "../authentication/routes.ts";
import { postgresSignInThrottle } from "../authentication/sign-in-throttle-postgres.ts";
import { memorySignInThrottle } from "../authentication/sign-in-throttle-store.ts";
import { signInThrottle, type SignInThrottleOptions } from "../authentication/sign-in-throttle.ts";
import { memoryTotp, postgresTotp } from "../authentication/totp-store.ts";
import { totp } from "../authentication/totp.ts";
import type { UserId } from "../core/brand.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { User } from "../core/principal.ts";
import { fieldEncryption } from "../data/field-encryption.ts";
import type { Destination } from "../network/egress-allowlist.ts";
import type { Rates } from "../network/rate-limit-tier.ts";
import { rateLimit } from "../network/rate-limit.ts";
import type { Accounts, AccountsGround, AccountSystem } from "./account-system.ts";
import { TOTP_COLUMN } from "./account-secrets.ts";
import { authenticationPages } from "./authentication-pages.ts";
import { outboxPage } from "./outbox-page.ts";
import { withControls } from "./with-controls.ts";

export { rotateAccountSecrets } from "./account-secrets.ts";
export type { Accounts, AccountSystem } from "./account-system.ts";

type BreachedFetch = BreachedPasswordRangeOptions["fetch"];
type FlowParts = Pick<
  AuthenticationFlowOptions,
  "application" | "identities" | "words" | "paths" | "deletionGraceDays"
>;
type RouteParts = Pick<AuthenticationRoutesOptions, "render" | "home" | "profile" | "without">;

export interface AccountsOptions extends FlowParts, RouteParts {
  /** What the product is called: on pages, in mails and in authenticator apps. */
  readonly name: string;
  /** `smtpMail()`. While developing, mail goes to the folder `.outbox` and is shown at `/outbox` unless you say otherwise; production needs it. */
  readonly mail?: MailTransport;
  readonly passwords?: Omit<PasswordHashingOptions, "pepper" | "onEvent">;
  /** The product's name is among the words that no password may be. */
  readonly policy?: Omit<PasswordPolicyOptions, "report">;
  /** Asks `api.pwnedpasswords.com` for passwords known from breaches, by five digits of a hash. Without it, or a source of your own, that is a finding. */
  readonly breachedPasswords?: boolean;
  /** The guide's lockout is `{ account: { failures: 5, minutes: 15 } }`. */
  readonly throttle?: Partial<Omit<SignInThrottleOptions, "keys" | "report">>;
  /**
   * Keys for programs, if there are any. Unless you give `standing`, a key is good while its owner's account is, while he belongs to the key's tenant,
   * and while his roles still grant its scopes.
   */
  readonly apiKeys?: Omit<ApiKeysOptions, "store" | "report">;
  /** How often one address may ask for what makes a hash or a mail. 20 an hour. */
  readonly strangers?: Rates;
}

const OPTIONS: readonly (keyof AccountsOptions)[] = [
  "name",
  "application",
  "mail",
  "identities",
  "passwords",
  "policy",
  "breachedPasswords",
  "throttle",
  "apiKeys",
  "strangers",
  "words",
  "paths",
  "deletionGraceDays",
  "render",
  "home",
  "profile",
  "without",
];
const BREACHED: Destination = {
  host: "api.pwnedpasswords.com",
  purpose: "passwords known from breaches",
  data: ["internal"],
};
const OUTBOX_FOLDER = ".outbox";

/**
 * The whole account system as one option: Argon2id with a pepper of the key ring, the NIST policy, the throttle, authenticator apps, passkeys, recovery
 * codes, every flow with its mails, and the routes and pages of all that, the same under Express, Fastify and Hono. Apply `libraryMigration()`.
 *
 * @throws TypeError on an unknown option, and in `saas()` when production has no mail.
 * @example
 * const layers = saas({ origin, keys, database: pool, accounts: accounts({ name: "Folio", application, mail: smtpMail({ url, from }) }) });
 * export const security = glacis(layers);
 * const worker = layers.accounts.flows.worker.start();
 */
export function accounts(options: AccountsOptions): AccountSystem {
  rejectUnknownOptions("accounts", options, OPTIONS);
  return {
    prepare(ground) {
      const factors = factorsOf(options, ground);
      const { passkeys: keysOfPeople, ...others } = factors;
      const authenticators = { ...others, ...(keysOfPeople && { passkeys: keysOfPeople }) };
      const enrolled = enrolledFactors(authenticators);
      let flows: AuthenticationFlows | undefined;
      const programs = apiKeysOf(options, ground, () => flows);
      return {
        enrolled,
        bearer: programs === undefined ? [] : [programs],
        // Somebody who is of another tenant by now is nobody in this one.
        async membership({ userId, tenantId }) {
          const found = await options.application.membership(userId);
          return found?.tenantId === tenantId ? found : undefined;
        },
        outbound: options.breachedPasswords === true ? [BREACHED] : [],
        mount(layers) {
          const { mail, outbox } = mailOf(options, ground);
          const { sessions, outbound } = layers;
          flows = flowsOf(options, ground, { sessions, authenticators, mail, apiKeys: programs }, outbound.fetch);
          const endpoints = [
            ...layers.endpoints,
            ...routesOf(options, ground, flows, layers.csrf),
            ...(outbox === undefined ? [] : outboxPage({ outbox, mode: ground.mode })),
          ];
          const people: Accounts = { flows, ...factors, apiKeys: programs, enrolled };
          return { ...withControls({ ...layers, endpoints }, ...flows.controls), accounts: people };
        },
      };
    },
  };
}

type Factors = Pick<Accounts, "totp" | "recoveryCodes" | "passkeys">;

function factorsOf({ name }: AccountsOptions, { origin, keys, database, report }: AccountsGround): Factors {
  const sealer = fieldEncryption({ keys, report }).column(TOTP_COLUMN);
  return {
    totp: totp({ issuer: name, store: database ? postgresTotp(database) : memoryTotp(), sealer, report }),
    recoveryCodes: recoveryCodes({
      store: database ? postgresRecoveryCodes(database) : memoryRecoveryCodes(),
      report,
    }),
    passkeys: /[a-z]$/u.test(new URL(origin).hostname)
      ? passkeys({ name, origins: [origin], store: database ? postgresPasskeys(database) : memoryPasskeys(), report })
      : undefined,
  };
}

function flowsOf(
  options: AccountsOptions,
  { origin, keys, database, report }: AccountsGround,
  parts: Pick<AuthenticationFlowOptions, "sessions" | "mail" | "authenticators"> & {
    readonly apiKeys: ApiKeys | undefined;
  },
  fetch: BreachedFetch,
): AuthenticationFlows {
  const { name, application, passwords, throttle, words, paths, deletionGraceDays, identities } = options;
  const { apiKeys: programs, ...given } = parts;
  const policy = {
    ...(options.breachedPasswords === true && { breached: breachedPasswordRange({ fetch }) }),
    ...options.policy,
  };
  const store = database ? postgresSignInThrottle({ database }) : memorySignInThrottle();
  return authenticationFlows({
    ...given,
    origin,
    name,
    store: database ? postgresAuthentication(database) : memoryAuthentication(),
    passwords: passwordHashing({ ...passwords, pepper: keys, onEvent: report }),
    policy: passwordPolicy({ ...policy, words: [name, ...(policy.words ?? [])], report }),
    throttle: signInThrottle({ store, ...throttle, keys, report }),
    application,
    report,
    ...(programs && { apiKeys: programs }),
    ...(identities && { identities }),
    ...(words && { words }),
    ...(paths && { paths }),
    ...(deletionGraceDays !== undefined && { deletionGraceDays }),
  });
}

function routesOf(
  { name, render = authenticationPages({ name }), home, profile, without, strangers = "20/h" }: AccountsOptions,
  { limitStore }: AccountsGround,
  flows: AuthenticationFlows,
  csrf: AuthenticationRoutesOptions["csrf"],
): ReturnType<typeof authenticationRoutes> {
  return authenticationRoutes(flows, {
    csrf,
    render,
    limits: [rateLimit({ name: "accounts", rates: strangers, by: "client", methods: ["POST"], store: limitStore })],
    ...(home !== undefined && { home }),
    ...(profile && { profile }),
    ...(without && { without }),
  });
}

function mailOf(
  { mail }: AccountsOptions,
  { mode }: AccountsGround,
): { readonly mail: MailTransport; readonly outbox?: OutboxMail } {
  if (mail !== undefined) return { mail };
  if (mode === "production")
    throw new TypeError(
      "saas({ accounts }) needs mail in production: nobody signs up or chooses a new password without it. Pass accounts({ mail: smtpMail({ url, from }) }).",
    );
  const outbox = outboxMail({ folder: OUTBOX_FOLDER });
  return { mail: outbox, outbox };
}

function apiKeysOf(
  { application, apiKeys: options }: AccountsOptions,
  { database, report }: AccountsGround,
  flows: () => AuthenticationFlows | undefined,
): ApiKeys | undefined {
  if (options === undefined) return undefined;
  const standing = async (key: ApiKey): Promise<boolean> => {
    const [active, membership] = await Promise.all([
      flows()?.accountStatus.maySignIn(key.ownerId),
      application.membership(key.ownerId),
    ]);
    if (active !== true || membership?.tenantId !== key.tenantId) return false;
    const user: User = {
      kind: "user",
      id: key.ownerId as UserId,
      ...membership,
      tenantId: membership.tenantId as User["tenantId"],
      assurance: 1,
      authenticatedAtMs: 0,
    };
    const granted = new Set(options.grants(user));
    return key.scopes.every((scope) => granted.has(scope));
  };
  const signedIn = async (user: User): Promise<boolean> => (await flows()?.context.sessions.hasSession(user)) === true;
  const store = database ? postgresApiKeys(database) : memoryApiKeys();
  return apiKeys({ standing, signedIn, ...options, store, report });
}
