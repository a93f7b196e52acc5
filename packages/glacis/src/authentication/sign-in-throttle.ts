/** Attempts at a credential, counted before they are judged (NIST SP 800-63B-4 section 3.2.2; catalog login-throttling; guide A04 and A07). */
import { auditEvent } from "../core/event-entry.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import { deny, type Deny } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import type { AuditEvent } from "../core/event.ts";
import type { RequestFacts } from "../core/facts.ts";
import { finding, type Rule } from "../core/finding.ts";
import type { KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { controlFailed } from "../core/pipeline.ts";
import { limitKey } from "../primitives/ip.ts";
import { stuffingDetector, type ObservedAttempt, type StuffingDetector } from "./credential-stuffing-detection.ts";
import { deviceCookie, lockoutResistance, type DeviceCookie } from "./device-cookie.ts";
import type { Responding } from "./session-cookies.ts";
import { openAccounts, type AskStore, type ThrottledAccount } from "./sign-in-throttle-accounts.ts";
import {
  ATTEMPT_KINDS,
  LONGEST_WAIT_MS,
  networkOf,
  settlementsOf,
  throttleLanes,
  type AttemptKind,
  type AttemptLimit,
  type LaneCounter,
  type ThrottleScope,
} from "./sign-in-throttle-lanes.ts";
import type { SignInThrottleStore } from "./sign-in-throttle-store.ts";

const META: ControlMeta = {
  id: "login-throttling",
  title: "Layered throttling of every credential check",
  layer: "authentication",
  guide: ["A04", "A07", "checklist: Rate limiting on authentication endpoints"],
  owasp2021: ["A07", "A04"],
  owasp2025: ["A07", "A06"],
  asvs: ["v5.0.0-2.4.1", "v5.0.0-6.1.1", "v5.0.0-6.3.1", "v5.0.0-6.6.3"],
  cwe: ["CWE-307", "CWE-799"],
};

export const LOGIN_THROTTLING_MEMORY_STORE: Rule = {
  id: "login-throttling/memory-store",
  severity: "warning",
  what: "Sign-in attempts are counted in the memory of one process.",
  why: "Each process gives an attacker all of the guesses again, and a restart forgets how many there were.",
  fix: "Pass postgresSignInThrottle({ database: pool }) or redisSignInThrottle({ client }).",
};

export const LOGIN_THROTTLING_LOOSE: Rule = {
  id: "login-throttling/loose-limit",
  severity: "warning",
  what: "An account may be guessed at more often than ten times before anybody has to wait, or the wait is shorter than a minute's worth for each guess.",
  why: "The commonest passwords are few: what is free to the owner's typing is free to the attacker's list.",
  fix: "Leave `account` out for 5 free attempts and waits that double, or choose up to 10 failures and at least a minute for each.",
};

const FEWEST_FREE_FOR_FINDING = 10;
/** Longer than any healthy round trip; a store that is slower is down. */
const STORE_TIMEOUT_MS = 2000;
const MINUTE_MS = 60_000;
const MOST_FAILURES_OPTION = 10_000;
const MOST_MINUTES = 24 * 60;
const CLIENT_LIMIT: AttemptLimit = { failures: 30, minutes: 15 };
const NETWORK_LIMIT: AttemptLimit = { failures: 100, minutes: 15 };

export interface SignInThrottleOptions {
  /** Names in the store are keyed hashes, and device cookies are signed. */
  readonly keys: KeySource;
  readonly store: SignInThrottleStore;
  /** Where refusals and attacks are told: `security.report`. */
  readonly report?: (event: AuditEvent) => void;
  /**
   * Strangers' failures at one account. Left out, five are free, the sixth waits 30 seconds, each further one twice as long, up to an hour. The
   * guide's lockout is `{ failures: 5, minutes: 15 }`.
   */
  readonly account?: AttemptLimit;
  /** Failures of one address (IPv6: /64), over all accounts. 30 in 15 minutes. */
  readonly client?: AttemptLimit;
  /** Failures of one network (/24; IPv6: /48), over all accounts. 100 in 15 minutes. */
  readonly network?: AttemptLimit;
  /** The clock of device cookies and detectors, in milliseconds; counters go by the store's. `Date.now`. */
  readonly now?: () => number;
}

export interface SignInAttempt {
  /** The canonical identifier, whether anybody has it or not; what cannot be one counts as it was typed. */
  readonly account: string;
  readonly request: RequestFacts;
  /** `password` unless you say otherwise. */
  readonly kind?: AttemptKind;
  /** The password as it was typed, so that one password tried on many accounts is seen. It is compared by a keyed hash and kept nowhere. */
  readonly secret?: string;
  /** A device cookie that came another way than as the cookie. */
  readonly device?: string;
}

/** An attempt that may begin. It is counted already: whatever happens to it now, only `succeeded` takes it back. */
export interface AttemptTicket {
  /** The credential was right. The authenticator's failures are forgotten; an address gets back this one attempt and no other. */
  succeeded(): Promise<void>;
  /** The credential was wrong. The count stands; the detectors hear of it. */
  failed(): Promise<void>;
}

export type AttemptVerdict =
  | { readonly kind: "proceed"; readonly ticket: AttemptTicket }
  | {
      readonly kind: "wait";
      readonly retryAfterSeconds: number;
      readonly scope: ThrottleScope;
      /** 429 with Retry-After, to be thrown in a `Refusal`. Its event is reported already. */
      readonly decision: Deny;
    };

export interface SignInThrottle extends ThrottledAccount {
  /** `login-throttling`, `lockout-dos-resistance` and `credential-stuffing-detection`. */
  readonly controls: readonly Control[];
  /**
   * Counts an attempt, before anything is looked up or hashed, or says how long to wait. One step of the store, so that of a thousand guesses at
   * once no more begin than one after another.
   *
   * @throws Refusal with 503 `control_failed` when the store does not count; the pipeline logs it.
   */
  begin(attempt: SignInAttempt): Promise<AttemptVerdict>;
  /** Makes the browser of a complete sign-in a known device of the account for a year. */
  remember(request: Responding, account: string): void;
  readonly deviceCookie: DeviceCookie;
  /** A keyed hash of what somebody typed as their account: the same for the same text, and nobody else can compute it. For the log. */
  loginHash(account: string): string;
  /** Far more attempts fail than usual: the moment to ask strangers for a challenge. Less is free to them as it is. */
  readonly elevated: boolean;
}

/**
 * Throttles every check of a credential by account, address, network, the pair of both, and authenticator. A browser that signed in before has
 * a counter of its own that no stranger can spend. After 100 failures in a row the authenticator is dead until `unlock`, which a password reset
 * calls too; 90 of them are all that strangers have.
 *
 * @throws TypeError on an unknown option or an impossible limit.
 * @example
 * const throttle = signInThrottle({ keys, store: postgresSignInThrottle({ database: pool }), report: security.report });
 * const verdict = await throttle.begin({ account: email, request, secret: password });
 * if (verdict.kind === "wait") throw new Refusal(verdict.decision);
 * await ((await isRight(password)) ? verdict.ticket.succeeded() : verdict.ticket.failed());
 */
export function signInThrottle(options: SignInThrottleOptions): SignInThrottle {
  rejectUnknownOptions("signInThrottle", options, ["keys", "store", "report", "account", "client", "network", "now"]);
  const { keys, store, report, account, client = CLIENT_LIMIT, network = NETWORK_LIMIT, now = Date.now } = options;
  for (const [name, limit] of Object.entries({ account, client, network })) requireLimit(name, limit);
  const lanes = throttleLanes(keys, { account, client, network });
  const cookie = deviceCookie(keys);
  const detector = stuffingDetector(report, now);
  const ask: AskStore = bounded;
  const accounts = openAccounts({ store, lanes, ask, now, ...(report !== undefined && { report }) });
  const longestWaitMs = account === undefined ? LONGEST_WAIT_MS : account.minutes * MINUTE_MS;

  async function deviceOf(attempt: SignInAttempt): Promise<string | undefined> {
    const value = attempt.device ?? attempt.request.cookies.get(cookie.name);
    const known = cookie.recognize(value, attempt.account, now());
    return known !== undefined && (await accounts.knowsDevicesOf(attempt.account, known.signedInAtMs))
      ? known.id
      : undefined;
  }

  return {
    controls: [throttling(store, account), lockoutResistance(longestWaitMs), detector.control],
    deviceCookie: cookie,
    loginHash: (who) => lanes.pseudonym(who),
    get elevated() {
      return detector.elevated;
    },
    remember: (request, who) => request.addResponseHeaders([cookie.set(cookie.mint(who, now()))]),
    unlock: async (who, kind) => accounts.unlock(who, kind),
    state: async (who) => accounts.state(who),
    forgetDevices: async (who) => accounts.forgetDevices(who),
    async begin(attempt) {
      const { account: who, request, kind = "password", secret } = attempt;
      if (typeof who !== "string") throw new TypeError("An attempt needs its account as text.");
      if (!ATTEMPT_KINDS.includes(kind)) throw new TypeError(`An attempt is one of ${ATTEMPT_KINDS.join(", ")}.`);
      const address = limitKey(request.client);
      const subject = { account: who, kind, client: address, network: networkOf(request.client) };
      const observed: ObservedAttempt = {
        account: lanes.pseudonym(who),
        client: address,
        network: subject.network,
        secret: kind === "password" && secret ? detector.fingerprint(secret) : undefined,
      };
      const device = await deviceOf(attempt);
      const objection = device === undefined ? detector.objection(observed) : undefined;
      if (objection !== undefined) return wait(objection, observed, kind, report);
      const counters = lanes.counters({ ...subject, device }, detector.elevated);
      const attempted = await ask(() => store.attempt(counters));
      if (attempted.kind === "refused") {
        const { scope } = counters[attempted.counter] as LaneCounter;
        return wait({ scope, waitMs: attempted.waitMs }, observed, kind, report);
      }
      const settle = async (): Promise<void> => ask(() => store.settle(settlementsOf(counters, attempted.untilMs)));
      return { kind: "proceed", ticket: ticketOf(settle, observed, detector) };
    },
  };
}

async function bounded<Answer>(work: () => Answer | Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${STORE_TIMEOUT_MS} ms.`)), STORE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    throw new Refusal(controlFailed(META.id, error));
  } finally {
    clearTimeout(timer);
  }
}

function ticketOf(settle: () => Promise<void>, observed: ObservedAttempt, detector: StuffingDetector): AttemptTicket {
  let open = true;
  const closed = (): boolean => {
    const before = open;
    open = false;
    return !before;
  };
  return {
    async succeeded() {
      if (closed()) return;
      await settle();
      detector.observe(observed, true);
    },
    async failed() {
      if (closed()) return;
      detector.observe(observed, false);
    },
  };
}

function wait(
  { scope, waitMs }: { readonly scope: ThrottleScope; readonly waitMs: number },
  { account }: ObservedAttempt,
  kind: AttemptKind,
  report: SignInThrottleOptions["report"],
): AttemptVerdict {
  const dead = waitMs < 0;
  // Waiting does not bring a dead authenticator back; the answer is that of a long wait, because the client need not know more.
  const retryAfterSeconds = Math.max(1, Math.ceil((dead ? LONGEST_WAIT_MS : waitMs) / 1000));
  const about = { control: META.id, reason: "rate_limited", detail: `${kind} ${scope}` } as const;
  const event = auditEvent(`authentication/${dead ? "authn_login_lock" : "authn_login_fail_max"}/refused`, {
    ...about,
    login_hash: account,
  });
  report?.(event);
  const denial = deny("rate_limited", event, {
    headers: [["retry-after", String(retryAfterSeconds)]],
    why: `Too many failed attempts (${scope}); the next one may begin in ${retryAfterSeconds} s.`,
    fix: "Wait, sign in on a device that is known, or let throttle.unlock() forget the failures.",
  });
  return { kind: "wait", retryAfterSeconds, scope, decision: { ...denial, events: [] } };
}

function throttling(store: SignInThrottleStore, account: AttemptLimit | undefined): Control {
  const loose =
    account !== undefined && (account.failures > FEWEST_FREE_FOR_FINDING || account.minutes < account.failures);
  return {
    meta: META,
    rules: [LOGIN_THROTTLING_MEMORY_STORE, LOGIN_THROTTLING_LOOSE],
    check: ({ mode }) => [
      ...(store.kind === "memory" && mode === "production"
        ? [finding(LOGIN_THROTTLING_MEMORY_STORE, { kind: "setting", name: "signInThrottle.store" })]
        : []),
      ...(loose ? [finding(LOGIN_THROTTLING_LOOSE, { kind: "setting", name: "signInThrottle.account" })] : []),
    ],
  };
}

function requireLimit(name: string, limit: AttemptLimit | undefined): void {
  if (limit === undefined) return;
  rejectUnknownOptions(`signInThrottle.${name}`, limit, ["failures", "minutes"]);
  const whole = (value: number, most: number): boolean => Number.isSafeInteger(value) && value >= 1 && value <= most;
  if (whole(limit.failures, MOST_FAILURES_OPTION) && whole(limit.minutes, MOST_MINUTES)) return;
  throw new TypeError(
    `signInThrottle() needs ${name} as { failures, minutes }: whole numbers, minutes up to ${MOST_MINUTES}.`,
  );
}
