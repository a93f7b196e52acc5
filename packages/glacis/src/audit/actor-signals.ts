/** What is an attack for certain, and how much it weighs (catalog intrusion-detection; OWASP AppSensor, detection points). */
import type { AuditRecord } from "../core/event.ts";
import type { RequestFacts } from "../core/facts.ts";

interface Signal {
  readonly points: number;
  /** Counts against the address of somebody who has not signed in: neighbours behind it never do this. */
  readonly ofStrangers?: true;
}

/**
 * Only what nobody does by mistake more than once or twice. Refusals do not count, however many: people meet them, and clients that are out of
 * date meet them all day. Nor do wrong passwords, which the sign-in throttle weighs, nor what another site can make a browser send.
 */
const SIGNALS: Readonly<Record<string, Signal>> = {
  malicious_honeytoken: { points: 100, ofStrangers: true },
  malicious_direct_reference: { points: 60 },
  "authz.escalation_attempt": { points: 40 },
  malicious_upload: { points: 40 },
  // Whoever works for two tenants follows an old link now and then.
  tenant_cross_access: { points: 25 },
  malicious_honey_route: { points: 20, ofStrangers: true },
  // Told at most once in five minutes, so it never gets anywhere alone: an office with a broken page makes many of them.
  malicious_excess_404: { points: 20, ofStrangers: true },
  "egress.blocked": { points: 20, ofStrangers: true },
  "http.framing_rejected": { points: 20, ofStrangers: true },
  "file.traversal": { points: 20, ofStrangers: true },
  "exec.rejected": { points: 20, ofStrangers: true },
  "input.canonicalization": { points: 10, ofStrangers: true },
};
const RESERVED_KEY: Signal = { points: 20, ofStrangers: true };

/** What an event weighs; undefined for nearly all. */
export function signalOf({ event, control }: AuditRecord): Signal | undefined {
  if (Object.hasOwn(SIGNALS, event)) return SIGNALS[event];
  return event === "input_validation_fail" && control === "prototype-pollution" ? RESERVED_KEY : undefined;
}

/** What a page makes a browser fetch by itself, against what a person or a script of ours asks for (Fetch Metadata, `Sec-Fetch-Dest`). */
const ASKED_FOR: ReadonlySet<string> = new Set(["document", "empty"]);

/**
 * Whether whoever sent this request meant to. Anybody can put the picture `/.env` on a page, and each of its visitors would ask for it. A scanner
 * that claims to be such a browser wins nothing: it is refused like everybody else.
 */
export function isMeant(facts: RequestFacts): boolean {
  const site = facts.header("sec-fetch-site");
  if (site === "cross-site" || site === "same-site") return false;
  return ASKED_FOR.has(facts.header("sec-fetch-dest") ?? "empty");
}
