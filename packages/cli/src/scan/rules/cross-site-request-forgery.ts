import { type ScanRule } from "../rule.ts";
import { formsWithoutToken } from "./markup.ts";
import { nameOf, textAt } from "./names.ts";

const SESSIONS = /["'](?:express-session|cookie-session|client-sessions)["']/u;
const CHANGES = /\.(?:post|put|patch|delete)\(\s*["'`]/u;
/** Whatever may protect, here or in a module that is named so: this rule would rather say nothing than something wrong. */
const PROTECTED = /csrf|csurf|xsrf|lusca|glacis|sec-fetch-site|sameSite\s*:\s*["'](?:strict|lax)["']/iu;
const MOUNTED = /\b(?:session|cookieSession|expressSession|sessions|cookieParser)\s*\(/u;
/** Cookies that say who somebody is. */
const SIGNED_IN = /cookies\??\.\w*(?:sess|token|sid|auth|user|jwt)/iu;

/** A session in a cookie that every site may send along. */
export const CROSS_SITE_REQUEST_FORGERY: ScanRule = {
  id: "scan/cross-site-request-forgery",
  severity: "warning",
  cwe: ["CWE-352"],
  owasp: "A01",
  what: "Routes change something for whoever has a session cookie, and nothing here asks where the request comes from.",
  why: "A form on another site is sent with the cookie of whoever looks at it.",
  fix: 'Ask for a token bound to the session (csrf() of glacis/authentication), and set sameSite: "lax" or "strict".',
  bad: 'import express from "express";\nimport session from "express-session";\nconst app = express();\napp.use(session({ secret: process.env.SESSION_SECRET }));\napp.post("/transfer", (req, res) => { move(req.session.user); res.end(); });',
  good: 'import express from "express";\nimport session from "express-session";\nimport { csrfSync } from "csrf-sync";\nconst app = express();\napp.use(session({ secret: process.env.SESSION_SECRET, cookie: { httpOnly: true, secure: true, sameSite: "lax" } }));\napp.use(csrfSync().csrfSynchronisedProtection);\napp.post("/transfer", (req, res) => { move(req.session.user); res.end(); });',
  markup: (text, path, report) => {
    for (const offset of formsWithoutToken(text, path)) report(offset, "a form without a token");
  },
  nodes: (node, _parents, file, report) => {
    if (
      node.type === "Property" &&
      /^(?:csrf|csrfProtection|csrfPrevention|enableCsrf|checkOrigin)$/u.test(nameOf(node.key) ?? "") &&
      node.value.type === "Literal" &&
      node.value.value === false
    )
      report(node, "switched off");
    if (node.type === "Property" && /^ignored?Methods$/u.test(nameOf(node.key) ?? "")) {
      const passed = /["'`](?:POST|PUT|PATCH|DELETE)["'`]/iu.exec(textAt(file, node.value))?.[0];
      if (passed !== undefined) report(node, `${passed} passes`);
    }
    if (node.type !== "CallExpression" || !textAt(file, node.callee).endsWith(".use")) return;
    if (!node.arguments.some((argument) => MOUNTED.test(textAt(file, argument)))) return;
    const { text } = file;
    if (
      (SESSIONS.test(text) || (/["']cookie-parser["']/u.test(text) && SIGNED_IN.test(text))) &&
      CHANGES.test(text) &&
      !PROTECTED.test(text)
    )
      report(node);
  },
};
