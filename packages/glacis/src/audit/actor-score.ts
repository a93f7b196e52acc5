/** Points for attacks, by actor: a hundred within ten minutes slow it down, two hundred shut it out for a quarter of an hour (catalog intrusion-detection). */
import type { Control } from "../core/control.ts";
import { ALLOW, deny, type Decision } from "../core/decision.ts";
import { auditEvent } from "../core/event-entry.ts";
import type { AuditEvent, AuditSink } from "../core/event.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { contextOf } from "../core/report.ts";
import { addressScope, addressSet, limitKey, parseAddress, type AddressSet } from "../primitives/ip.ts";
import { pendingActs, type Act } from "./actor-act.ts";
import {
  actorLedger,
  BLOCK_POINTS,
  THROTTLE_POINTS,
  type ActorStanding,
  type CounterSpace,
  type Crossing,
} from "./actor-ledger.ts";
import { isMeant } from "./actor-signals.ts";
import { FREE, sharedAddresses, standingCache, type SharedAddresses, type StandingCache } from "./actor-standing.ts";
import { cooldown } from "./detection-cooldown.ts";
import { failed } from "./detection.ts";
import { INTRUSION_META } from "./intrusion-detection.ts";

export const RESPONSE_OBSERVES: Rule = {
  id: "intrusion-detection/response-observes",
  severity: "note",
  what: "Attacks are counted for each actor, and nobody is slowed down or shut out for them.",
  why: "Each attempt is refused, and whoever makes them may go on for as long as he likes.",
  fix: 'Look at the events malicious_actor_held of a few weeks; where they name nobody innocent, set saas({ detection: { response: "throttle" } }) or "block".',
};

const OBSERVES = finding(RESPONSE_OBSERVES, { kind: "setting", name: "detection.response" });

/** `observe` counts and tells; `throttle` slows an actor down; `block` also shuts it out. */
export type ActorResponse = "observe" | "throttle" | "block";
const RESPONSES: ReadonlySet<ActorResponse> = new Set(["observe", "throttle", "block"]);

export interface ActorScoreOptions {
  readonly response?: ActorResponse;
  /** Addresses and ranges that are never held back, such as those of a penetration test: `["203.0.113.0/24"]`. */
  readonly exempt?: readonly string[];
  /** Counters of this process. */
  readonly local: CounterSpace;
  /** Counters that every process of the deployment sees. */
  readonly shared?: CounterSpace | undefined;
  readonly sink: AuditSink;
}

export type ActorKind = "user" | "service" | "address";

export interface Actor {
  readonly kind: ActorKind;
  readonly id: string;
}

export interface ActorScores {
  /** Hands each event on, and remembers what its request will be held to account for. */
  readonly audit: AuditSink;
  readonly control: Control<IdentifiedFacts>;
  /** Whose allowance a request takes from while its actor is slowed down; undefined for everybody else. */
  readonly slowed: (facts: IdentifiedFacts) => string | undefined;
  readonly response: ActorResponse;
  /** Where an actor stands, whichever process has counted. */
  readonly standing: (actor: Actor) => Promise<ActorStanding>;
  /** Forgets an actor's points and what holds it back. Other processes learn it within two seconds. */
  readonly release: (actor: Actor) => Promise<void>;
}

const QUIET_MS = 60_000;

/**
 * Counts against whoever was verified: the user, his support staff, the API key; never a tenant. A stranger's address counts alone for what no
 * neighbour does by accident, an IPv6 one by its /64, and only a public one: behind any other stands a proxy, and with it everybody. It holds back
 * strangers, so whoever is signed in behind it notices nothing, and where several are it is slowed down and never shut out.
 *
 * Never throws for a request and lets none wait: a store that fails is told of, and this process counts alone.
 *
 * @throws TypeError on an unknown option, a response that is none, or an exempt range that is none
 */
