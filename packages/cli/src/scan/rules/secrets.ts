import { textOf, type Value } from "../engine/value.ts";
import { option, type ScanRule, untrusted } from "../rule.ts";
import { KIND } from "../engine/kinds.ts";
import { nameOfTarget } from "./names.ts";

const NAMES =
  /(?:passw(?:or)?d|pwd|secret|(?:api|access|private|encryption|signing|secret|auth)_?-?key|token|credentials?)$/iu;
const STAND_INS =
  /^(?:process\.|<|\$\{|\{\{|your|change|example|placeholder|dummy|fake|test|xxx|\*+$|none$|null$|todo)/iu;
const FORMATS =
  /^(?:AKIA[0-9A-Z]{16}|sk_live_\w{16,}|gh[pousr]_\w{30,}|xox[abp]-[\w-]{10,}|AIza[\w-]{30,}|-----BEGIN (?:\w+ )?PRIVATE KEY-----)/u;
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
    const [settings] = args;
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
  nodes: (node, _parents, _file, report) => {
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
    if (value?.type !== "Literal" || typeof value.value !== "string" || name === undefined || !NAMES.test(name)) return;
    if (looksSecret(value.value)) report(node, name);
  },
};

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
    if (/^(?:jsonwebtoken\.decode|jwt-decode(?:\.jwtDecode)?|jose\.decodeJwt)$/u.test(api)) {
      const taint = option(key, "complete")?.literal === true ? undefined : untrusted(run, token, KIND.format);
      if (taint !== undefined) report(node, "decoded only", taint);
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
};
