/** Every refusal is on record, and nobody fills the record with refusals (catalog authorization-log; guide A09, checklist: authorization failures logged). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { AuditRecord, AuditSink } from "../core/event.ts";
import { finding, type Rule } from "../core/finding.ts";
import type { AlarmEngine } from "./alarm-engine.ts";
import { unheard } from "./alarm-hearing.ts";

const META: ControlMeta = {
  id: "authorization-log",
  title: "Denied access logged; sensitive decisions logged both ways",
  layer: "audit",
  guide: ["A09", "checklist: authorization failures logged"],
  owasp2021: ["A09", "A01"],
  owasp2025: ["A09", "A01"],
  asvs: ["v5.0.0-16.3.2", "v5.0.0-16.3.3"],
  cwe: ["CWE-778"],
};

export const REFUSAL_UNHEARD: Rule = {
  id: "authorization-log/unheard",
  severity: "warning",
  what: "Alarms are defined, and none of their filters sees a refused access.",
  why: "Somebody who tries one door after another is refused each time, and nobody looks.",
  fix: 'Keep a filter like { $.event_type = "authorization_failure" } with an alarm on it.',
};

const EACH_MINUTE = 100;
const MINUTE_MS = 60_000;
const MOST_ACTORS = 5_000;

/** @param engine the alarms of the composition, where there are any */
export function authorizationLog(engine?: AlarmEngine): Control {
  return {
    meta: META,
    rules: [REFUSAL_UNHEARD],
    check: () =>
      unheard(engine, "authorization_failure/authz_fail/refused")
        ? [finding(REFUSAL_UNHEARD, { kind: "setting", name: "alarms.definitions" })]
        : [],
  };
}

interface Minute {
  readonly beganAtMs: number;
  seen: number;
  /** The latest that was not passed on, and how many there were. */
  last?: AuditRecord;
  held: number;
}

export interface AuthorizationSummaries {
  readonly audit: AuditSink;
  /** Writes what is counted now; for the end of the process. */
  readonly flush: () => void;
}

/**
 * Hands every event on. Of refusals of one actor the first hundred in a minute are handed on one by one; how many more there were follows as one event
 * with `count` when the minute is over, so that the log has all of them and nobody can fill a disk with them. Put it behind alarms and detection, which
 * count each. What is critical, such as a reach across tenants, is never summed up.
 *
 * @param now milliseconds since the epoch
 */
export function summedRefusals(sink: AuditSink, now: () => number = Date.now): AuthorizationSummaries {
  const minutes = new Map<string, Minute>();
  let timer: NodeJS.Timeout | undefined;

  function close(actor: string, { last, held }: Minute): void {
    minutes.delete(actor);
    if (last !== undefined) sink({ ...last, time: new Date(now()).toISOString(), detail: "summed_up", count: held });
  }

  function closeOld(beforeMs: number): void {
    for (const [actor, minute] of minutes) {
      // In the order in which they began.
      if (minute.beganAtMs > beforeMs) break;
      close(actor, minute);
    }
  }

  function schedule(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      closeOld(now() - MINUTE_MS);
      if (minutes.size > 0) schedule();
    }, MINUTE_MS / 4).unref();
  }

  function minuteOf(actor: string, nowMs: number): Minute {
    const present = minutes.get(actor);
    if (present !== undefined && nowMs < present.beganAtMs + MINUTE_MS) return present;
    if (present !== undefined) close(actor, present);
    const [oldest] = minutes;
    if (minutes.size >= MOST_ACTORS && oldest !== undefined) close(...oldest);
    const fresh: Minute = { beganAtMs: nowMs, seen: 0, held: 0 };
    minutes.set(actor, fresh);
    schedule();
    return fresh;
  }

  return {
    audit(record) {
      const actor = isOrdinaryRefusal(record) ? actorOf(record) : undefined;
      if (actor === undefined) return sink(record);
      const minute = minuteOf(actor, now());
      minute.seen += 1;
      if (minute.seen <= EACH_MINUTE) return sink(record);
      minute.held += 1;
      minute.last = record;
    },
    flush() {
      clearTimeout(timer);
      timer = undefined;
      closeOld(Infinity);
    },
  };
}

function isOrdinaryRefusal({ event_type: type, event, status, severity }: AuditRecord): boolean {
  return type === "authorization_failure" && event === "authz_fail" && status === "refused" && severity !== "critical";
}

/** An actor's sums say what was refused: one kind of refusal, route and control at a time. */
function actorOf({ user_id: user, ip_address: ip, control = "", route = "" }: AuditRecord): string | undefined {
  const who = user === undefined ? ip && `ip ${ip}` : `user ${user}`;
  return who && `${who} ${control} ${route}`;
}
