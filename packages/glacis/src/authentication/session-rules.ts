import type { ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { overlong, type LimitsByLevel } from "./session-limits.ts";
import type { SessionStore } from "./session-record.ts";

export const SESSION_META: ControlMeta = {
  id: "session",
  title: "Opaque random session tokens, verified server-side and stored hashed, with idle and absolute limits",
  layer: "authentication",
  guide: ["A07", "checklist: Session timeout configured"],
  owasp2021: ["A07"],
  owasp2025: ["A07", "A04"],
  asvs: [
    "v5.0.0-7.2.1",
    "v5.0.0-7.2.2",
    "v5.0.0-7.2.3",
    "v5.0.0-7.2.4",
    "v5.0.0-7.3.1",
    "v5.0.0-7.3.2",
    "v5.0.0-7.4.1",
    "v5.0.0-7.4.2",
    "v5.0.0-7.4.3",
    "v5.0.0-7.4.5",
    "v5.0.0-7.5.2",
    "v5.0.0-7.6.2",
  ],
  cwe: ["CWE-331", "CWE-384", "CWE-522", "CWE-613", "CWE-288"],
};

const SESSION_MEMORY_STORE: Rule = {
  id: "session/memory-store",
  severity: "warning",
  what: "Sessions live in the memory of one process.",
  why: "A restart signs everybody out, a second instance does not know them, and revocation reaches one process only.",
  fix: "Give saas() a database, or pass postgresSessions(pool) or redisSessions({ client }).",
};
const SESSION_TOO_LONG: Rule = {
  id: "session/too-long",
  severity: "warning",
  what: "A session outlives what NIST SP 800-63B-4 allows: 24 hours and 1 hour idle with two factors, 12 hours and 15 minutes with a key.",
  why: "The longer a session lives unattended, the longer a stolen cookie or an unlocked laptop is worth something.",
  fix: "Lower the level's idleSeconds and absoluteSeconds in sessions({ limits }).",
};

export const SESSION_RULES: readonly Rule[] = [SESSION_MEMORY_STORE, SESSION_TOO_LONG];

/** Are these sessions fit for this environment? */
export function checkSessions(store: SessionStore, production: boolean, limits: LimitsByLevel): readonly Finding[] {
  const findings: Finding[] = [];
  if (store.kind === "memory" && production)
    findings.push(finding(SESSION_MEMORY_STORE, { kind: "setting", name: "session.store" }));
  const long = overlong(limits);
  if (long !== undefined) findings.push(finding(SESSION_TOO_LONG, { kind: "setting", name: "session.limits" }, long));
  return findings;
}
