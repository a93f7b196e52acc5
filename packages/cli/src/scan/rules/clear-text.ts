/** What goes out for everybody on the way to read. */
import { textOf, type Value } from "../engine/value.ts";
import { isTrue, option, type ScanRule } from "../rule.ts";

/** Does a request carry something, or ask for something that is nobody else's? */
function sends(settings: Value | undefined): boolean {
  return (
    /^(?:post|put|patch)$/iu.test(textOf(option(settings, "method")) ?? "") ||
    /login|auth|token|pay|account/iu.test(textOf(option(settings, "path")) ?? "")
  );
}

const REMOTE =
  /^http:\/\/(?!localhost|127\.|\[?::1|0\.0\.0\.0|[\w-]+(?::|\/|$)|10\.|192\.168\.|169\.254\.|[^/]*\.(?:local|internal|test|svc)\b)/iu;

/** A secret sent for everybody on the way to read. */
export const CLEAR_TEXT: ScanRule = {
  id: "scan/clear-text",
  severity: "warning",
  cwe: ["CWE-319", "CWE-494"],
  owasp: "A02",
  what: "A request goes out over plain HTTP.",
  why: "Anybody on the way reads it and answers instead.",
  fix: "https://",
  bad: 'export const pay = (card) => fetch("http://payments.example.com/charge", { method: "POST", body: JSON.stringify(card) });',
  good: 'export const pay = (card) => fetch("https://payments.example.com/charge", { method: "POST", body: JSON.stringify(card) });',
  markup: (text, _path, report) => {
    for (const { 0: tag, 1: address = "", index } of text.matchAll(
      /<form\b[^>]*\baction\s*=\s*["']?(http:\/\/[^\s"'>]+)/giu,
    ))
      if (REMOTE.test(address)) report(index + tag.indexOf(address), address);
  },
  calls: ({ api, args, node, isNew }, report) => {
    const host = textOf(option(args[0], "hostname") ?? option(args[0], "host"));
    if (/^http\.(?:get|request)$/u.test(api) && host !== undefined && REMOTE.test(`http://${host}`) && sends(args[0]))
      report(node, host);
    if (
      /^(?:basic-ftp\.Client\(\)\.access|(?:jsftp|ftp|promise-ftp)\b.*\.connect)$/u.test(api) &&
      !isTrue(option(args[0], "secure")) &&
      option(args[0], "password") !== undefined
    )
      report(node, "ftp:");
    if (/^nodemailer\.createTransport$/u.test(api) && option(args[0], "ignoreTLS")?.literal === true)
      report(node, "ignoreTLS");
    const base = textOf(option(args[0], "baseURL") ?? option(args[0], "url") ?? option(args[0], "uri"));
    if (/^(?:axios|got|ky|request|undici)\b/u.test(api) && base !== undefined && REMOTE.test(base)) report(node, base);
    if (isNew && /^(?:ws|WebSocket)$/u.test(api) && REMOTE.test((textOf(args[0]) ?? "").replace(/^ws:/u, "http:")))
      report(node, "ws:");
    if (/^child_process\.exec(?:Sync)?$|^shelljs\.exec$/u.test(api)) {
      const address = /\b(?:curl|wget)\b[^|;&]*?\b(http:\/\/\S+)/u.exec(textOf(args[0]) ?? "")?.[1];
      if (address !== undefined && REMOTE.test(address)) report(node, address);
    }
    if (
      !/^(?:fetch|axios(?:\.\w+)?|got(?:\.\w+)?|node-fetch|undici\.(?:fetch|request)|http\.(?:get|request)|ky(?:\.\w+)?|superagent\.\w+)$/u.test(
        api,
      )
    )
      return;
    const [start] = args[0]?.parts ?? [];
    if (typeof start === "string" && REMOTE.test(start)) report(node, start.slice(0, 60));
  },
};
