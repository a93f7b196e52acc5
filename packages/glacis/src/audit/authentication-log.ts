/** Every outcome of a sign-in is on record, and somebody hears of those that fail (catalog authentication-log; guide A07, A09). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { EventKey } from "../core/event.ts";
import { finding, type Rule } from "../core/finding.ts";
import type { AlarmEngine } from "./alarm-engine.ts";
import { unheard } from "./alarm-hearing.ts";

const META: ControlMeta = {
  id: "authentication-log",
  title: "All authentication outcomes logged with method and reason class",
  layer: "audit",
  guide: ["A07", "A09", "checklist: failed login attempts logged", "checklist: failed authentication logged"],
  owasp2021: ["A09", "A07"],
  owasp2025: ["A09", "A07"],
  asvs: ["v5.0.0-16.3.1"],
  cwe: ["CWE-778", "CWE-223"],
};

export const FAILURE_UNHEARD: Rule = {
  id: "authentication-log/unheard",
  severity: "warning",
  what: "Alarms are defined, and none of their filters sees a sign-in that failed.",
  why: "Passwords are guessed for days while the log says so to nobody.",
  fix: 'Keep the guide\'s filter { $.event_type = "authentication" && $.status = "failed" } with an alarm on it.',
};

/** Each of these is a way in that somebody tries. */
const FAILURES: readonly EventKey[] = [
  "authentication/authn_login_fail/failed",
  "authentication/authn_totp_fail/failed",
  "authentication/authn_passkey_fail/failed",
  "authentication/authn_recovery_code_fail/failed",
  "authentication/authn_token_rejected/failed",
  "authentication/authn_sso_fail/failed",
];

/** @param engine the alarms of the composition, where there are any */
export function authenticationLog(engine?: AlarmEngine): Control {
  return {
    meta: META,
    rules: [FAILURE_UNHEARD],
    check: () =>
      FAILURES.filter((key) => unheard(engine, key)).map((key) =>
        finding(FAILURE_UNHEARD, { kind: "setting", name: "alarms.definitions" }, key),
      ),
  };
}
