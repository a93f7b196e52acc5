/** A browser that signed in before is not a stranger, so strangers cannot lock its owner out (OWASP device cookies; catalog lockout-dos-resistance). */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Control, ControlMeta } from "../core/control.ts";
import type { HeaderPair } from "../core/decision.ts";
import { finding, type Rule } from "../core/finding.ts";
import type { DerivedKey, KeySource } from "../core/keys.ts";
import { serializeCookie } from "../primitives/set-cookie.ts";

const META: ControlMeta = {
  id: "lockout-dos-resistance",
  title: "Attackers cannot lock legitimate users out",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07", "A04"],
  owasp2025: ["A07", "A06"],
  asvs: ["v5.0.0-6.1.1", "v5.0.0-6.3.1"],
  cwe: ["CWE-645"],
};

export const LOCKOUT_LONG_WAIT: Rule = {
  id: "lockout-dos-resistance/long-wait",
  severity: "warning",
  what: "Failures of strangers close an account to new browsers for more than an hour.",
  why: "Anybody who knows an address can keep its owner from signing in on a new browser for that long.",
  fix: "Let the wait of `account` end within 60 minutes; guessing stays slow, and the cap of 100 failures still ends it.",
};

const COOKIE = "__Host-device";
const ID_BYTES = 16;
const YEAR_SECONDS = 365 * 86_400;
/** Another server's clock may be ahead of ours by so much. */
const SKEW_SECONDS = 300;
/** The device, when it signed in, and a MAC. */
const VALUE = /^([A-Za-z0-9_-]{22})\.([1-9][0-9]{0,11})\.([A-Za-z0-9_-]{43})$/u;
const LONGEST_VALUE = 80;
const HOUR_MS = 3_600_000;

/** A browser on which somebody signed in to this account within the last year. */
export interface KnownDevice {
  readonly id: string;
  readonly signedInAtMs: number;
}

export interface DeviceCookie {
  readonly name: string;
  /** The device, when the value was made here for this account; undefined for everything else, such as the value of another account. */
  recognize(value: unknown, account: string, nowMs: number): KnownDevice | undefined;
  /** A value for a browser on which this account has just signed in. The account is not in it. */
  mint(account: string, nowMs: number): string;
  set(value: string): HeaderPair;
}

/**
 * Signs a random device id and its account with HMAC-SHA-256 (RFC 2104). The cookie admits to a counter of its own and to nothing else: who
 * steals it may guess at that one account as often as its owner may mistype.
 */
export function deviceCookie(keys: KeySource): DeviceCookie {
  const derived = keys.derive("device-cookie");
  return {
    name: COOKIE,
    recognize(value, account, nowMs) {
      const parts = typeof value === "string" && value.length <= LONGEST_VALUE ? VALUE.exec(value) : null;
      if (parts === null) return undefined;
      const [, id = "", seconds = "", given = ""] = parts;
      const ageSeconds = nowMs / 1000 - Number(seconds);
      const ours = derived.all.some((key) => matches(given, mac(key, account, id, seconds)));
      return ours && ageSeconds < YEAR_SECONDS && ageSeconds > -SKEW_SECONDS
        ? { id, signedInAtMs: Number(seconds) * 1000 }
        : undefined;
    },
    mint(account, nowMs) {
      const id = randomBytes(ID_BYTES).toString("base64url");
      const seconds = String(Math.floor(nowMs / 1000));
      return `${id}.${seconds}.${mac(derived.current, account, id, seconds)}`;
    },
    set: (value) => ["set-cookie", serializeCookie(COOKIE, value, { maxAgeSeconds: YEAR_SECONDS, sameSite: "Lax" })],
  };
}

/** @param longestWaitMs for how long failures of strangers can close an account to strangers */
export function lockoutResistance(longestWaitMs: number): Control {
  return {
    meta: META,
    rules: [LOCKOUT_LONG_WAIT],
    check: () =>
      longestWaitMs > HOUR_MS
        ? [
            finding(
              LOCKOUT_LONG_WAIT,
              { kind: "setting", name: "signInThrottle.account" },
              `${longestWaitMs / 60_000} minutes`,
            ),
          ]
        : [],
  };
}

function mac({ bytes }: DerivedKey, account: string, id: string, seconds: string): string {
  return createHmac("sha256", bytes)
    .update(JSON.stringify([account, id, seconds]))
    .digest("base64url");
}

function matches(given: string, expected: string): boolean {
  return timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}
