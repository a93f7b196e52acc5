/** What an administrator and a password reset do to an account's counters. */
import type { AuditEvent } from "../core/event.ts";
import {
  ATTEMPT_KINDS,
  MOST_FAILURES,
  MOST_FAILURES_OF_STRANGERS,
  type AttemptKind,
  type Lanes,
} from "./sign-in-throttle-lanes.ts";
import type { SignInThrottleStore } from "./sign-in-throttle-store.ts";

/** How one authenticator of an account stands. */
export interface AuthenticatorState {
  readonly kind: AttemptKind;
  /** Failures in a row, over all browsers. */
  readonly failures: number;
  /** `strangers`: only a known device may try. `everybody`: nothing but `unlock` helps. */
  readonly deadFor: "nobody" | "strangers" | "everybody";
  /** When a stranger may try again, in milliseconds of the store's clock; 0 for at once. */
  readonly opensAtMs: number;
}

export interface ThrottledAccount {
  /** Forgets the failures at an account: after a reset that was proved, or by an administrator. @param kind every kind unless you say which */
  unlock(account: string, kind?: AttemptKind): Promise<void>;
  /** The authenticators at which anybody failed. */
  state(account: string): Promise<readonly AuthenticatorState[]>;
  /** From now on no browser is a known device of the account, such as after its password was stolen. */
  forgetDevices(account: string): Promise<void>;
}

/** Runs a question to the store for a bounded time. @throws Refusal when there is no answer */
export type AskStore = <Answer>(work: () => Answer | Promise<Answer>) => Promise<Answer>;

export interface AccountsContext {
  readonly store: SignInThrottleStore;
  readonly lanes: Lanes;
  readonly ask: AskStore;
  readonly now: () => number;
  readonly report?: (event: AuditEvent) => void;
}

/** As long as any device cookie lives, and the skew of two clocks. */
const FLOOR_LIFE_MS = 366 * 86_400_000;

export function openAccounts(context: AccountsContext): ThrottledAccount & {
  /** Whether devices that signed in at that moment still count. */
  knowsDevicesOf(account: string, signedInAtMs: number): Promise<boolean>;
} {
  const { store, lanes, ask, now, report } = context;

  async function stateOf(account: string, kind: AttemptKind): Promise<AuthenticatorState> {
    const keys = lanes.accountKeys(account, kind);
    const [authenticators, accounts] = await Promise.all([
      ask(() => store.read(keys.authenticator)),
      ask(() => store.read(keys.account)),
    ]);
    const failures = Math.max(0, ...authenticators.map((state) => state?.failures ?? 0));
    const deadFor =
      failures >= MOST_FAILURES ? "everybody" : failures >= MOST_FAILURES_OF_STRANGERS ? "strangers" : "nobody";
    return { kind, failures, deadFor, opensAtMs: Math.max(0, ...accounts.map((state) => state?.opensMs ?? 0)) };
  }

  return {
    async unlock(account, kind) {
      const doomed = (kind === undefined ? ATTEMPT_KINDS : [kind]).flatMap((one) => {
        const keys = lanes.accountKeys(account, one);
        return [...keys.authenticator, ...keys.account];
      });
      const counted = await ask(() => store.read(doomed));
      await ask(() => store.settle(doomed.map((key) => ({ key }))));
      if (counted.every((state) => state === undefined || state.failures === 0)) return;
      report?.({
        event_type: "account",
        status: "succeeded",
        severity: "warning",
        event: "authn_login_unlock",
        control: "login-throttling",
        detail: kind ?? "every kind",
      });
    },
    async state(account) {
      const states = await Promise.all(ATTEMPT_KINDS.map(async (kind) => stateOf(account, kind)));
      return states.filter(({ failures, opensAtMs }) => failures > 0 || opensAtMs > 0);
    },
    async forgetDevices(account) {
      const nowMs = now();
      const floor = { failures: 1, opensMs: nowMs, untilMs: nowMs + FLOOR_LIFE_MS };
      await Promise.all(lanes.deviceFloorKeys(account).map(async (key) => ask(() => store.mark(key, floor))));
    },
    async knowsDevicesOf(account, signedInAtMs) {
      const floors = await ask(() => store.read(lanes.deviceFloorKeys(account)));
      return floors.every((floor) => floor === undefined || signedInAtMs > floor.opensMs);
    },
  };
}
