/** Where a request comes from can only take access away, never give it (catalog adaptive-access; NIST SP 800-207, ASVS 5 section 8.2.4). */
import { createHmac } from "node:crypto";
import type { Control, ControlMeta } from "../core/control.ts";
import { allow, ALLOW, deny, redirect, type Decision } from "../core/decision.ts";
import { auditEvent } from "../core/event-entry.ts";
import type { AuditEvent } from "../core/event.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Rule } from "../core/finding.ts";
import type { KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Service, User } from "../core/principal.ts";
import { addressSet, limitKey } from "../primitives/ip.ts";
import type { AccessPlaceStore } from "./adaptive-access-store.ts";

const META: ControlMeta = {
  id: "adaptive-access",
  title: "Contextual signals can only tighten access",
  layer: "authorization",
  guide: ["A07"],
  owasp2021: ["A07", "A01"],
  owasp2025: ["A07", "A01"],
  asvs: ["v5.0.0-8.1.3", "v5.0.0-8.1.4", "v5.0.0-8.2.4"],
  cwe: ["CWE-284", "CWE-778"],
};

export const ADAPTIVE_MEMORY_STORE: Rule = {
  id: "adaptive-access/memory-store",
  severity: "warning",
  what: "The places of sessions live in the memory of one process.",
  why: "To the next instance every place is the first, a thief's included.",
  fix: "Pass postgresAccessPlaces(pool).",
};
const DEVICE_PURPOSE = "glacis/adaptive-access";
/** No session lives longer. */
const KEPT_MS = 31 * 86_400_000;
const NAME = /^[a-z][a-z_]{0,39}$/u;
const LONGEST_NEXT = 2_000;
const OWN_PATH = /^\/(?![/\\])[\w/-]*$/u;

/** Somebody who came by a session, a key or a token. */
export type Signalled = IdentifiedFacts & { readonly principal: User | Service };

/** One thing about a request that may make it suspicious. */
export interface AccessSignal {
  /** The reason's name in the log, such as `new_place`. */
  readonly name: string;
  /** What follows when it is there: prove yourself again, or nothing for you here. */
  readonly action: "step_up" | "deny";
  /** Anything but a clear `false` counts as there. */
  readonly risky: (facts: Signalled) => boolean | Promise<boolean>;
}

export interface AdaptiveAccessOptions {
  readonly signals: readonly AccessSignal[];
  /** Whoever holds one of these is held to a signal that cannot be read; for everybody else it then changes nothing. */
  readonly strictRoles?: readonly string[];
  /** Where people prove themselves again: `/confirm`. It gets the way back in `next`. */
  readonly page?: string;
  /** Patterns that stay open to whoever must prove himself: the page, signing in and signing out. */
  readonly reachable?: readonly string[];
}

const REACHABLE = [
  "/confirm",
  "/sign-out",
  "/sign-in",
  "/sign-in/second-factor",
  "/sso/start",
  "/sso/callback",
  "/sso/sign-out",
];

/**
 * Asks signals about every request of somebody who is known. They add up to the strictest: a signal more never opens what was shut, and none of them lets
 * anybody in. A source that does not answer is told, tightens for the strict roles, and changes nothing for others.
 *
 * @throws TypeError on an unknown option, or a signal without a name and an action.
 * @example
 * const adaptive = adaptiveAccess({ signals: [newPlace({ store, keys }), tenantNetworks(readNetworks)], strictRoles: ["owner", "admin"] });
 * glacis({ ...layers, authorization: [...layers.authorization, adaptive] });
 */
export function adaptiveAccess(options: AdaptiveAccessOptions): Control<IdentifiedFacts> {
  rejectUnknownOptions("adaptiveAccess", options, ["signals", "strictRoles", "page", "reachable"]);
  const { signals, strictRoles = ["owner", "admin"], page = "/confirm", reachable = REACHABLE } = options;
  if (!Array.isArray(signals) || !signals.every(isSignal))
    throw new TypeError("adaptiveAccess() needs signals, each with a name, an action and risky.");
  if (!OWN_PATH.test(page)) throw new TypeError('adaptiveAccess() needs page as a plain path, such as "/confirm".');
  const strict = new Set(strictRoles);
  const open = new Set([page, ...reachable]);
  const memory = signals.some((signal) => inMemory.has(signal));

  async function judge(facts: Signalled): Promise<Decision> {
    const faults: AuditEvent[] = [];
    const held = facts.principal.roles.some((role) => strict.has(role));
    const raised: AccessSignal[] = [];
    for (const signal of signals) {
      let there: unknown;
      try {
        there = await signal.risky(facts);
      } catch {
        faults.push(unread(signal.name, held));
        there = held;
      }
      if (there !== false) raised.push(signal);
    }
    const worst = raised.find(({ action }) => action === "deny") ?? raised[0];
    if (worst === undefined) return faults.length === 0 ? ALLOW : allow([], faults);
    return refuse(facts, worst, open.has(facts.pattern) ? undefined : page, faults);
  }

  return {
    meta: META,
    rules: [ADAPTIVE_MEMORY_STORE],
    decide(facts) {
      const { principal } = facts;
      return principal.kind === "anonymous" || signals.length === 0 ? ALLOW : judge(facts as Signalled);
    },
    check: ({ mode }) =>
      memory && mode === "production"
        ? [finding(ADAPTIVE_MEMORY_STORE, { kind: "setting", name: "adaptiveAccess.store" })]
        : [],
  };
}

