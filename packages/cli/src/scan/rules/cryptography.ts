import type { Run } from "../engine/run.ts";
import { textOf, type Value } from "../engine/value.ts";
import type { Node, SourceFile } from "../parse.ts";
import { option, untrustedItself, type Report, type ScanRule } from "../rule.ts";
import { KIND } from "../engine/kinds.ts";
import { nameOf, nameOfTarget, SECRET_NAMES, textAt } from "./names.ts";

const PASSWORDS = /passw(?:or)?d|passphrase|pwd|\bp(?:in|w)\b|(?:^|[a-z])P(?:w|W)$/iu;

const BROKEN = /^(?:md[245]|rsa-md5|sha-?1|rsa-sha1|ripemd(?:160)?)$/iu;

/** A hash that is broken, or too fast for passwords. */
export const WEAK_HASH: ScanRule = {
  id: "scan/weak-hash",
  severity: "error",
  cwe: ["CWE-327", "CWE-328", "CWE-916"],
  owasp: "A02",
  what: "A broken hash is used, or a fast one for a password.",
  why: "Collisions of MD5 and SHA-1 are made at will; of any fast hash, a graphics card tries ten thousand million passwords a second.",
  fix: "SHA-256 for data; argon2id, scrypt or bcrypt for passwords (glacis/authentication).",
  bad: 'import { createHash } from "node:crypto";\nexport const store = (password) => createHash("sha256").update(password).digest("hex");',
  good: 'import { scryptSync, randomBytes } from "node:crypto";\nexport const store = (password) => scryptSync(password, randomBytes(16), 32);',
  calls: ({ api, name, args, receiver, node, run }, report) => {
    const [first] = args;
    if (
      /^crypto\.(?:createHash|createHmac|createSign|hash|(?:webcrypto\.)?subtle\.digest)$/u.test(api) &&
      BROKEN.test(textOf(first) ?? textOf(option(first, "name")) ?? "")
    )
      report(node, textOf(first) ?? textOf(option(first, "name")));
    if (
      /^(?:md5|sha1|blueimp-md5|js-md5|js-sha1|crypto-js\.(?:MD5|SHA1)|crypto-js\/(?:md5|sha1)|CryptoJS\.(?:MD5|SHA1))$/u.test(
        api,
      )
    )
      report(node, api);
    const isPassword = holdsPassword(first, argumentOf(node, 0), run);
    const isPlain = /^crypto\.(?:hash|(?:webcrypto\.)?subtle\.digest)$/u.test(api);
    if (isPlain && holdsPassword(args[1], argumentOf(node, 1), run)) report(node, "a password");
    if (name === "update" && /^crypto\.createHash\(\)(?:\.update\(\))*$/u.test(receiver?.api ?? "") && isPassword)
      report(node, "a password");
    if (/^(?:crypto-js\.SHA\d+|CryptoJS\.SHA\d+)$/u.test(api) && isPassword) report(node, "a password");
    const rounds = args[1]?.literal;
    if (
      /^bcrypt(?:js)?\.(?:hash|hashSync|genSalt|genSaltSync)$/u.test(api) &&
      typeof (api.includes("genSalt") ? first?.literal : rounds) === "number" &&
      Number(api.includes("genSalt") ? first?.literal : rounds) < 10
    )
      report(node, "fewer than 10 rounds");
    const turns = /^(?:crypto-js|CryptoJS)\.(?:PBKDF2|EvpKDF)$/u.test(api) ? option(args[2], "iterations") : undefined;
    if (typeof turns?.literal === "number" && turns.literal < 100_000) report(node, "fewer than 100000 iterations");
    const memory = /^(?:@node-rs\/)?argon2\.hash(?:Sync)?$/u.test(api)
      ? option(args[1], "memoryCost")?.literal
      : undefined;
    if (typeof memory === "number" && memory < 7168) report(node, "less than 7 MiB");
    const settings = /^crypto\.scrypt(?:Sync)?$/u.test(api) ? args[3] : undefined;
    const cost = (option(settings, "N") ?? option(settings, "cost"))?.literal;
    if (typeof cost === "number" && cost < 16_384) report(node, "a cost below 16384");
    if (/^crypto\.(?:scrypt|pbkdf2)(?:Sync)?$/u.test(api) && isFixed(args[1])) report(node, "a fixed salt");
    if (/^crypto\.pbkdf2(?:Sync)?$/u.test(api) && typeof args[2]?.literal === "number" && args[2].literal < 100_000)
      report(node, "fewer than 100000 iterations");
  },
};

