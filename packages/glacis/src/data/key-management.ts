/** What can be said of master keys from where they stand and how many they are (catalog key-management). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";

const META: ControlMeta = {
  id: "key-management",
  title: "Master keys with ids, purposes and a way to rotate",
  layer: "data",
  guide: ["A08", "checklist: Secrets rotation configured"],
  owasp2021: ["A02"],
  owasp2025: ["A04"],
  asvs: ["v5.0.0-11.1.1", "v5.0.0-11.2.2", "v5.0.0-13.3.3"],
  cwe: ["CWE-320", "CWE-321", "CWE-324"],
};

export const KEY_REPEATED: Rule = {
  id: "key-management/repeated",
  severity: "error",
  what: "A master key stands in another variable as well.",
  why: "What is signed or encrypted there can be forged or read by whoever has that variable, and neither can be rotated alone.",
  fix: "Give the other variable a value of its own.",
};
export const KEY_LEFT_OVER: Rule = {
  id: "key-management/left-over",
  severity: "note",
  what: "The ring holds more old keys than a rotation needs.",
  why: "Each of them still verifies and opens values; one that leaked long ago still counts.",
  fix: "Move stored values to the current key with rotateColumn(), wait for the longest signed value, then remove the old keys.",
};
export const KEY_UNWRAPPED: Rule = {
  id: "key-management/unwrapped",
  severity: "note",
  what: "The master keys stand in the environment in the clear.",
  why: "Whoever reads the environment, a crash report or the deployment's settings has every key at once.",
  fix: "Wrap them with kmsKeyRing(), or mount them from the secret store and read them with keyRingFile().",
};

const VARIABLE = "GLACIS_KEYS";
/** The current one, the one before, and one on its way in or out. */
const MOST_KEPT = 3;
const KEY = /[A-Za-z0-9_-]{43}/gu;

export interface KeyManagementOptions {
  /** The ring that the application uses. */
  readonly keys: KeySource;
  /** The variable that it was read from. `GLACIS_KEYS`. */
  readonly variable?: string;
}

/**
 * Judges the ring, in production. Weak, malformed and repeated keys never get so far: `keyRing()` throws.
 *
 * @throws TypeError on an unknown option.
 * @example
 * keyManagement({ keys });
 */
export function keyManagement(options: KeyManagementOptions): Control {
  rejectUnknownOptions("keyManagement", options, ["keys", "variable"]);
  const { keys, variable = VARIABLE } = options;
  return {
    meta: META,
    rules: [KEY_REPEATED, KEY_LEFT_OVER, KEY_UNWRAPPED],
    check: (deployment) =>
      deployment.mode === "production" ? [...judgeVariables(deployment, variable), ...judgeRing(keys)] : [],
  };
}

function judgeVariables({ variables }: Deployment, variable: string): readonly Finding[] {
  const masters = variables.get(variable)?.match(KEY) ?? [];
  if (masters.length === 0) return [];
  const repeated = [...variables].filter(
    ([name, value]) => name !== variable && masters.some((master) => value.includes(master)),
  );
  return [
    finding(KEY_UNWRAPPED, { kind: "environment", name: variable }),
    ...repeated.map(([name]) => finding(KEY_REPEATED, { kind: "environment", name }, `same as in ${variable}`)),
  ];
}

function judgeRing({ ids }: KeySource): readonly Finding[] {
  if (ids.length <= MOST_KEPT) return [];
  return [finding(KEY_LEFT_OVER, { kind: "setting", name: "keys" }, `${ids.length} keys: ${ids.join(", ")}`)];
}
