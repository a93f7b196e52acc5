import { KIND } from "../engine/kinds.ts";
import type { Run } from "../engine/run.ts";
import { textOf, type Value } from "../engine/value.ts";
import type { Node } from "../parse.ts";
import { isTrue, option, untrusted, type ScanRule } from "../rule.ts";
import { nameOf, textAt } from "./names.ts";

/** A function that says yes and asks nothing. */
const BELIEVES =
  /^(?!.*(?:===|\?|\bif\b))[^]*(?:\bcallback\((?:true|0)\)|\b(?:cb|done|verify)\((?:true|0)\)|=>\s*true$)/u;

/** A connection to whoever answers. */
export const UNVERIFIED_PEER: ScanRule = {
  id: "scan/unverified-peer",
  severity: "error",
  cwe: ["CWE-295", "CWE-326"],
  owasp: "A02",
  what: "The certificate of the other side is not checked, or an old protocol is allowed.",
  why: "Anybody on the way reads and changes what is sent.",
  fix: "Leave rejectUnauthorized on; give the certificate of your own authority as ca.",
  bad: 'import https from "node:https";\nexport const agent = new https.Agent({ rejectUnauthorized: false });',
  good: 'import https from "node:https";\nexport const agent = new https.Agent({ ca: authority });',
  calls: ({ api, name, args, node, run }, report) => {
    const believer =
      name === "on" && textOf(args[0]) === "certificate-error"
        ? args[1]
        : name === "setCertificateVerifyProc"
          ? args[0]
          : option(args[0], "hostVerifier");
    if (believer?.closure !== undefined && BELIEVES.test(textAt(run.module.file, believer.closure.node)))
      report(node, name);
    if (!/^(?:https|tls|axios|got|request|undici|node-fetch|needle|superagent|nodemailer|ws|pg|mysql2?)\b/u.test(api))
      return;
    const off = args.some((value) => option(value, "rejectUnauthorized")?.literal === false);
    if (off && !/rejectUnauthorized["']?\s*[:=]\s*false/u.test(run.module.file.text))
      report(node, "rejectUnauthorized");
  },
  nodes: (node, _parents, file, report) => {
    if (
      node.type === "AssignmentExpression" &&
      node.left.type === "MemberExpression" &&
      /^(?:rejectUnauthorized|strictSSL)$/u.test(nameOf(node.left.property) ?? "") &&
      textAt(file, node.right) === "false"
    )
      report(node, nameOf(node.left.property));
    if (node.type === "Property") {
      const name = nameOf(node.key) ?? "";
      const value = node.value.type === "Literal" ? node.value.value : undefined;
      if (/^(?:rejectUnauthorized|strictSSL|verifySsl|checkCertificate)$/u.test(name) && value === false)
        report(node, name);
      else if (
        /^(?:insecure|insecureHTTPParser|insecureSkipVerify|trustServerCertificate|ignoreHTTPSErrors|acceptInsecureCerts|tlsInsecure|tlsAllowInvalid(?:Certificates|Hostnames)|ignoreCertificateErrors)$/u.test(
          name,
        ) &&
        value === true &&
        name !== "insecure"
      )
        report(node, name);
      else if (name === "ciphers" && /(?<![!\-\w])(?:RC4|3?DES|MD5|[ae]?NULL|EXPORT|LOW)\b/u.test(String(value)))
        report(node, String(value).slice(0, 40));
      else if (
        name === "checkServerIdentity" &&
        /=>\s*(?:undefined|null|void 0|\{\s*\}|true)$|\{\s*(?:return(?: undefined| null| true)?;?)?\s*\}$/u.test(
          textAt(file, node.value),
        )
      )
        report(node, name);
      else if (
        /^(?:minVersion|secureProtocol|maxVersion)$/u.test(name) &&
        /^(?:SSLv\d.*|TLSv1(?:\.1)?|TLSv1(?:_1)?_(?:client_|server_)?method)$/u.test(String(value))
      )
        report(node, String(value));
    } else if (
      node.type === "AssignmentExpression" &&
      textAt(file, node.left).includes("NODE_TLS_REJECT_UNAUTHORIZED") &&
      /^["'`]?0["'`]?$|^false$/u.test(textAt(file, node.right))
    )
      report(node, "NODE_TLS_REJECT_UNAUTHORIZED");
  },
};

const SESSION_COOKIES = /sess|^sid$|token|jwt|auth|remember|refresh|login/iu;

/** A session cookie that scripts, networks or other sites can get at. */
export const COOKIE_FLAGS: ScanRule = {
  id: "scan/cookie-flags",
  severity: "error",
  cwe: ["CWE-614", "CWE-1004", "CWE-1275"],
  owasp: "A05",
  what: "A cookie that signs somebody in is set without HttpOnly or Secure.",
  why: "A script reads it, or it travels over plain HTTP.",
  fix: '{ httpOnly: true, secure: true, sameSite: "lax" }, and the prefix __Host-.',
  bad: 'app.post("/login", (req, res) => { res.cookie("session", createSession()); res.end(); });',
  good: 'app.post("/login", (req, res) => { res.cookie("__Host-session", createSession(), { httpOnly: true, secure: true, sameSite: "lax" }); res.end(); });',
  calls: ({ name, api, args, receiver, node, isNew }, report) => {
    const plugin =
      name === "register" && /^@fastify\/(?:secure-)?session$/u.test(args[0]?.api ?? "") ? args[1] : undefined;
    const own = api.startsWith("iron-session.") ? option(args.at(-1), "cookieOptions") : option(plugin, "cookie");
    const isState = name === "state" && args.length === 2 && SESSION_COOKIES.test(textOf(args[0]) ?? "");
    const open = isState ? ["isHttpOnly", "isSecure"].filter((flag) => option(args[1], flag)?.literal === false) : [];
    if (open.length > 0) report(node, open.join(", "));
    const off = flagsOff(own);
    if (off.length > 0) report(node, off.join(", "));
    if (/^(?:express-session|cookie-session|koa-session|session)$/u.test(api)) {
      if (api === "express-session" && args[0]?.fields !== undefined && neverSecure(args[0]))
        report(node, "not secure");
      const cookie = option(args[0], "cookie") ?? (/^(?:cookie-session|koa-session)$/u.test(api) ? args[0] : undefined);
      const lacking = flagsOff(cookie);
      if (lacking.length > 0) report(node, lacking.join(", "));
      return;
    }
    if (
      receiver?.role !== undefined &&
      /^(?:setHeader|header|set|append)$/u.test(name) &&
      /^set-cookie$/iu.test(textOf(args[0]) ?? "")
    ) {
      const lacks = [args[1], ...(args[1]?.fields?.values() ?? [])].map(lackingInText).find((one) => one !== undefined);
      if (lacks !== undefined) report(node, lacks);
      return;
    }
    const head = receiver?.role !== undefined && name === "writeHead" ? args.at(-1) : undefined;
    const written = [...(head?.fields ?? [])].find(([header]) => /^set-cookie$/iu.test(header))?.[1];
    const lacks = [written, ...(written?.fields?.values() ?? [])].map(lackingInText).find((one) => one !== undefined);
    if (lacks !== undefined) report(node, lacks);
    const inAnswer = writtenCookie(api, isNew, args);
    if (inAnswer !== undefined) report(node, inAnswer);
    const sets =
      (receiver?.role !== undefined && /^(?:cookie|setCookie)$/u.test(name)) ||
      /^(?:hono\/cookie\.setCookie|cookie\.serialize)$/u.test(api) ||
      (name === "set" && [receiver?.name, receiver?.api].some((owner) => /cookies?(?:\(\))?$/iu.test(owner ?? "")));
    if (!sets) return;
    const [cookie, , settings] = api === "hono/cookie.setCookie" ? args.slice(1) : args;
    const cookieName = textOf(cookie) ?? "";
    if (!SESSION_COOKIES.test(cookieName) || /csrf|xsrf/iu.test(cookieName) || args.length < 2) return;
    if (settings !== undefined && settings.fields === undefined) return;
    const lacking = [
      ...flagsOff(settings),
      ...["httpOnly", "secure"].filter(
        (flag) => option(settings, flag) === undefined && settings?.fields?.get("*") === undefined,
      ),
      ...(textOf(option(settings, "sameSite"))?.toLowerCase() === "none" ? ["sameSite"] : []),
    ];
    if (lacking.length > 0) report(node, `${cookieName} without ${lacking.join(" and ")}`);
  },
  assigns: ({ node, object, key, value }, report) => {
    if (object.api !== "document" || key.literal !== "cookie") return;
    if (value.parts?.every((part) => typeof part === "string") === true) return;
    const lacks = lackingInText(value);
    if (lacks !== undefined) report(node, lacks);
  },
};

/** Express sends such a cookie over plain HTTP too. */
function neverSecure(settings: Value): boolean {
  const cookie = option(settings, "cookie");
  if (cookie === undefined) return settings.taints.length === 0 && settings.fields?.has("*") !== true;
  return cookie.fields !== undefined && !cookie.fields.has("secure") && !cookie.fields.has("*");
}

/** In the headers of a Response, or in headers that are made for one. */
function writtenCookie(api: string, isNew: boolean, args: readonly Value[]): string | undefined {
  if (!isNew)
    return /^Headers\(\)\.(?:set|append)$/u.test(api) && /^set-cookie$/iu.test(textOf(args[0]) ?? "")
      ? lackingInText(args[1])
      : undefined;
  if (!/^(?:Response|NextResponse|next\/server\.NextResponse|Headers)$/u.test(api)) return undefined;
  const headers = api === "Headers" ? args[0] : option(args[1], "headers");
  const written = [...(headers?.fields ?? [])].find(([header]) => /^set-cookie$/iu.test(header))?.[1];
  return lackingInText(written);
}

/** A cookie that is written out: nothing after its value that is not known. */
function lackingInText(value: Value | undefined): string | undefined {
  const parts = value?.parts ?? [];
  const [start] = parts;
  if (typeof start !== "string" || parts.length > 3 || (parts.length === 3 && typeof parts[2] !== "string"))
    return undefined;
  const name = start.slice(0, Math.max(start.indexOf("="), 0));
  if (!SESSION_COOKIES.test(name) || /csrf|xsrf/iu.test(name)) return undefined;
  const text = parts.filter((part) => typeof part === "string").join("");
  const lacking = ["HttpOnly", "Secure"].filter((flag) => !text.toLowerCase().includes(flag.toLowerCase()));
  return lacking.length === 0 ? undefined : `${name} without ${lacking.join(" and ")}`;
}

function flagsOff(settings: Value | undefined): readonly string[] {
  return ["httpOnly", "secure"].filter((flag) => option(settings, flag)?.literal === false);
}

/** Answers with cookies that every site may read. */
export const OPEN_CORS: ScanRule = {
  id: "scan/open-cors",
  severity: "error",
  cwe: ["CWE-942", "CWE-346"],
  owasp: "A05",
  what: "Any origin may read answers, with the cookies of who visits it.",
  why: "A page of somebody else reads the accounts of its visitors.",
  fix: "Name the origins in a list and compare with ===; without cookies, * is enough.",
  bad: 'import cors from "cors";\napp.use(cors({ origin: true, credentials: true }));',
  good: 'import cors from "cors";\napp.use(cors({ origin: ["https://app.example.com"], credentials: true }));',
  values: (node, value, run, report) => {
    const headers = value.fields?.has("statusCode") === true ? value.fields.get("headers") : undefined;
    const allowed = headers && untrusted(run, allowedOrigin([headers]), KIND.header | KIND.ssrf);
    if (allowed !== undefined) report(node, `${allowed.label} is allowed`, allowed);
  },
  calls: ({ name, api, args, node, run, receiver, isNew }, report) => {
    const isPlugin = name === "register" && /(?:^|\/)(?:fastify-)?cors$/u.test(args[0]?.api ?? "");
    if (isPlugin || /(?:^|\/)cors(?:\.cors)?$/u.test(api) || name === "enableCors") {
      const settings = args[isPlugin ? 1 : 0];
      if (option(settings, "credentials") === undefined && option(settings, "origin")?.literal === true)
        report(node, "every origin is told that it may");
      if (isTrue(option(settings, "credentials")) && isAnyOrigin(option(settings, "origin")))
        report(node, "with credentials");
      return;
    }
    const own = option(args[0], "cors") ?? option(args[1], "cors");
    if (
      own !== undefined &&
      isAnyOrigin(option(own, "origin")) &&
      (isTrue(option(own, "credentials")) || /apollo/iu.test(api))
    )
      report(node, "with credentials");
    const asked = option(args[0], "verifyClient")?.closure;
    if (asked !== undefined && /=>\s*true$|\{\s*return true;?\s*\}$/u.test(textAt(asked.file, asked.node)))
      report(node, "any origin may open a socket");
    if (isNew && /(?:^|\.)(?:Next)?Response$/u.test(api)) {
      const headers = option(args[1], "headers");
      const allowed =
        headers === undefined ? undefined : untrusted(run, allowedOrigin([headers]), KIND.header | KIND.ssrf);
      if (allowed !== undefined) report(node, `${allowed.label} is allowed`, allowed);
    }
    if (receiver?.role === undefined || !/^(?:setHeader|set|header|append|writeHead)$/u.test(name)) return;
    if (name === "writeHead" || args[0]?.fields !== undefined) {
      const taint = untrusted(run, allowedOrigin(args), KIND.header | KIND.ssrf);
      if (taint !== undefined) report(node, `${taint.label} is allowed`, taint);
    }
    if (!/^access-control-allow-origin$/iu.test(textOf(args[0]) ?? "")) return;
    if (textOf(args[1]) === "*" && allowsCredentials(node, run)) report(node, "* with credentials");
    if (textOf(args[1]) === "null") report(node, "null is the origin of any sandboxed frame");
    const taint = untrusted(run, args[1], KIND.header | KIND.ssrf);
    if (taint !== undefined) report(node, `${taint.label} is allowed`, taint);
  },
};

/** Says the function around it that cookies may be sent along? */
function allowsCredentials(node: Node, { frame, module }: Run): boolean {
  const around = frame.closure?.node ?? node;
  return /allow-credentials["'`],\s*["'`]?true/iu.test(textAt(module.file, around));
}

function allowedOrigin(args: readonly Value[]): Value | undefined {
  return args
    .flatMap(({ fields }) => [...(fields ?? [])])
    .find(([name]) => /^access-control-allow-origin$/iu.test(name))?.[1];
}

/** True, a star, or a function that lets everybody in. */
function isAnyOrigin(origin: Value | undefined): boolean {
  if (origin?.literal === true || textOf(origin) === "*") return true;
  const pattern = origin?.regex?.source;
  if (pattern !== undefined && !(pattern.startsWith("^") && pattern.endsWith("$"))) return true;
  const { closure } = origin ?? {};
  if (closure === undefined) return false;
  const text = textAt(closure.file, closure.node);
  return (
    /^(?:async\s+)?(?:function\s*\w*)?\(?\w+,\s*(\w+)\)?\s*(?:=>)?\s*\{?\s*(?:return\s+)?\1\(null,\s*(?:true|\w+)\);?\s*\}?$/u.test(
      text,
    ) || /^\(?(\w+)\)?\s*=>\s*\1$/u.test(text)
  );
}
