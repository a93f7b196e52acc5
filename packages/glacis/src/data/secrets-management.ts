/** Secrets in the environment are random, their own, and not written next to the code (catalog `secrets-management`; guide A02). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { SecretStore } from "./secret-store.ts";
import { isPlaceholder, mostBits } from "./secret-strength.ts";

const META: ControlMeta = {
  id: "secrets-management",
  title: "Secrets that are random, separate and not on disk beside the code",
  layer: "data",
  guide: ["A02", "checklist: SECRET_KEY loaded from environment, not hardcoded"],
  owasp2021: ["A02", "A05", "A07"],
  owasp2025: ["A04", "A02", "A07"],
  asvs: ["v5.0.0-13.3.1"],
  cwe: ["CWE-259", "CWE-526", "CWE-798"],
};

export const SECRET_PLACEHOLDER: Rule = {
  id: "secrets-management/placeholder",
  severity: "error",
  what: "A secret still has the value of an example.",
  why: "Everyone who has read the example knows it, and signs sessions or opens the database with it.",
  fix: `Generate one, such as: node -e "console.log(crypto.randomBytes(32).toString('base64url'))"`,
  django: ["security.W009", "security.W025"],
};
export const SECRET_WEAK: Rule = {
  id: "secrets-management/weak",
  severity: "warning",
  what: "A signing secret is too short or too regular to hold 128 bits.",
  why: "Whoever has one signed value can try secrets on their own machine until one fits.",
  fix: `Generate one, such as: node -e "console.log(crypto.randomBytes(32).toString('base64url'))"`,
  django: ["security.W009", "security.W025"],
};
export const SECRET_REUSED: Rule = {
  id: "secrets-management/reused",
  severity: "warning",
  what: "Two signing secrets have the same value.",
  why: "What is signed for one purpose then verifies for the other, and neither can be changed alone.",
  fix: "Give each variable a value of its own, or derive both from GLACIS_KEYS, which separates purposes.",
};
export const ENV_FILE: Rule = {
  id: "secrets-management/env-file",
  severity: "warning",
  what: "Production reads or holds its secrets in a dotenv file.",
  why: "A file beside the code ends up in images, backups and static folders, and nobody sees who read it.",
  fix: "Let the platform inject the variables from its secret store, and keep .env files out of the image.",
};
export const ENV_FILE_TRACKED: Rule = {
  id: "secrets-management/env-file-tracked",
  severity: "error",
  what: "A dotenv file is tracked by git.",
  why: "Everyone with a copy of the repository has its secrets, and deleting the file leaves them in the history.",
  fix: "Take it out with git rm --cached, add it to .gitignore, and replace every secret that it held.",
};
export const UNMANAGED_PROVIDER: Rule = {
  id: "secrets-management/unmanaged-provider",
  severity: "warning",
  what: "A secret comes from a place that grants and records no access.",
  why: "Variables and files are readable by whoever is on the machine, and nobody sees who read them or when they changed.",
  fix: "Keep it in a secret store, such as ssmSecrets() or secretsManagerSecrets(); waive this where the platform mounts it from one.",
};

/** A credential of any kind: by the end of the variable's name. */
const CREDENTIAL =
  /(?:^|_)(?:SECRET|SECRET_KEY|PRIVATE_KEY|SIGNING_KEY|ENCRYPTION_KEY|API_KEY|TOKEN|PASSWORD|PASSPHRASE)$/u;
/** A secret that the application chooses itself and signs or encrypts with. */
const SIGNING = /(?:^|_)(?:SECRET|SECRET_KEY|SIGNING_KEY|ENCRYPTION_KEY)$/u;
/** Old values that are still accepted: a list, judged one by one. */
const FALLBACKS = /_(?:FALLBACKS?|PREVIOUS|OLD)$/u;

const FEWEST_BITS = 128;

export interface SecretsManagementOptions {
  /** What `secretStore()` returned: where its secrets come from is judged as well. */
  readonly store?: Pick<SecretStore, "kept">;
}

/**
 * Judges the secrets that the environment shows, in production, and dotenv files. A finding names the variable and never its value.
 *
 * @throws TypeError on an unknown option.
 * @example
 * secretsManagement({ store });
 */
export function secretsManagement(options: SecretsManagementOptions = {}): Control {
  rejectUnknownOptions("secretsManagement", options, ["store"]);
  return {
    meta: META,
    rules: [SECRET_PLACEHOLDER, SECRET_WEAK, SECRET_REUSED, ENV_FILE, ENV_FILE_TRACKED, UNMANAGED_PROVIDER],
    check: (deployment) => [
      ...judgeTracked(deployment),
      ...(deployment.mode === "production"
        ? [...judgeValues(deployment), ...judgeFiles(deployment), ...judgeProviders(options)]
        : []),
    ],
  };
}

function judgeTracked({ trackedEnvFiles = [] }: Deployment): readonly Finding[] {
  return trackedEnvFiles.map((name) => finding(ENV_FILE_TRACKED, { kind: "environment", name }));
}

function judgeProviders({ store }: SecretsManagementOptions): readonly Finding[] {
  const unmanaged = (store?.kept() ?? []).filter(({ managed }) => !managed);
  return unmanaged.map(({ name }) => finding(UNMANAGED_PROVIDER, { kind: "setting", name }));
}

function judgeValues({ variables }: Deployment): readonly Finding[] {
  const findings: Finding[] = [];
  const ownerOf = new Map<string, string>();
  for (const [name, value] of variables) {
    const base = name.toUpperCase().replace(FALLBACKS, "");
    if (!CREDENTIAL.test(base) || value === "") continue;
    const values = FALLBACKS.test(name.toUpperCase()) ? value.split(",").map((part) => part.trim()) : [value];
    for (const secret of values) {
      const rule = judgeSecret(secret, SIGNING.test(base));
      if (rule !== undefined) findings.push(finding(rule, { kind: "environment", name }));
    }
    if (!SIGNING.test(base)) continue;
    const owner = ownerOf.get(value);
    if (owner !== undefined) findings.push(finding(SECRET_REUSED, { kind: "environment", name }, `same as ${owner}`));
    ownerOf.set(value, name);
  }
  return findings;
}

function judgeSecret(secret: string, signing: boolean): Rule | undefined {
  if (isPlaceholder(secret)) return SECRET_PLACEHOLDER;
  return signing && mostBits(secret) < FEWEST_BITS ? SECRET_WEAK : undefined;
}

function judgeFiles({ nodeOptions, envFiles = [] }: Deployment): readonly Finding[] {
  const flags = nodeOptions.filter((flag) => /^--env[-_]file(?:[-_]if[-_]exists)?(?:=|$)/u.test(flag));
  return [...new Set([...flags.map((flag) => flag.split("=", 1)[0] as string), ...envFiles])].map((name) =>
    finding(ENV_FILE, { kind: "environment", name }),
  );
}