/** Of a step-up: where to prove it; whoever is there already goes on. */
function refuse(
  facts: Signalled,
  { name, action }: AccessSignal,
  page: string | undefined,
  faults: readonly AuditEvent[],
): Decision {
  // A program cannot prove itself again.
  const closed = action === "deny" || facts.principal.kind === "service";
  if (!closed && page === undefined) return allow([], faults);
  const reason = closed ? "forbidden" : "step_up_required";
  const event: AuditEvent = {
    event_type: "authorization_failure",
    status: "refused",
    severity: "warning",
    event: "authz_fail",
    control: META.id,
    reason,
    detail: name,
  };
  if (!closed && page !== undefined && opensPage(facts))
    return redirect(303, `${page}?next=${encodeURIComponent(facts.wire.target)}`, [...faults, event]);
  const decision = deny(reason, event, { why: `The signal ${name} is there.` });
  return { ...decision, events: [...faults, ...decision.events] };
}

/** A path that begins with two slashes would be another host to whoever follows `next`. */
function opensPage(facts: Signalled): boolean {
  const { method, route, wire } = facts;
  if (
    method !== "GET" ||
    route.kind !== "page" ||
    wire.target.length > LONGEST_NEXT ||
    !/^\/(?![/\\])/u.test(wire.target)
  )
    return false;
  return (facts.header("accept") ?? "").includes("text/html");
}

function isSignal(signal: unknown): signal is AccessSignal {
  const { name, action, risky } = (signal ?? {}) as Partial<AccessSignal>;
  return (
    typeof name === "string" &&
    NAME.test(name) &&
    (action === "step_up" || action === "deny") &&
    typeof risky === "function"
  );
}

function unread(name: string, held: boolean): AuditEvent {
  return auditEvent("system/access_signal_unread/failed", {
    control: META.id,
    detail: name,
    action: held ? "held_to_it" : "let_be",
  });
}

/** Signals whose memory is one process's own. */
const inMemory = new WeakSet<AccessSignal>();

export interface NewPlaceOptions {
  readonly store: AccessPlaceStore;
  /** Master keys: neither address nor browser is kept. */
  readonly keys: KeySource;
  /** Whose network an address is in, such as its ASN. Without it a /16 of IPv4 and a /32 of IPv6 count as one. */
  readonly networkOf?: (address: string) => string | Promise<string>;
  /** `"both"`: another network and another kind of browser. `"either"` asks people who travel again and again. */
  readonly when?: "both" | "either";
}

/**
 * Somewhere else than where the session was first seen: a cookie that was taken along. Whoever proves himself again has a new session, and its place is here.
 *
 * @throws TypeError on an unknown option.
 */
export function newPlace(options: NewPlaceOptions): AccessSignal {
  rejectUnknownOptions("newPlace", options, ["store", "keys", "networkOf", "when"]);
  const { store, keys, networkOf = rangeOf, when = "both" } = options;
  const { current, all } = keys.derive(DEVICE_PURPOSE);
  const keyed = (bytes: Uint8Array, session: string, text: string): string =>
    createHmac("sha256", bytes)
      .update(JSON.stringify([session, text]))
      .digest("base64url");
  /** What was kept may be under an older key. */
  const isSame = (kept: string, session: string, text: string): boolean =>
    all.some(({ bytes }) => keyed(bytes, session, text) === kept);
  const signal: AccessSignal = {
    name: "new_place",
    action: "step_up",
    async risky(facts) {
      const { session, client, receivedAtMs } = facts;
      if (session === undefined) return false;
      const { id } = session;
      const [network, device] = [await networkOf(client), kindOf(facts.header("user-agent") ?? "")];
      const place = { network: keyed(current.bytes, id, network), device: keyed(current.bytes, id, device) };
      const first = await store.first(id, place, receivedAtMs + KEPT_MS);
      const [moved, changed] = [!isSame(first.network, id, network), !isSame(first.device, id, device)];
      return when === "both" ? moved && changed : moved || changed;
    },
  };
  if (store.kind === "memory") inMemory.add(signal);
  return signal;
}

/**
 * Outside of the networks that a tenant has named for its people. A tenant that has named none is open everywhere.
 *
 * @param read CIDR ranges of a tenant, or undefined
 */
export function tenantNetworks(
  read: (tenantId: string) => readonly string[] | undefined | Promise<readonly string[] | undefined>,
): AccessSignal {
  return {
    name: "tenant_networks",
    action: "deny",
    async risky({ principal, client }) {
      const ranges = await read(principal.tenantId);
      return ranges !== undefined && !addressSet(ranges).has(client);
    },
  };
}

/** The usual size of what one operator has, where nobody says whose an address is. */
function rangeOf(address: string): string {
  const [first = "", second = ""] = limitKey(address).split(address.includes(".") ? "." : ":");
  return `${first} ${second}`;
}

/** A browser's kind: versions change under a session, and are left out. */
function kindOf(userAgent: string): string {
  return userAgent.slice(0, 512).replaceAll(/\d+(?:[._]\d+)*/gu, "");
}
