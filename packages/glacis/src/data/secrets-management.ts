/** Secrets in the environment are random, their own, and not written next to the code (catalog `secrets-management`; guide A02). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";

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
  fix: 'Generate one, such as: node -e "console.log(crypto.randomBytes(32).toString(`base64url`))"',
  django: ["security.W009", "security.W025"],
};
export const SECRET_WEAK: Rule = {
  id: "secrets-management/weak",
  severity: "warning",
  what: "A signing secret is too short or too regular to hold 128 bits.",
  why: "Whoever has one signed value can try secrets on their own machine until one fits.",
  fix: 'Generate one, such as: node -e "console.log(crypto.randomBytes(32).toString(`base64url`))"',
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

/** A credential of any kind: by the end of the variable's name. */
const CREDENTIAL =
  /(?:^|_)(?:SECRET|SECRET_KEY|PRIVATE_KEY|SIGNING_KEY|ENCRYPTION_KEY|API_KEY|TOKEN|PASSWORD|PASSPHRASE)$/u;
/** A secret that the application chooses itself and signs or encrypts with. */
const SIGNING = /(?:^|_)(?:SECRET|SECRET_KEY|SIGNING_KEY|ENCRYPTION_KEY)$/u;
/** Old values that are still accepted: a list, judged one by one. */
const FALLBACKS = /_(?:FALLBACKS?|PREVIOUS|OLD)$/u;

const PLACEHOLDER =
  /change.?(?:me|this|it)|replace.?(?:me|this)|(?:your|my|super|some|top).?(?:secret|key|password|token)|insecure|placeholder|keyboard.?cat|<[^>]+>|^\$\{/iu;
const PLACEHOLDER_WORDS: ReadonlySet<string> = new Set(
  "secret secretkey password passw0rd admin administrator root test testing default example dev development letmein qwerty postgres 123456 12345678 1234567890 abc123 xxx xxxx todo none null undefined".split(
    " ",
  ),
);

const FEWEST_BITS = 128;

/**
 * Judges the secrets that the environment shows, in production. A finding names the variable and never its value.
 *
 * @example
 * secretsManagement();
 */
export function secretsManagement(): Control {
  return {
    meta: META,
    rules: [SECRET_PLACEHOLDER, SECRET_WEAK, SECRET_REUSED, ENV_FILE],
    check: (deployment) =>
      deployment.mode === "production" ? [...judgeValues(deployment), ...judgeFiles(deployment)] : [],
  };
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
  const bare = secret.toLowerCase().replaceAll(/[-_. ]/gu, "");
  if (PLACEHOLDER_WORDS.has(bare) || PLACEHOLDER.test(secret)) return SECRET_PLACEHOLDER;
  return signing && mostBits(secret) < FEWEST_BITS ? SECRET_WEAK : undefined;
}

/** The most that a text of this length over these symbols can hold: what repeats itself counts once. */
function mostBits(secret: string): number {
  return periodOf(secret) * Math.log2(new Set(secret).size);
}

/** The length after which a text repeats itself, its own length when it does not: by the prefix function of Knuth, Morris and Pratt. */
function periodOf(text: string): number {
  const border = new Uint32Array(text.length);
  let matched = 0;
  for (let index = 1; index < text.length; index += 1) {
    while (matched > 0 && text[index] !== text[matched]) matched = border[matched - 1] ?? 0;
    if (text[index] === text[matched]) matched += 1;
    border[index] = matched;
  }
  return text.length - matched;
}

function judgeFiles({ nodeOptions, envFiles = [] }: Deployment): readonly Finding[] {
  const flags = nodeOptions.filter((flag) => /^--env[-_]file(?:[-_]if[-_]exists)?(?:=|$)/u.test(flag));
  return [...new Set([...flags.map((flag) => flag.split("=", 1)[0] as string), ...envFiles])].map((name) =>
    finding(ENV_FILE, { kind: "environment", name }),
  );
}
