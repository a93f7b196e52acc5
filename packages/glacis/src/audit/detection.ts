/** Attacks that no single event shows, seen in the stream of events (catalog intrusion-detection; guide checklist: intrusion detection). */
import { createHash } from "node:crypto";
import type { AuditEvent, AuditRecord, AuditSink } from "../core/event.ts";
import { rejectUnknownOptions } from "../core/options.ts";

import { cooldown } from "./detection-cooldown.ts";
import { distinctCount } from "./detection-distinct.ts";
import { travelDetector, type Locate } from "./detection-travel.ts";

export interface DetectionOptions {
  /** Where every event goes on to, and what is detected after it: `eventLog()`, or the `audit` of an alarm engine. */
  readonly sink: AuditSink;
  /** Without it nobody's travel is looked at. */
  readonly locate?: Locate;
  /** Rows that nobody has a reason to touch, by id as the application knows it. */
  readonly honeyResources?: readonly string[];
  /** Accounts that nobody has a reason to sign in to, by user id. */
  readonly honeyUsers?: readonly string[];
}

const CONTROL = "intrusion-detection";
const MINUTE_MS = 60_000;
const ID_WALK = { windowMs: 10 * MINUTE_MS, threshold: 20, actors: 5000 } as const;
const MISSES = { windowMs: 5 * MINUTE_MS, threshold: 50, actors: 5000 } as const;
const QUIET_MS = 10 * MINUTE_MS;
const TRAVEL_QUIET_MS = 60 * MINUTE_MS;
const LONGEST_MEMBER = 100;
const MOST_HONEY = 1000;

/** Events that say that an object was asked for and not given. */
const WITHHELD: ReadonlySet<string> = new Set(["data_not_found", "authz_fail", "tenant_cross_access"]);

/** @returns what the record shows, for the sink, with the record's own context */
type Detector = (record: AuditRecord, nowMs: number) => AuditEvent | undefined;

/**
 * A sink that hands every event on and adds what the stream shows: ids tried one after another, a search through paths that are not there,
 * travel that nobody makes, and a touch of a row or an account that is bait. One event a burst. In the memory of this process, bounded however
 * many actors there are; a detector that fails is reported, and stops neither the event nor the request. Guessing of passwords is seen by
 * `signInThrottle`, new devices by `authenticationFlows`.
 *
 * @throws TypeError on an unknown option, or bait that is no list of texts
 * @example
 * const security = glacis({ ...saas(options), audit: detection({ sink: eventLog(), honeyUsers: ["user-0"] }) });
 */
export function detection(options: DetectionOptions): AuditSink {
  rejectUnknownOptions("detection", options, ["sink", "locate", "honeyResources", "honeyUsers"]);
  const { sink, locate } = options;
  if (typeof sink !== "function") throw new TypeError("detection() needs sink, such as eventLog().");
  const detectors: readonly Detector[] = [
    idWalking(),
    forcedBrowsing(),
    ...(locate === undefined ? [] : [impossibleTravel(locate)]),
    bait("resource_id", withHashes(baitOf("honeyResources", options.honeyResources))),
    bait("user_id", baitOf("honeyUsers", options.honeyUsers)),
  ];
  const failures = cooldown(QUIET_MS);
  return (record) => {
    sink(record);
    const nowMs = Date.parse(record.time);
    for (const detector of detectors) {
      try {
        const detected = detector(record, nowMs);
        if (detected !== undefined) sink({ ...contextOf(record), ...detected });
      } catch (error) {
        if (failures.claim("", nowMs)) sink({ time: record.time, ...failed(error) });
      }
    }
  };
}

/** One actor is refused, or does not find, many different objects. */
function idWalking(): Detector {
  const walks = distinctCount(ID_WALK);
  return (record, nowMs) => {
    const { event, resource_type: type = "", resource_id: id } = record;
    const actor = actorOf(record);
    if (id === undefined || actor === undefined || !WITHHELD.has(event)) return undefined;
    if (!walks.add(actor, `${type}:${id}`.slice(0, LONGEST_MEMBER), nowMs)) return undefined;
    return {
      event_type: "authorization_failure",
      status: "observed",
      severity: "error",
      event: "malicious_direct_reference",
      control: CONTROL,
      detail: "id_walking",
      count: ID_WALK.threshold,
      ...(type !== "" && { resource_type: type }),
    };
  };
}

