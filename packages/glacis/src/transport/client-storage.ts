/** No secret and no person in what a browser keeps for scripts (catalog client-storage; ASVS 5 section 14.3; CWE-922). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { scriptsIn, scriptsOf, type ClientScript } from "./client-code.ts";

const META: ControlMeta = {
  id: "client-storage",
  title: "No secrets or personal data in browser storage",
  layer: "transport",
  guide: ["A02"],
  owasp2021: ["A02", "A04"],
  owasp2025: ["A04", "A06"],
  asvs: ["v5.0.0-14.3.3"],
  cwe: ["CWE-922", "CWE-312"],
};

export const STORAGE_SECRET: Rule = {
  id: "client-storage/secret-name",
  severity: "warning",
  what: "A script keeps something in the browser's storage under the name of a secret or of personal data.",
  why: "Every script of the origin reads it, an injected one too, and it stays on a shared machine after sign-out.",
  fix: "Keep the session in its HttpOnly cookie, what a page needs in memory, and preferences alone in storage.",
};
export const STORAGE_VALUE: Rule = {
  id: "client-storage/secret-value",
  severity: "error",
  what: "The browser's storage holds a token or an e-mail address.",
  why: "Every script of the origin reads it, and it stays on a shared machine after sign-out.",
  fix: "Find the script that puts it there, and keep it in memory or on the server.",
};

export interface ClientStorageOptions {
  /** The folder of the scripts that browsers get, such as `assets`. Without it only pages that a probe kept are judged. */
  readonly folder?: string;
}

/**
 * Judges what scripts put into localStorage, sessionStorage and IndexedDB, by the names that they use.
 *
 * @throws TypeError on an unknown option.
 * @example
 * clientStorage({ folder: "assets" });
 */
export function clientStorage(options: ClientStorageOptions = {}): Control {
  rejectUnknownOptions("clientStorage", options, ["folder"]);
  const { folder } = options;
  return {
    meta: META,
    rules: [STORAGE_SECRET, STORAGE_VALUE],
    check: () => (folder === undefined ? [] : assess(scriptsIn(folder))),
    observe: (observation) => assess(scriptsOf(observation)),
  };
}

/** A write to storage under a name that is written out: by call, by index or by property. */
const WRITES =
  /\b(?:localStorage|sessionStorage)\s*(?:\.\s*setItem\s*\(\s*["'`]([^"'`\n]{1,200})["'`]|\[\s*["'`]([^"'`\n]{1,200})["'`]\s*\]\s*=(?!=)|\.\s*([A-Za-z_$][\w$]*)\s*=(?!=))|\.\s*createObjectStore\s*\(\s*["'`]([^"'`\n]{1,200})["'`]/gu;
const SENSITIVE =
  /(?:^|[-_.: ])(?:(?:access|refresh|id|auth|session|csrf|bearer)[-_ ]?)?(?:token|jwt|secret|password|passwd|pwd|credential|session(?:id)?|api[-_ ]?key|private[-_ ]?key|email|e[-_]mail|phone|ssn|iban|card(?:number)?|birth(?:day|date)?)s?(?:$|[-_.: ])/iu;

function assess(scripts: readonly ClientScript[]): readonly Finding[] {
  return scripts.flatMap(({ text, locate }) =>
    [...text.matchAll(WRITES)].flatMap((match) => {
      const name = match.slice(1).find((part) => part !== undefined) ?? "";
      return isSensitive(name) ? [finding(STORAGE_SECRET, locate(match.index), name)] : [];
    }),
  );
}

/** `accessToken` and `access_token` are one name. */
function isSensitive(name: string): boolean {
  return SENSITIVE.test(name.replaceAll(/([a-z0-9])([A-Z])/gu, "$1-$2"));
}

const VALUES: readonly RegExp[] = [
  // A JSON Web Token; an e-mail address; a token of this library or of a large provider.
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/u,
  /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63}){1,5}/u,
  /\b(?:gh[pousr]_\w{30,}|github_pat_\w{30,}|sk_live_\w{16,}|xox[abp]-[\w-]{10,}|AKIA[A-Z0-9]{16})\b/u,
];
const LONGEST_VALUE = 100_000;

/**
 * Judges what a browser's storage holds after somebody has signed in, such as `Object.entries(localStorage)` in a browser test. Neither value nor
 * address is quoted.
 *
 * @example
 * expect(judgeStorage(await page.evaluate(() => Object.entries(localStorage)))).toEqual([]);
 */
export function judgeStorage(entries: readonly (readonly [name: string, value: string])[]): readonly Finding[] {
  const at: Location = { kind: "setting", name: "browser storage" };
  return entries.flatMap(([name, value]) => [
    ...(isSensitive(name) ? [finding(STORAGE_SECRET, at, name)] : []),
    ...(VALUES.some((pattern) => pattern.test(value.slice(0, LONGEST_VALUE)))
      ? [finding(STORAGE_VALUE, at, name)]
      : []),
  ]);
}
