/** Recorded verdicts of another framework's lockout: whom it stops waits here too, and who gets in there gets in here. */
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import type { KeySource } from "../core/keys.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { memorySignInThrottle } from "./sign-in-throttle-store.ts";
import { signInThrottle } from "./sign-in-throttle.ts";

interface Step {
  readonly user: string;
  readonly pw?: string;
  readonly password?: string;
  readonly ip?: string;
  readonly t?: number;
  readonly times?: number;
  readonly result?: string;
  readonly status?: number;
  readonly location?: string;
}

interface Settings {
  readonly AXES_ENABLED?: boolean;
  readonly AXES_LOCK_OUT_AT_FAILURE?: boolean;
  readonly AXES_NEVER_LOCKOUT_WHITELIST?: boolean;
  readonly AXES_ONLY_WHITELIST?: boolean;
  readonly AXES_ONLY_ADMIN_SITE?: boolean;
  readonly AXES_RESET_ON_SUCCESS?: boolean;
  readonly AXES_LOCKOUT_TIERS?: readonly unknown[];
  readonly AXES_FAILURE_LIMIT?: number;
  readonly AXES_COOLOFF_TIME?: { readonly seconds?: number } | null;
  readonly AXES_LOCKOUT_PARAMETERS?: readonly (string | readonly string[])[];
}

interface Case {
  readonly id: string;
  readonly kind: string;
  readonly label?: string;
  readonly test?: string;
  readonly replay?: string;
  readonly settings?: Settings;
  readonly steps?: readonly Step[];
  readonly phases?: readonly { readonly settings: Settings; readonly steps: readonly Step[] }[];
}

type Verdict = "rejected" | "logged_in" | "locked_out";

const bytes = Uint8Array.from({ length: 32 }, (_, index) => index);
const keys: KeySource = {
  ids: ["k1"],
  derive: () => ({ current: { id: "k1", bytes }, all: [{ id: "k1", bytes }] }),
};
const START = Date.parse("2026-11-26T12:00:00Z");
const PLENTY = { failures: 10_000, minutes: 15 };

const cases = (loadVectors<Case>("axes")?.cases ?? []).filter(
  ({ kind, replay, phases }) =>
    kind === "auth_sequence" || (kind === "login_sequence" && replay === "self-contained" && phases?.length === 1),
);

function settingsOf(one: Case): Settings {
  return one.settings ?? one.phases?.[0]?.settings ?? {};
}

const stepsOf = (one: Case): readonly Step[] => one.steps ?? one.phases?.[0]?.steps ?? [];

interface Difference {
  readonly step: number;
  readonly there: Verdict;
  readonly here: Verdict;
}

function verdictOf(step: Step): Verdict {
  if (step.result !== undefined) return step.result as Verdict;
  return step.status === 200
    ? "rejected"
    : step.status === 302 && step.location === "/admin/"
      ? "logged_in"
      : "locked_out";
}

/** Plays a case with the limits that it sets, and returns where the verdicts of the last repetition of each step differ. */
async function play(one: Case): Promise<readonly Difference[]> {
  const { AXES_FAILURE_LIMIT: failures = 3, AXES_COOLOFF_TIME: cooloff, ...rest } = settingsOf(one);
  const { AXES_LOCKOUT_PARAMETERS: parameters = ["ip_address"] } = rest;
  const limit = { failures, minutes: Math.max(1, Math.ceil((cooloff?.seconds ?? 86_400) / 60)) };
  let nowMs = START;
  const now = (): number => nowMs;
  const names = new Set(parameters.flat());
  const throttle = signInThrottle({
    keys,
    store: memorySignInThrottle({ now }),
    now,
    // A combination is counted by the account alone, which is stricter.
    account: names.has("username") || !names.has("ip_address") ? limit : PLENTY,
    client: parameters.includes("ip_address") ? limit : PLENTY,
    network: PLENTY,
  });
  const differences: Difference[] = [];
  for (const [index, step] of stepsOf(one).entries()) {
    nowMs = Math.max(nowMs, START + (step.t ?? 0) * 1000);
    const exists = one.kind === "auth_sequence" || step.user.startsWith("valid-user");
    const right = exists && (step.pw ?? step.password) === "right";
    let verdict: Verdict = "rejected";
    for (let count = 0; count < (step.times ?? 1); count += 1) {
      const request = sketchExchange({ client: step.ip ?? "192.0.2.1", nowMs });
      const begun = await throttle.begin({ account: step.user.trim().toLowerCase(), request });
      if (begun.kind === "proceed") await (right ? begun.ticket.succeeded() : begun.ticket.failed());
      verdict = begun.kind === "wait" ? "locked_out" : right ? "logged_in" : "rejected";
    }
    const theirs = verdictOf(step);
    // There the last failure that is free is answered as a lockout already; here it is judged and the next one waits.
    if (verdict !== theirs && !(theirs === "locked_out" && verdict === "rejected"))
      differences.push({ step: index, there: theirs, here: verdict });
  }
  return differences;
}