/** One client asks for many paths that are not there. */
function forcedBrowsing(): Detector {
  const misses = distinctCount(MISSES);
  return ({ event, ip_address: ip, request_id: request }, nowMs) => {
    if (event !== "http_not_found" || ip === undefined || request === undefined) return undefined;
    if (!misses.add(ip, request, nowMs)) return undefined;
    return {
      event_type: "system",
      status: "observed",
      severity: "warning",
      event: "malicious_excess_404",
      control: CONTROL,
      detail: "forced_browsing",
      count: MISSES.threshold,
    };
  };
}

/** Somebody signs in from two places that nobody gets between in the time. */
function impossibleTravel(locate: Locate): Detector {
  const travel = travelDetector(locate);
  const quiet = cooldown(TRAVEL_QUIET_MS);
  return ({ event_type: type, status, user_id: user, ip_address: ip }, nowMs) => {
    if (type !== "authentication" || status !== "succeeded" || user === undefined || ip === undefined) return undefined;
    if (!travel.arrives(user, ip, nowMs) || !quiet.claim(user, nowMs)) return undefined;
    return {
      event_type: "authentication",
      status: "observed",
      severity: "critical",
      event: "authn_impossible_travel",
      control: CONTROL,
    };
  };
}

/** Something that nobody has a reason to touch is touched. */
function bait(field: "resource_id" | "user_id", baits: ReadonlySet<string>): Detector {
  const quiet = cooldown(QUIET_MS);
  return (record, nowMs) => {
    const touched = record[field];
    if (baits.size === 0 || touched === undefined || !baits.has(touched)) return undefined;
    if (!quiet.claim(`${record.ip_address ?? ""} ${touched}`, nowMs)) return undefined;
    const { resource_type: type } = record;
    return {
      event_type: "data_access",
      status: "observed",
      severity: "critical",
      event: "malicious_honeytoken",
      control: CONTROL,
      detail: field,
      ...(field === "resource_id" && { resource_id: touched, ...(type !== undefined && { resource_type: type }) }),
    };
  };
}

function baitOf(option: string, values: readonly string[] = []): ReadonlySet<string> {
  const isList = Array.isArray(values) && values.length <= MOST_HONEY;
  if (!isList || !values.every((value) => typeof value === "string" && value !== ""))
    throw new TypeError(`detection() takes ${option} as a list of at most ${MOST_HONEY} texts, none of them empty.`);
  return new Set(values);
}

/** Refusals of an access policy name a row by its digest, so that the log holds no id that somebody only guessed. */
function withHashes(ids: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...ids].flatMap((id) => [id, createHash("sha256").update(id).digest("base64url")]));
}

/** A user before an address: one user walks from many, and behind one address are many users. */
function actorOf({ user_id: user, ip_address: ip }: AuditRecord): string | undefined {
  if (user !== undefined) return `user ${user}`;
  return ip === undefined ? undefined : `ip ${ip}`;
}

function contextOf({ time, request_id, ip_address, method, route, user_id, tenant_id, actor_id }: AuditRecord) {
  return {
    time,
    ...(request_id !== undefined && { request_id }),
    ...(ip_address !== undefined && { ip_address }),
    ...(method !== undefined && { method }),
    ...(route !== undefined && { route }),
    ...(user_id !== undefined && { user_id }),
    ...(tenant_id !== undefined && { tenant_id }),
    ...(actor_id !== undefined && { actor_id }),
  };
}

/** A detector that fails is told of; traffic is not touched. */
export function failed(error: unknown): AuditEvent {
  return {
    event_type: "system",
    status: "failed",
    severity: "error",
    event: "sys_detection_failed",
    control: CONTROL,
    error: error instanceof Error ? `${error.name}: ${error.message}` : typeof error,
  };
}
