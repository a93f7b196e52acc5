import { hideRevealed } from "../core/revealed.ts";

/** What may not stand in a log, wherever in a text it stands. Each pattern is linear: no nested repetition. */
const PATTERNS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\b(authorization|bearer|basic)[ :=]+[\w.~+/=-]{8,}/giu, "$1 [redacted]"],
  [/(\/\/)[^\s/@:]{1,256}:[^\s/@]{1,256}@/gu, "$1[redacted]@"],
  [/[\w.+%-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}/giu, "[email]"],
  [/\b(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Za-z])[\w-]{32,}/gu, "[token]"],
  [/([?&][\w.-]{1,64}=)[^\s&#"']{1,4000}/gu, "$1[redacted]"],
];

/**
 * Takes revealed secrets, credentials, tokens, e-mail addresses and query values out of a text such as an error's stack before it is logged.
 *
 * @example
 * redactText("connect postgres://app:hunter2@db failed"); // "connect postgres://[redacted]@db failed"
 */
export function redactText(text: string): string {
  let clean = hideRevealed(text);
  for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement);
  return clean;
}
