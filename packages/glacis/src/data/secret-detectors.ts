/** What secrets look like: the forms that their makers document, and names of secrets with values that nobody would type. */

export interface SecretDetector {
  readonly name: string;
  /** Global; the first group is the secret, or the whole match where there is none. Linear on whatever it is given. */
  readonly pattern: RegExp;
  /** A second look at what matched. */
  readonly confirms?: (secret: string) => boolean;
}

const token = (name: string, source: string): SecretDetector => ({
  name,
  pattern: new RegExp(`(?<![A-Za-z0-9_])(?:${source})(?![A-Za-z0-9_])`, "gu"),
  confirms: isNoPlaceholder,
});

/** Bits of surprise in each character (Shannon). */
export function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

const PLACEHOLDER =
  /example|sample|placeholder|change[-_ ]?me|dummy|redacted|your[-_ ]|insert[-_ ]|x{6,}|\*{4,}|\.{3}|\$\{|\{\{|<[a-z]|%[sd(]|process\.env|0123456789|123456789|abcdef(?:gh|01)/iu;

/** Four letters are found by chance in what is random, unless they have to be of one case: one key in thirty thousand would pass unseen. */
const FAKE = /fake|Fake|FAKE/u;

function isPlaceholder(secret: string): boolean {
  return PLACEHOLDER.test(secret) || FAKE.test(secret);
}

function isNoPlaceholder(secret: string): boolean {
  return !isPlaceholder(secret) && new Set(secret).size > 5;
}

/** Words, paths and identifiers have less in each character than keys do; so has a text with blanks. */
function isSurprising(secret: string): boolean {
  if (!isNoPlaceholder(secret) || /^[a-z]+(?:[-_./:][a-z]+)*[-_./:]?$/iu.test(secret)) return false;
  return entropyOf(secret) >= (/^[0-9a-f]+$/iu.test(secret) ? 3 : 3.5);
}

/** In a URL a password may be short; words that stand for one are no secret. */
function isPassword(secret: string): boolean {
  return (
    secret.length >= 6 &&
    !isPlaceholder(secret) &&
    !/^(?:pass(?:word|wd)?|secret|postgres|root|admin|user|guest|test|redis)$/iu.test(secret)
  );
}

export const SECRET_DETECTORS: readonly SecretDetector[] = [
  {
    name: "private-key",
    pattern: /-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----(?=\s|\\n|$)/gu,
  },
  token("aws-access-key", "(?:AKIA|ASIA)[A-Z2-7]{16}"),
  token("github-token", "gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
  token("gitlab-token", "gl(?:pat|ptt|dt|rt|ft|soat)-[A-Za-z0-9_-]{20,64}"),
  token("npm-token", "npm_[A-Za-z0-9]{36}"),
  token("pypi-token", "pypi-[A-Za-z0-9_-]{85,255}"),
  token("slack-token", "xox[abeoprs]-[A-Za-z0-9-]{20,255}|xapp-[0-9]-[A-Za-z0-9-]{20,255}"),
  token("stripe-key", "(?:sk|rk)_live_[A-Za-z0-9]{16,255}|whs(?:ec|k)_[A-Za-z0-9+/=]{24,255}"),
  token("sendgrid-key", "SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}"),
  token("google-api-key", "AIza[A-Za-z0-9_-]{35}"),
  token("openai-key", "sk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{40,255}"),
  token("anthropic-key", "sk-ant-[A-Za-z0-9_-]{40,255}"),
  token("twilio-key", "SK[0-9a-f]{32}"),
  token("azure-storage-key", "AccountKey=[A-Za-z0-9+/]{86}=="),
  token("json-web-token", "eyJ[A-Za-z0-9_-]{10,2000}\\.eyJ[A-Za-z0-9_-]{10,2000}\\.[A-Za-z0-9_-]{20,700}"),
  token("webhook-url", "https://hooks\\.slack\\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20,30}"),
  {
    name: "url-password",
    pattern: /[a-z][a-z0-9+]{1,15}:\/\/[^\s:/?#@'"`<>]{0,64}:([^\s:/?#@'"`<>]{1,128})@[a-z0-9[]/giu,
    confirms: isPassword,
  },
  {
    name: "assigned-secret",
    pattern:
      /(?:secret|passw(?:or)?d|passphrase|token|api[-_]?key|access[-_]?key|private[-_]?key|client[-_]?secret|credential|master[-_]?key|encryption[-_]?key|glacis[-_]?keys)[a-z0-9_]{0,20}["'`]?\s{0,4}(?:=>|:=|[:=])\s{0,4}["'`]?([A-Za-z0-9+/=_.~!@#$%^&*:-]{16,200})(?=["'`\s,;)\]}]|$)/giu,
    confirms: isSurprising,
  },
];
