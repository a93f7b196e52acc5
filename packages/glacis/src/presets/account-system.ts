/** What `saas()` asks of an account system, without loading one. */
import type { ApiKeys } from "../authentication/api-keys.ts";
import type { BearerCredential } from "../authentication/bearer-credential.ts";
import type { Csrf } from "../authentication/csrf.ts";
import type { AuthenticationDatabase } from "../authentication/database.ts";
import type { AuthenticationFlows } from "../authentication/flows.ts";
import type { MfaOptions } from "../authentication/mfa-required.ts";
import type { Passkeys } from "../authentication/passkeys.ts";
import type { RecoveryCodes } from "../authentication/recovery-codes.ts";
import type { ReadMembership } from "../authentication/session-recognition.ts";
import type { Sessions } from "../authentication/session.ts";
import type { Totp } from "../authentication/totp.ts";
import type { Mode } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import type { KeySource } from "../core/keys.ts";
import type { Layers } from "../core/security.ts";
import type { EgressAllowlist, EgressAllowlistOptions } from "../network/egress-allowlist.ts";
import type { RateLimitStore } from "../network/rate-limit-store.ts";

/** What the preset knows already. */
export interface AccountsGround {
  readonly origin: string;
  readonly keys: KeySource;
  readonly mode: Mode;
  readonly database: AuthenticationDatabase | undefined;
  readonly limitStore: RateLimitStore;
  readonly report: (event: AuditEvent) => void;
}

/** The accounts of a composition, for its handlers. */
export interface Accounts {
  /** Every way in and every change, without HTTP. Start `flows.worker` in one process at least: nothing is mailed without it. */
  readonly flows: AuthenticationFlows;
  readonly totp: Totp;
  readonly recoveryCodes: RecoveryCodes;
  /** Undefined where the origin is an address: browsers have passkeys for names alone. */
  readonly passkeys: Passkeys | undefined;
  readonly apiKeys: ApiKeys | undefined;
  /** The second factors that somebody has. */
  readonly enrolled: NonNullable<MfaOptions["enrolled"]>;
}

/** Made by `accounts()`, taken by `saas({ accounts })`. */
export interface AccountSystem {
  prepare(ground: AccountsGround): PreparedAccounts;
}

interface Mountable extends Layers {
  readonly sessions: Sessions;
  readonly csrf: Csrf;
  readonly outbound: Pick<EgressAllowlist, "fetch">;
}

/** The parts that sessions need before there are sessions, and the rest once there are. */
export interface PreparedAccounts {
  readonly enrolled: Accounts["enrolled"];
  readonly bearer: readonly BearerCredential[];
  /** A user's roles now, from the application. */
  readonly membership: ReadMembership;
  /** Where the accounts connect to. */
  readonly outbound: EgressAllowlistOptions["allow"];
  mount<Composition extends Mountable>(layers: Composition): Composition & { readonly accounts: Accounts };
}
