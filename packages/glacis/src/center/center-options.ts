import type { ActorScores } from "../audit/actor-score.ts";
import type { AlarmEngine } from "../audit/alarm-engine.ts";
import type { AuditChain } from "../audit/audit-chain.ts";
import type { Csrf } from "../authentication/csrf.ts";
import type { Sessions } from "../authentication/session.ts";
import type { SignInThrottle } from "../authentication/sign-in-throttle.ts";
import type { Deployment } from "../core/control.ts";
import type { KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { AssuranceLevel, User } from "../core/principal.ts";
import type { Security } from "../core/security.ts";
import type { EventArchive } from "./event-archive.ts";

/** How much a person sees: the events and accounts of the own tenant, or everything that this deployment has. */
export type Reach = "tenant" | "deployment";

/** An account as the application knows it. */
export interface CenterAccount {
  readonly userId: string;
  /** What people sign in with, as the throttle counts it: an e-mail address. */
  readonly identifier: string;
  readonly name?: string;
  readonly roles?: readonly string[];
}

/** The application's accounts. It returns nobody whom this administrator may not manage; the Security Center asks it before every action. */
export interface AccountDirectory {
  /** Accounts whose name or identifier contains a text, all of them for an empty one. The first 50 are shown. */
  find(text: string, administrator: User): Promise<readonly CenterAccount[]>;
  get(userId: string, administrator: User): Promise<CenterAccount | undefined>;
}

export interface SecurityCenterOptions {
  readonly archive: EventArchive;
  readonly csrf: Pick<Csrf, "token">;
  /** The composed security; a function, because it is composed with what this returns. */
  readonly security: () => Security;
  /** The environment that findings are judged in; `currentDeployment`. */
  readonly deployment?: () => Deployment;
  readonly sessions?: Pick<Sessions, "list" | "revoke" | "revokeOne">;
  readonly throttle?: Pick<SignInThrottle, "state" | "unlock">;
  readonly accounts?: AccountDirectory;
  /** `layers.watch.alarms` of `saas({ alarms })`. */
  readonly alarms?: Pick<AlarmEngine, "status" | "options" | "tryReceivers"> | undefined;
  /** `layers.watch.actors` of `saas()`: whom his attacks have caught up with. */
  readonly actors?: Pick<ActorScores, "standing" | "release" | "response">;
  /** `layers.watch.chain` of `saas({ auditLog })`. */
  readonly chain?: Pick<AuditChain, "state" | "verify"> | undefined;
  /** The master keys: their ids and what they are used for, never a key. */
  readonly keys?: Pick<KeySource, "ids" | "purposes">;
  /** When keys came into use, by id, such as `{ k1: "2026-03-01" }`. */
  readonly keyDates?: Readonly<Record<string, string>>;
  /** Where it is mounted: one or two plain steps. `/security`. */
  readonly prefix?: string;
  /** Who may come in. `owner` and `admin`. */
  readonly roles?: readonly string[];
  /** What they see. The own tenant alone unless you say otherwise: whoever sees the deployment sees every tenant. */
  readonly reach?: Reach | ((user: User) => Reach);
  /** The assurance level of the session. 2; with 1, whoever learns an administrator's password sees all of it. */
  readonly level?: AssuranceLevel;
  /** How long ago the last proof may be for a look, in seconds. Half an hour; actions ask for ten minutes at most. */
  readonly maxAgeSeconds?: number;
  /** Pages that a stranger, and a user without a fresh proof, is sent to. Without them they get the refusal. */
  readonly signInPage?: string;
  readonly confirmPage?: string;
  /** The application's own first page, such as `/documents`: the way back. */
  readonly homePage?: string;
  /** The application's name, above the navigation. */
  readonly name?: string;
}

const NAMES: readonly (keyof SecurityCenterOptions)[] = [
  "archive",
  "csrf",
  "security",
  "deployment",
  "sessions",
  "throttle",
  "accounts",
  "alarms",
  "actors",
  "chain",
  "keys",
  "keyDates",
  "prefix",
  "roles",
  "reach",
  "level",
  "maxAgeSeconds",
  "signInPage",
  "confirmPage",
  "homePage",
  "name",
];

const PREFIX = /^\/[a-z0-9][a-z0-9-]*(?:\/[a-z0-9][a-z0-9-]*)?$/u;
const HALF_AN_HOUR = 1800;

/** The options with their defaults. */
export interface CenterSettings extends SecurityCenterOptions {
  readonly prefix: string;
  readonly roles: readonly string[];
  readonly level: AssuranceLevel;
  readonly maxAgeSeconds: number;
  readonly name: string;
  readonly reachOf: (user: User) => Reach;
}

/** @throws TypeError on an unknown option, or a prefix that is no plain path */
export function settingsOf(options: SecurityCenterOptions): CenterSettings {
  rejectUnknownOptions("securityCenter", options, NAMES);
  const { prefix = "/security", roles = ["owner", "admin"], level = 2, reach = "tenant" } = options;
  const { maxAgeSeconds = HALF_AN_HOUR, name = "Glacis" } = options;
  if (!PREFIX.test(prefix))
    throw new TypeError('securityCenter() needs prefix as one or two plain steps, such as "/admin/security".');
  if (options.homePage !== undefined && !/^\/(?:[\w-]+(?:\/[\w-]+)*)?$/u.test(options.homePage))
    throw new TypeError('securityCenter() needs homePage as a plain path, such as "/documents".');
  if (typeof reach !== "function" && reach !== "tenant" && reach !== "deployment")
    throw new TypeError('securityCenter() needs reach as "tenant", "deployment", or a function that says which.');
  const reachOf = (user: User): Reach => {
    const answer = typeof reach === "function" ? reach(user) : reach;
    // Whatever else a function of the application returns is the narrower one.
    return answer === "deployment" ? "deployment" : "tenant";
  };
  return { ...options, prefix, roles, level, maxAgeSeconds, name, reachOf };
}