interface Deviation {
  readonly why: string;
  readonly applies: (settings: Settings, steps: readonly Step[]) => boolean;
  /** Which way a verdict may differ: we stop whom they let through, or the other way round. */
  readonly way: "stricter" | "milder" | "either";
}

const spelt = ({ user }: Step): string => user.trim().toLowerCase();
const isWrong = ({ pw, password }: Step): boolean => (pw ?? password) !== "right";
/** How many accounts one client may fail on before it waits, whatever its own limit. */
const MOST_ACCOUNTS = 8;

/** Where we answer otherwise on purpose. A case may differ for each reason that applies to it, and only in that direction. */
const DEVIATIONS: readonly Deviation[] = [
  {
    why: "A user agent is what the client says it is: changing it opens nothing here, and sharing it closes nothing.",
    applies: ({ AXES_LOCKOUT_PARAMETERS: parameters = [] }) => parameters.flat().includes("user_agent"),
    way: "either",
  },
  {
    why: "A name and address together are counted by the name as well, so that turning the address evades nothing.",
    applies: ({ AXES_LOCKOUT_PARAMETERS: parameters = [] }) =>
      parameters.some((one) => Array.isArray(one) && one.includes("username")),
    way: "stricter",
  },
  {
    why: "A client that failed on eight accounts waits before its own limit is reached.",
    applies: (_, steps) => new Set(steps.filter(isWrong).map(spelt)).size >= MOST_ACCOUNTS,
    way: "stricter",
  },
  {
    why: "There is no way to leave attempts uncounted.",
    applies: (settings) =>
      settings.AXES_ENABLED === false ||
      settings.AXES_LOCK_OUT_AT_FAILURE === false ||
      settings.AXES_NEVER_LOCKOUT_WHITELIST === true ||
      settings.AXES_ONLY_WHITELIST === true ||
      settings.AXES_ONLY_ADMIN_SITE === true,
    way: "stricter",
  },
  {
    why: "A success gives an address its own attempt back and no other, or an own account would clear an attacker's count.",
    applies: ({ AXES_RESET_ON_SUCCESS: resets }) => resets === true,
    way: "stricter",
  },
  {
    why: "Spellings of one name are one account.",
    applies: (_, steps) => new Set(steps.map(({ user }) => user)).size > new Set(steps.map(spelt)).size,
    way: "stricter",
  },
  {
    why: "An attempt that is refused extends nothing, or anybody could keep an account closed; and a wait of 600 seconds is over after 600 seconds.",
    applies: ({ AXES_COOLOFF_TIME: cooloff }, steps) => {
      const seconds = cooloff?.seconds;
      const begun = steps.find((step) => verdictOf(step) === "locked_out")?.t;
      return seconds !== undefined && begun !== undefined && steps.some(({ t = 0 }) => t >= begun + seconds);
    },
    way: "milder",
  },
  {
    why: "A wait ends. What never ends here is the cap of a hundred failures in a row.",
    applies: ({ AXES_LOCKOUT_TIERS: tiers, AXES_COOLOFF_TIME: cooloff }) =>
      tiers !== undefined && (cooloff === undefined || cooloff === null),
    way: "milder",
  },
];

const deviationsOf = (one: Case): readonly Deviation[] =>
  DEVIATIONS.filter(({ applies }) => applies(settingsOf(one), stepsOf(one)));

/** @returns what no reason of ours allows */
async function unexplained(one: Case): Promise<readonly string[]> {
  const ways = new Set(deviationsOf(one).map(({ way }) => way));
  return (await play(one))
    .filter(({ here }) => !ways.has("either") && !ways.has(here === "locked_out" ? "stricter" : "milder"))
    .map(({ step, here, there }) => `step ${step}: ${there} there, ${here} here`);
}

describe.skipIf(cases.length === 0)("signInThrottle, by recorded cases", () => {
  it.each(cases.map((one) => [one.id, one.label ?? one.test ?? "", one] as const))(
    "agrees about %s (%s), or differs in the direction that a reason of ours gives",
    async (_, __, one) => expect(await unexplained(one)).toEqual([]),
  );

  it.each(DEVIATIONS)("still differs somewhere, because: $why", async (deviation) => {
    const concerned = cases.filter((one) => deviationsOf(one).includes(deviation));
    const differences = await Promise.all(concerned.map(async (one) => play(one)));
    expect(differences.flat()).not.toEqual([]);
  });
});
