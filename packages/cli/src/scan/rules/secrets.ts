import { textOf, UNKNOWN, type Value } from "../engine/value.ts";
import { option, type ScanRule, untrusted } from "../rule.ts";
import { KIND } from "../engine/kinds.ts";
import type { Node, SourceFile } from "../parse.ts";
import { nameOf, nameOfTarget, textAt } from "./names.ts";

const NAMES =
  /(?:passw(?:or)?d|pwd|secret|(?:api|access|private|encryption|signing|secret|auth)_?-?key|token|credentials?)$/iu;
const STAND_INS =
  /^(?:process\.|<|\$\{|\{\{|your|change|example|placeholder|dummy|fake|test|xxx|\*+$|none$|null$|todo)/iu;
const FORMATS =
  /^(?:AKIA[0-9A-Z]{16}|sk_live_\w{16,}|gh[pousr]_\w{30,}|xox[abp]-[\w-]{10,}|AIza[\w-]{30,}|[MN][\w-]{23,}\.[\w-]{6}\.[\w-]{27,}|SG\.[\w-]{16,}\.[\w-]{16,}|npm_\w{36}|glpat-[\w-]{20}|-----BEGIN (?:\w+ )?PRIVATE KEY-----[^]{40,})/u;
const URL_PASSWORD = /^[a-z][a-z0-9+.-]*:\/\/[^\s:/@]+:([^\s:/@$<{]{3,})@/iu;

/** A secret that everybody has who has the code. */
export const HARD_CODED_SECRET: ScanRule = {
  id: "scan/hard-coded-secret",
  severity: "error",
  cwe: ["CWE-798", "CWE-259", "CWE-321"],
  owasp: "A07",
  what: "A password, key or token stands in the code.",
  why: "It is in every copy and every commit, and cannot be changed without a release.",
  fix: "Read it from a secret store (secretStore of glacis/data) or the environment, and revoke the one that was here.",
  bad: 'import jwt from "jsonwebtoken";\nexport const issue = (user) => jwt.sign({ sub: user.id }, "s3cr3t-of-the-shop", { expiresIn: "1h" });',
  good: 'import jwt from "jsonwebtoken";\nexport const issue = (user) => jwt.sign({ sub: user.id }, process.env.JWT_KEY, { expiresIn: "1h" });',
  calls: ({ api, args, node, isNew, name }, report) => {
    const keyed =
      /^(?:jsonwebtoken\.(?:sign|verify)|jwt-simple\.(?:encode|decode)|crypto\.createHmac|cookie-signature\.(?:sign|unsign)|koa-jwt|express-jwt(?:\.expressjwt)?)$/u.test(
        api,
      );
    if (keyed && isText(args[1])) report(node, `the key of ${name}()`);
    const isCipher = /^crypto\.create(?:Cipheriv|Decipheriv|Hmac)$/u.test(api);
    const { api: made = "", madeOf } = args[1] ?? UNKNOWN;
    if (isCipher && /^crypto\.(?:scrypt|pbkdf2)Sync\(\)$/u.test(made) && madeOf !== undefined)
      report(node, `what the key of ${name}() is made of`);
    const [settings] = args;
    if (/^sequelize(?:\.Sequelize)?$/u.test(api) && args.length > 2 && isText(args[2])) report(node, "password");
    if (api === "express-basic-auth" && [...(option(settings, "users")?.fields?.values() ?? [])].some(isText))
      report(node, "users");
    if (/session|jwt|cookie-parser/iu.test(api) || /^(?:express-)?session$/u.test(name)) {
      for (const key of ["secret", "keys", "secretOrKey", "secretOrPrivateKey"]) {
        const given = option(settings, key);
        if (isText(given) || isText(option(given, "0"))) report(node, key);
      }
      if (/^cookie-parser$/u.test(api) && isText(settings)) report(node, "the key of the cookies");
    }
    if (!isNew && !/connect|createPool|createClient|createTransport|login|auth|Sequelize|knex/iu.test(name)) return;
    for (const value of args.slice(0, 2))
      for (const given of [
        option(value, "password"),
        option(option(value, "auth"), "pass"),
        option(option(value, "connection"), "password"),
      ])
        if (isText(given)) report(node, "password");
  },
  nodes: (node, _parents, file, report) => {
    const stated = statedSecret(node, file);
    if (stated !== undefined) report(node, stated);
    const written =
      node.type === "TemplateLiteral" && node.expressions.length === 0 ? node.quasis[0]?.value.cooked : undefined;
    if (FORMATS.test(written ?? "")) report(node, "the format of a known service");
    if (node.type === "Literal" && typeof node.value === "string") {
      if (FORMATS.test(node.value)) report(node, "the format of a known service");
      const password = URL_PASSWORD.exec(node.value)?.[1];
      if (
        password !== undefined &&
        !STAND_INS.test(password) &&
        !/^(?:postgres|password|user|pass|root|secret)$/iu.test(password)
      )
        report(node, "a password in an address");
      return;
    }
    if (
      node.type !== "VariableDeclarator" &&
      node.type !== "Property" &&
      node.type !== "AssignmentExpression" &&
      node.type !== "PropertyDefinition"
    )
      return;
    const value =
      node.type === "VariableDeclarator"
        ? node.init
        : node.type === "AssignmentExpression"
          ? node.operator === "="
            ? node.right
            : undefined
          : node.value;
    const name = nameOfTarget(node);
    const encoded = value === null || value === undefined ? undefined : encodedText(value, file);
    if (
      encoded !== undefined &&
      name !== undefined &&
      (NAMES.test(name) || /^key$/iu.test(name)) &&
      looksSecret(encoded)
    )
      report(node, name);
    if (value?.type !== "Literal" || typeof value.value !== "string" || name === undefined || !NAMES.test(name)) return;
    if (looksSecret(value.value)) report(node, name);
  },
};

/** `Buffer.from("...")` and `new TextEncoder().encode("...")` */
function encodedText(value: Node, file: SourceFile): string | undefined {
  if (value.type !== "CallExpression" || !/^Buffer\.from$|TextEncoder\(\)\.encode$/u.test(textAt(file, value.callee)))
    return undefined;
  const [first] = value.arguments;
  return first?.type === "Literal" && typeof first.value === "string" ? first.value : undefined;
}

/** A text where a secret of the environment is missing, one that is compared with a password, one for a header. */
function statedSecret(node: Node, file: SourceFile): string | undefined {
  if (node.type === "LogicalExpression") {
    const isText =
      node.right.type === "Literal" && typeof node.right.value === "string" && node.right.value.length >= 3;
    const isSecret = /^process\.env(?:\.|\[["'])\w*(?:SECRET|_KEY|TOKEN|PASSWORD|PASSWD)\w*(?:["']\])?$/u;
    return isText && node.operator !== "&&" && isSecret.test(textAt(file, node.left)) ? "a fallback" : undefined;
  }
  if (node.type === "BinaryExpression" && /^[!=]==?$/u.test(node.operator)) {
    const [asked, given] =
      node.right.type === "Literal" ? [node.left as Node, node.right] : [node.right, node.left as Node];
    const name =
      asked.type === "MemberExpression" ? nameOf(asked.property) : asked.type === "Identifier" ? asked.name : "";
    const isText = given.type === "Literal" && typeof given.value === "string" && /^\S{5,}$/u.test(given.value);
    return isText &&
      /^(?:\w*(?:password|passwd|passphrase)|api_?key|secret)$/iu.test(name ?? "") &&
      given.value !== "undefined"
      ? `the ${name}`
      : undefined;
  }
  const isHeader =
    node.type === "Literal" &&
    typeof node.value === "string" &&
    /^(?:Basic [\w+/]{8,}={0,2}|Bearer [\w.-]{16,})$/u.test(node.value);
  return isHeader ? "the value of a header" : undefined;
}

function isText(value: Value | undefined): boolean {
  const text = textOf(value);
  return text !== undefined && text.length >= 3 && !STAND_INS.test(text);
}

/** Letters and figures mixed, and neither a sentence nor an address nor a name. */
function looksSecret(text: string): boolean {
  return (
    text.length >= 8 &&
    !/\s|^https?:|^\/|^\.|^[a-z]+(?:[-_.:][a-z]+)*$|^[A-Z]+(?:_[A-Z]+)*$|^[a-z]+(?:[A-Z][a-z]+)*$/u.test(text) &&
    /\d|[^\w\s]/u.test(text) &&
    !STAND_INS.test(text)
  );
}

/** A package for JSON Web Tokens, or what one looks like in use. */
const OF_TOKENS = /["'`](?:@?[\w-]+\/)?[\w-]*(?:jsonwebtoken|jwt)["'`]|\bjwt\w*\.verify/iu;

/** A token that is believed without its signature. */
export const UNVERIFIED_TOKEN: ScanRule = {
  id: "scan/unverified-token",
  severity: "error",
  cwe: ["CWE-347", "CWE-345"],
  owasp: "A02",
  what: "A JSON Web Token is read without its signature being checked, or with one that anybody can make.",
  why: "Whoever writes the token is then whoever they say.",
  fix: 'jwt.verify(token, key, { algorithms: ["RS256"] }) with the one algorithm that you use.',
  bad: 'import jwt from "jsonwebtoken";\napp.get("/me", (req, res) => res.json(jwt.decode(req.headers.authorization.slice(7))));',
  good: 'import jwt from "jsonwebtoken";\napp.get("/me", (req, res) => res.json(jwt.verify(req.headers.authorization.slice(7), publicKey, { algorithms: ["RS256"] })));',
  calls: ({ api, args, node, run }, report) => {
    const [token, key, settings] = args;
    if (
      /^(?:jsonwebtoken\.decode|jwt-decode(?:\.jwtDecode)?|jose\.decodeJwt|@nestjs\/jwt\.JwtService\(\)\.decode|hono\/jwt\.decode|fast-jwt\.createDecoder\(\)|jwt-simple\.decodeUnsafe|jws\.decode|koa-jwt\.decode)$/u.test(
        api,
      )
    ) {
      const taint = option(key, "complete")?.literal === true ? undefined : untrusted(run, token, KIND.format);
      if (taint !== undefined) report(node, "decoded only", taint);
    }
    if (api === "jose.UnsecuredJWT.decode") report(node, "without a signature");
    if (api === "JSON.parse" && /base64|\batob\(/u.test(run.module.file.text)) {
      const taint = untrusted(run, token, KIND.format);
      const isPayload = taint !== undefined && /token|jwt|authorization|bearer/iu.test(taint.label);
      const { text } = run.module.file;
      if (isPayload && /\.split\(["'`]\.["'`]\)/u.test(text) && !/createHmac|createVerify|verify\(/u.test(text))
        report(node, "taken apart", taint);
    }
    if (/^jsonwebtoken\.(?:sign|verify)$/u.test(api)) {
      const algorithms = [option(settings, "algorithm"), ...(option(settings, "algorithms")?.fields?.values() ?? [])];
      if (algorithms.some((value) => textOf(value)?.toLowerCase() === "none")) report(node, "algorithm none");
      else if (
        api.endsWith("verify") &&
        (key?.literal === null || key?.literal === "" || key?.literal === false || key?.api === "undefined")
      )
        report(node, "no key");
      else if (api.endsWith("verify") && option(settings, "ignoreExpiration")?.literal === true)
        report(node, "ignoreExpiration");
    }
    if (api === "jwt-simple.decode" && settings?.literal === true) report(node, "noVerify");
  },
  nodes: (node, _parents, file, report) => {
    if (node.type !== "Property") return;
    const name = nameOf(node.key);
    if (name === "ignoreExpiration" && node.value.type === "Literal" && node.value.value === true) {
      if (OF_TOKENS.test(file.text)) report(node, name);
    }
    if (name !== "algorithms" || node.value.type !== "ArrayExpression") return;
    const isNone = node.value.elements.some((one) => one?.type === "Literal" && /^none$/iu.test(String(one.value)));
    if (isNone) report(node, "algorithm none");
  },
};