export function actorScores(options: ActorScoreOptions): ActorScores {
  rejectUnknownOptions("actorScores", options, ["response", "exempt", "local", "shared", "sink"]);
  const { response = "observe", exempt = [], sink } = options;
  if (!RESPONSES.has(response))
    throw new TypeError('saas({ detection }) takes response as "observe", "throttle" or "block".');
  const exempted = addressSet(exempt);
  const failures = cooldown(10 * QUIET_MS);
  const tellFailure = (error: unknown): void => {
    const nowMs = Date.now();
    if (failures.claim("", nowMs)) sink({ time: new Date(nowMs).toISOString(), ...failed(error) });
  };
  const ledger = actorLedger(options.local, options.shared, tellFailure);
  const standings = standingCache(ledger, tellFailure);
  const acts = pendingActs();
  const residents = sharedAddresses();
  const told = cooldown(QUIET_MS);

  const parts: Parts = { response, exempted, standings, residents };

  async function count(actor: Actor, { points }: Act, facts: IdentifiedFacts): Promise<void> {
    const key = keyOf(actor);
    const nowMs = facts.receivedAtMs;
    const { standing, crossing } = await ledger.add(key, points, nowMs);
    standings.remember(key, standing, nowMs);
    if (crossing === undefined) return;
    const action = response === "throttle" || isSpared(residents, actor, nowMs) ? "throttle" : crossing;
    const event = heldEvent(actor, action, standing.score, response);
    sink({ time: new Date(nowMs).toISOString(), ...event, ...contextOf(facts, event) });
  }

  return {
    response,
    audit(record) {
      sink(record);
      acts.note(record);
    },
    slowed(facts) {
      const { state, key } = heldBy(parts, facts);
      return state === "throttle" && facts.route.kind !== "asset" ? key : undefined;
    },
    control: {
      meta: INTRUSION_META,
      rules: [RESPONSE_OBSERVES],
      decide(facts): Decision {
        if (response === "observe") return ALLOW;
        const { principal, client, receivedAtMs } = facts;
        if (principal.kind !== "anonymous") residents.note(client, principal.id, receivedAtMs);
        const { state, key, untilMs } = heldBy(parts, facts);
        return state === "block" ? shutOut(untilMs - receivedAtMs, told.claim(key, receivedAtMs)) : ALLOW;
      },
      done(facts) {
        const act = acts.take(facts);
        const actor = act && isMeant(facts) ? actorOf(facts, exempted) : undefined;
        if (act === undefined || actor === undefined || (actor.kind === "address" && !act.ofStrangers)) return;
        void count(actor, act, facts).catch(tellFailure);
      },
      check: ({ mode }) => (mode === "production" && response === "observe" ? [OBSERVES] : []),
    },
    standing: async (actor) => ledger.read(keyOf(actor), Date.now()),
    async release(actor) {
      const key = keyOf(actor);
      await ledger.forget(key);
      standings.remember(key, FREE, Date.now());
    },
  };
}

interface Held {
  readonly state: Crossing;
  readonly key: string;
  readonly untilMs: number;
}

const UNHELD: Held = { state: undefined, key: "", untilMs: 0 };

interface Parts {
  readonly response: ActorResponse;
  readonly exempted: AddressSet;
  readonly standings: StandingCache;
  readonly residents: SharedAddresses;
}

function heldBy({ response, exempted, standings, residents }: Parts, facts: IdentifiedFacts): Held {
  const actor = response === "observe" ? undefined : actorOf(facts, exempted);
  if (actor === undefined) return UNHELD;
  const key = keyOf(actor);
  const nowMs = facts.receivedAtMs;
  const { blockedUntilMs, throttledUntilMs } = standings.of(key, nowMs);
  if (blockedUntilMs > nowMs && response === "block" && !isSpared(residents, actor, nowMs))
    return { state: "block", key, untilMs: blockedUntilMs };
  const untilMs = Math.max(throttledUntilMs, blockedUntilMs);
  return { state: untilMs > nowMs ? "throttle" : undefined, key, untilMs };
}

function isSpared(residents: SharedAddresses, { kind, id }: Actor, nowMs: number): boolean {
  return kind === "address" && residents.isShared(id, nowMs);
}

function actorOf({ principal, client }: IdentifiedFacts, exempted: AddressSet): Actor | undefined {
  const address = parseAddress(client);
  if (address !== undefined && exempted.has(address)) return undefined;
  if (principal.kind === "user") return { kind: "user", id: principal.actor?.id ?? principal.id };
  if (principal.kind === "service") return { kind: "service", id: principal.id };
  if (address === undefined || addressScope(address) !== "public") return undefined;
  return { kind: "address", id: limitKey(address) };
}

function keyOf({ kind, id }: Actor): string {
  return `${kind} ${id}`;
}

function heldEvent(
  { kind, id }: Actor,
  action: "throttle" | "block",
  score: number,
  response: ActorResponse,
): AuditEvent {
  return auditEvent("system/malicious_actor_held/observed", {
    severity: action === "block" ? "critical" : "error",
    control: INTRUSION_META.id,
    action,
    resource_type: kind,
    resource_id: id,
    count: score,
    limit: action === "block" ? BLOCK_POINTS : THROTTLE_POINTS,
    detail: response === "observe" ? "would_be" : "is",
  });
}

/** The same answer as for asking too often, which tells nobody what was noticed. */
function shutOut(leftMs: number, isFirst: boolean): Decision {
  const event = auditEvent("system/malicious_actor_refused/refused", {
    control: INTRUSION_META.id,
    reason: "rate_limited",
  });
  const refusal = deny("rate_limited", event, {
    headers: [["retry-after", String(Math.max(1, Math.ceil(leftMs / 1000)))]],
    why: "The attacks of this user, API key or address have added up, and it is shut out for a quarter of an hour.",
    fix: "Release it in the Security Center where it is innocent, or name its address in detection.exempt.",
  });
  return isFirst ? refusal : { ...refusal, events: [] };
}
