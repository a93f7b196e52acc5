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

function verdictOf(step: Step): Verdict {
  if (step.result !== undefined) return step.result as Verdict;
  return step.status === 200
    ? "rejected"
    : step.status === 302 && step.location === "/admin/"
      ? "logged_in"
      : "locked_out";
}

/** Plays a case with the limits that it sets, and returns where the verdicts of the last repetition of each step differ. */
async function play(one: Case): Promise<readonly string[]> {
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
  const differences: string[] = [];
  for (const [index, step] of (one.steps ?? one.phases?.[0]?.steps ?? []).entries()) {
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
      differences.push(`step ${index}: ${theirs} there, ${verdict} here`);
  }
  return differences;
}

const AGENT =
  "A user agent is what the client says it is: changing it opens nothing here, and sharing it closes nothing.";
const PAIR = "A name and address together are counted by the name as well, so that turning the address evades nothing.";
const ACCOUNTS = "A client that failed on eight accounts waits before its own limit is reached.";
const OFF = "There is no way to leave attempts uncounted.";
const OWN_ATTEMPT =
  "A success gives an address its own attempt back and no other, or an own account would clear an attacker's count.";
const EXTENDS = "An attempt that is refused extends nothing, or anybody could keep an account closed.";

/** Why a case goes another way here. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  "axes-008": AGENT,
  "axes-013": AGENT,
  "axes-064": AGENT,
  "axes-066": AGENT,
  "axes-045": ACCOUNTS,
  "axes-046": ACCOUNTS,
  "axes-050": ACCOUNTS,
  "axes-051": ACCOUNTS,
  "axes-101": ACCOUNTS,
  "axes-076": PAIR,
  "axes-077": PAIR,
  "axes-121": PAIR,
  "axes-135": PAIR,
  "axes-136": PAIR,
  "axes-104": OFF,
  "axes-109": OFF,
  "axes-129": OFF,
  "axes-161": OFF,
  "axes-164": OFF,
  "axes-123": "Spellings of one name are one account.",
  "axes-127": OWN_ATTEMPT,
  "axes-128": OWN_ATTEMPT,
  "axes-142": OWN_ATTEMPT,
  "axes-143": OWN_ATTEMPT,
  "axes-148": "A wait of 600 seconds is over after 600 seconds; there the last moment refuses without a lock.",
  "axes-149": EXTENDS,
  "axes-150": EXTENDS,
  "axes-158": "A wait ends. What never ends here is the cap of a hundred failures in a row.",
};

describe.skipIf(cases.length === 0)("signInThrottle, by recorded cases", () => {
  it.each(cases.map((one) => [one.id, one.label ?? one.test ?? "", one] as const))(
    "agrees about %s (%s), or says why not",
    async (id, _, one) => {
      const differences = await play(one);
      if (DIFFERENCES[id] === undefined) expect(differences).toEqual([]);
      else expect(differences, DIFFERENCES[id]).not.toEqual([]);
    },
  );
});