function holdsPassword(value: Value | undefined, node: Node | undefined, run: Run): boolean {
  return (
    PASSWORDS.test(value?.name ?? "") ||
    value?.taints.some(({ label }) => PASSWORDS.test(label.slice(label.lastIndexOf(".") + 1))) === true ||
    PASSWORDS.test(textAt(run.module.file, node))
  );
}

function argumentOf(node: Node, index: number): Node | undefined {
  return node.type === "CallExpression" || node.type === "NewExpression" ? node.arguments[index] : undefined;
}

/** A cipher that is broken, or used so that it is. */
export const WEAK_CIPHER: ScanRule = {
  id: "scan/weak-cipher",
  severity: "error",
  cwe: ["CWE-327", "CWE-329", "CWE-321"],
  owasp: "A02",
  what: "A broken cipher or mode is used, or one with a fixed key or initialisation vector.",
  why: "ECB shows what repeats, DES and RC4 are broken, and two texts under one key and vector give each other away.",
  fix: "aes-256-gcm with a key from a secret store and randomBytes(12) for each text; better, the field encryption of glacis/data.",
  bad: 'import { createCipheriv } from "node:crypto";\nexport const seal = (key, text) => createCipheriv("aes-128-ecb", key, null).update(text);',
  good: 'import { createCipheriv, randomBytes } from "node:crypto";\nexport const seal = (key, text) => createCipheriv("aes-256-gcm", key, randomBytes(12)).update(text);',
  calls: ({ api, args, node, run }, report) => {
    if (/^crypto\.(?:createCipher|createDecipher)$/u.test(api))
      report(node, "derives key and vector from a password, without salt");
    const padding = /^crypto\.(?:publicEncrypt|privateDecrypt)$/u.test(api) ? option(args[0], "padding") : undefined;
    if (padding?.api?.endsWith("RSA_PKCS1_PADDING") === true || padding?.literal === 1)
      report(node, "the padding of PKCS #1 1.5");
    const vectorOf = /(?:^|\.)subtle\.encrypt$/u.test(api) ? option(args[0], "iv") : undefined;
    if (vectorOf?.api === "Uint8Array()" && !/getRandomValues\(|randomFill/u.test(run.module.file.text))
      report(node, "a fixed initialisation vector");
    if (!/^crypto\.createCipheriv$|^crypto\.createDecipheriv$/u.test(api)) {
      if (/^(?:crypto-js|CryptoJS)\.(?:DES|TripleDES|RC4|Rabbit|RC4Drop)\.encrypt$/u.test(api)) report(node, api);
      if (option(args[2], "mode")?.api?.endsWith(".ECB") === true) report(node, "ECB");
      if (/^node-forge\.cipher\.createCipher$/u.test(api) && /^(?:3?DES|RC2)|-ECB$/u.test(textOf(args[0]) ?? ""))
        report(node, textOf(args[0]));
      return;
    }
    const [algorithm, key, vector] = args;
    if (
      /(?:^|-)(?:des|des3|3des|des-ede3?|rc2|rc4|bf|blowfish|cast5?|idea|seed)(?:-|$)|-ecb$/iu.test(
        textOf(algorithm) ?? "",
      )
    )
      report(node, textOf(algorithm));
    else if (isFixed(key)) report(node, "a fixed key");
    else if (
      api.endsWith("createDecipheriv") &&
      /-(?:gcm|ccm|ocb)$|poly1305$/iu.test(textOf(algorithm) ?? "") &&
      !run.module.file.text.includes("setAuthTag")
    )
      report(node, "the tag is never given to it");
    else if (api.endsWith("createCipheriv") && isFixed(vector)) report(node, "a fixed initialisation vector");
  },
};

function isFixed(value: Value | undefined): boolean {
  return value !== undefined && ((textOf(value) ?? "") !== "" || value.api === "Buffer.alloc()");
}

/** A secret that is guessed from the one before. */
export const INSECURE_RANDOMNESS: ScanRule = {
  id: "scan/insecure-randomness",
  severity: "error",
  cwe: ["CWE-338", "CWE-330"],
  owasp: "A02",
  what: "A secret is made with Math.random() or from the time.",
  why: "From a few values of Math.random() all others follow, before and after.",
  fix: "crypto.randomBytes(), crypto.randomUUID() or crypto.randomInt().",
  bad: "export const resetToken = () => Math.random().toString(36).slice(2);",
  good: 'import { randomBytes } from "node:crypto";\nexport const resetToken = () => randomBytes(32).toString("base64url");',
  calls: ({ api, name, args, receiver, run, node }, report) => {
    if (api === "crypto.pseudoRandomBytes") report(node, "pseudoRandomBytes()");
    if (receiver?.role === undefined || !/^(?:cookie|setCookie)$/u.test(name)) return;
    const taint = untrustedItself(run, args[1], KIND.guess, ["random"]);
    if (taint !== undefined && SESSION_NAMES.test(textOf(args[0]) ?? "")) report(node, textOf(args[0]), taint);
  },
  assigns: ({ node, key, value, run }, report) => {
    noteGuessable(node, String(key.literal ?? ""), value, run, report);
  },
  values: (node, value, run, report) => {
    if (node.type === "Identifier") noteGuessable(node, node.name, value, run, report);
    if (node.type === "Property") noteGuessable(node, nameOf(node.key) ?? "", value, run, report);
  },
  nodes: (node, parents, file, report) => {
    if (node.type !== "CallExpression") return;
    const target = parents.at(-1);
    const isNamed = SECRET_NAMES.test(nameOfTarget(target ?? node) ?? "");
    if (isNamed && isRandom(node.callee, file)) report(node, nameOfTarget(target ?? node));
    const isSmall = /["'`]nanoid\/non-secure["'`]/u.test(file.text) && /nanoid|[iI]d$/u.test(textAt(file, node.callee));
    if (isSmall && parents.slice(-4).some((one) => SECRET_NAMES.test(nameOfTarget(one) ?? "")))
      report(node, "nanoid/non-secure");
    if (isShort(node, file) && parents.slice(-6).some((one) => LONG_LIVED.test(nameOfTarget(one) ?? ""))) {
      report(node, "fewer than eight bytes");
      return;
    }
    if (!/^(?:Math|_|lodash)\.random\(/u.test(textAt(file, node))) return;
    for (const parent of parents.toReversed().slice(0, 14)) {
      if (SECRET_NAMES.test(nameOfTarget(parent) ?? "")) {
        report(node, nameOfTarget(parent));
        return;
      }
      if (parent.type === "FunctionDeclaration" || parent.type === "MethodDefinition" || parent.type === "ClassBody")
        return;
    }
  },
};

/** What may be tried for a long time. */
const LONG_LIVED = /(?:token|secret|session_?id|api_?key|invite_?code)$/iu;

/** `randomBytes(4)` */
function isShort(node: Node & { readonly type: "CallExpression" }, file: SourceFile): boolean {
  const [size] = node.arguments;
  return (
    /(?:^|\.)randomBytes$/u.test(textAt(file, node.callee)) &&
    size?.type === "Literal" &&
    typeof size.value === "number" &&
    size.value < 8
  );
}

const SESSION_NAMES = /sess|^sid$|token|auth|csrf|xsrf/iu;
/** Times at which a secret ends are no secrets. */
const TIMES =
  /expir|time|date|\bage|ttl|issued|created|until|valid|At$|count|length|index|name|type|url|field|delay|jitter|wait/iu;

/** A secret that holds a number of Math.random(), or the time as a text. */
function noteGuessable(node: Node, name: string, value: Value, run: Run, report: Report): void {
  if (!SECRET_NAMES.test(name) || TIMES.test(name) || value.closure !== undefined) return;
  const taint = untrustedItself(run, value, KIND.guess, ["random"]);
  if (taint !== undefined && (taint.label === "Math.random()" || value.type === "string")) report(node, name, taint);
}

/** A function of the same file that asks Math.random(). */
function isRandom(callee: Node, { text }: SourceFile): boolean {
  const name =
    callee.type === "Identifier"
      ? callee.name
      : callee.type === "MemberExpression"
        ? nameOf(callee.property)
        : undefined;
  if (name === undefined || !text.includes("Math.random(") || !/^[a-z]\w+$/u.test(name)) return false;
  const declared = new RegExp(
    `(?:function\\s+${name}|^\\s+(?:async\\s+)?${name}|const\\s+${name}\\s*=\\s*(?:function)?)\\s*\\([^)]*\\)[^\\n]*(?:=>|\\{)`,
    "mu",
  );
  const at = declared.exec(text)?.index;
  if (at === undefined) return false;
  const end = /\n\s{0,2}\}/u.exec(text.slice(at))?.index ?? 300;
  return text.slice(at, at + Math.min(end, 600)).includes("Math.random(");
}

const PROOFS =
  /signature|hmac|\.digest\(|\bmac\b|expected(?:sig|hash|mac|token|digest)|computed(?:sig|hash|mac|digest)|process\.env(?:\.|\[["'])(?!\w*(?:PUBLIC|HOST)_?KEY)\w*(?:SECRET|KEY|TOKEN|PASSWORD)|\b(?:api_token|api_key|auth_token|admin_token|secret_key|api_secret)\b/iu;

/** A comparison that tells how much of a secret was right. */
export const TIMING_COMPARISON: ScanRule = {
  id: "scan/timing-comparison",
  severity: "error",
  cwe: ["CWE-208"],
  owasp: "A02",
  what: "A signature or a secret is compared with ===.",
  why: "The comparison ends at the first letter that differs, and its time tells which that was.",
  fix: "crypto.timingSafeEqual on two buffers of one length, such as two digests.",
  bad: 'app.post("/hook", (req, res) => { if (req.headers["x-signature"] === hmac.digest("hex")) run(); });',
  good: 'import { timingSafeEqual } from "node:crypto";\napp.post("/hook", (req, res) => { if (timingSafeEqual(Buffer.from(String(req.headers["x-signature"])), hmac.digest())) run(); });',
  calls: ({ api, name, args, receiver, node }, report) => {
    const isMac = ({ api: made = "" }: Value): boolean => /^crypto\.createHmac\(\).*\bdigest\(\)$/u.test(made);
    const asked =
      name === "equals" || name === "localeCompare" ? [receiver, args[0]] : api === "Buffer.compare" ? args : [];
    if (asked.some((value) => value !== undefined && isMac(value))) report(node, `${name}()`);
  },
  nodes: (node, _parents, file, report) => {
    if (node.type !== "BinaryExpression" || !/^[!=]==?$/u.test(node.operator)) return;
    const sides = [node.left, node.right];
    if (sides.some((side) => isPlain(side, file))) return;
    const secret = (side: Node): boolean => {
      const text = textAt(file, side);
      return (PROOFS.test(text) && text.length < 160) || (side.type === "Identifier" && isSecret(file, text));
    };
    if (sides.some(secret) || isKeptAndGiven(sides, file) || isKeptAndGiven(sides.toReversed(), file)) report(node);
  },
};

const KEPT =
  /\.(?:\w*(?:reset|verif\w*|confirm\w*|activation|access|refresh|api|auth|csrf|xsrf|session|invite|bearer|magic|secret)_?(?:token|key|code)|token|secret|password|otp)$/iu;
const GIVEN =
  /^(?:c\.)?(?:req|request|ctx|event)\??\.(?:\w+\??\.)*(?:body|query|params|headers?|cookies|get|payload)\b/u;

/** `user.resetToken === req.body.resetToken`: what is kept, and what a request says it is. */
function isKeptAndGiven([kept, given]: readonly Node[], file: SourceFile): boolean {
  const text = textAt(file, kept);
  if (!KEPT.test(text) || GIVEN.test(text) || text.length > 80) return false;
  const other = textAt(file, given);
  if (GIVEN.test(other)) return true;
  const taken = new RegExp(
    `\\{[^{}]*\\b${other.replaceAll("$", "\\$")}\\b[^{}]*\\}\\s*=\\s*(?:await\\s+)?(?:req|request|ctx|c\\.req|event)\\b`,
    "u",
  );
  return /^[\w$]+$/u.test(other) && taken.test(file.text);
}

/** Is a variable what an HMAC came to, or a secret of the environment? Its name need not say so. */
function isSecret({ text }: SourceFile, name: string): boolean {
  const given = new RegExp(
    `(?<![\\w$.])${name.replaceAll("$", "\\$")}\\s*=(?!=)\\s*(?:[^;]{0,300}createHmac\\([^;]{0,300}\\.digest\\(|(?:await\\s+)?(?:[\\w.]+\\.)?(?:scrypt|pbkdf2)(?:Sync)?\\(|process\\.env\\.(?!\\w*(?:PUBLIC|HOST)_?KEY)\\w*(?:SECRET|KEY|TOKEN|PASSWORD))`,
    "u",
  );
  return given.test(text);
}

function isPlain(node: Node, file: SourceFile): boolean {
  return (
    node.type === "Literal" ||
    node.type === "UnaryExpression" ||
    (node.type === "TemplateLiteral" && node.expressions.length === 0) ||
    /^(?:undefined|null)$|\.(?:length|byteLength|type|kind|algorithm|alg|name|status)$/u.test(textAt(file, node))
  );
}
