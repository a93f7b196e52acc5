import { KIND } from "../engine/kinds.ts";
import type { Call, Run } from "../engine/run.ts";
import { textOf, UNKNOWN, type Value } from "../engine/value.ts";
import type { Node } from "../parse.ts";
import { textAt } from "./names.ts";
import { controlsHost, untrusted, type ScanRule } from "../rule.ts";

const FUNCTIONS =
  /^(?:Response\.redirect|NextResponse\.redirect|next\/server\.NextResponse\.(?:redirect|rewrite)|next\/navigation\.(?:redirect|permanentRedirect)|@remix-run\/\w+\.redirect|react-router(?:-dom)?\.redirect|@sveltejs\/kit\.redirect|astro\.redirect)$/u;
const BROWSER =
  /^(?:(?:window|document|self|top|parent|globalThis)\.)?(?:location\.(?:assign|replace))$|^(?:window|self|top|parent)\.open$|^next\/(?:navigation|router)\.useRouter\(\)\.(?:push|replace)$/u;

/** A redirect to wherever a link says. */
export const OPEN_REDIRECT: ScanRule = {
  id: "scan/open-redirect",
  severity: "error",
  cwe: ["CWE-601"],
  owasp: "A01",
  what: "Text from outside says where to redirect.",
  why: "A link to your site that ends on another one is what phishing is made of, and it carries codes and tokens away.",
  fix: "Redirect to paths of your own: a list, or safeRedirect of glacis/input. //host and /\\\\host are other sites.",
  bad: 'app.get("/login", (req, res) => res.redirect(req.query.next));',
  good: 'const PAGES = new Set(["/", "/account"]);\napp.get("/login", (req, res) => res.redirect(PAGES.has(req.query.next) ? req.query.next : "/"));',
  calls: (call, report) => {
    const value = targetOf(call);
    if (value === undefined || !controlsHost(value)) return;
    const taint = untrusted(call.run, value, KIND.redirect, ["remote", "browser"]);
    if (taint !== undefined && !isOwnAddress(taint.label)) report(call.node, `${taint.label} in ${call.name}()`, taint);
  },
  values: (node, value, run, report) => {
    const target = locationOf(node, value, run);
    if (target === undefined || !controlsHost(target)) return;
    const taint = untrusted(run, target, KIND.redirect);
    if (taint !== undefined) report(node, `${taint.label} in the location`, taint);
  },
  assigns: ({ node, object, key, value, run }, report) => {
    const name = typeof key.literal === "string" ? key.literal : "";
    const isLocation =
      (name === "href" && /(?:^|\.)location$/u.test(object.api ?? "")) ||
      (name === "location" && /^(?:window|document|self|top|parent)$/u.test(object.api ?? ""));
    if (!isLocation || !controlsHost(value)) return;
    const taint = untrusted(run, value, KIND.redirect, ["remote", "browser"]);
    if (taint !== undefined && !isOwnAddress(taint.label)) report(node, `${taint.label} in location`, taint);
  },
};

/** The location in what a function of a cloud, or a method of NestJS with @Redirect, answers with. */
function locationOf(node: Node, value: Value, run: Run): Value | undefined {
  if (node.type === "MethodDefinition")
    return node.decorators.some((one) => textAt(run.module.file, one).startsWith("@Redirect"))
      ? value.fields?.get("url")
      : undefined;
  if (value.fields?.has("statusCode") !== true) return undefined;
  return [...(value.fields.get("headers")?.fields ?? [])].find(([name]) => /^location$/iu.test(name))?.[1];
}

/** The page's own path leads to the page. */
function isOwnAddress(label: string): boolean {
  return /^(?:(?:window|document)\.)?location\.(?:pathname|href)$|^\w+\.(?:path|originalUrl|hostname|host|url\(parsed\))$/u.test(
    label,
  );
}

function targetOf({ receiver, name, args, api, isNew }: Call): Value | undefined {
  const [first = UNKNOWN, second] = args;
  if (isNew && /^(?:Response|NextResponse|next\/server\.NextResponse)$/u.test(api))
    return [...(second?.fields?.get("headers")?.fields ?? [])].find(([key]) => /^location$/iu.test(key))?.[1];
  if (FUNCTIONS.test(api) || BROWSER.test(api)) return first.type === "number" ? second : first;
  if (/^(?:redirect|next_redirect)$/u.test(api) && receiver === undefined)
    return first.type === "number" ? second : first;
  if (/^(?:(?:h3|#imports)\.)?sendRedirect$/u.test(api)) return second;
  if (receiver?.role === undefined) return undefined;
  if (name === "redirect") return first.type === "number" ? second : first;
  if (name === "location") return first;
  if (/^(?:setHeader|set|header)$/u.test(name) && /^(?:location|refresh)$/iu.test(textOf(first) ?? "")) return second;
  if (name === "writeHead") {
    for (const headers of args)
      for (const [key, value] of headers.fields ?? []) if (/^location$/iu.test(key)) return value;
  }
  return undefined;
}
