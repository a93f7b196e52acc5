import { KIND } from "../engine/kinds.ts";
import type { Call, Run } from "../engine/run.ts";
import { type Cell, textOf, textValue, UNKNOWN, type Value } from "../engine/value.ts";
import type { Node } from "../parse.ts";
import { option, untrusted, type ScanRule } from "../rule.ts";
import { textAt } from "./names.ts";
import { unescapedIn } from "./templates.ts";
import { unescapedInView } from "./views.ts";

/** What the response has been declared to be, on the way that is being walked. */
const CONTENT_TYPE: Cell = { name: "content type" };
const FROM_CLIENT = ["remote"] as const;
const FROM_STORE = ["remote", "stored"] as const;
const HARMLESS =
  /^(?:text\/(?:plain|csv|event-stream|css)|application\/(?!xhtml)|(?:json|txt|text|csv)$|image\/(?!svg)|audio\/|video\/|\.?(?:txt|json|csv|pdf|png))/iu;

/** HTML from the server with a client's text in it. */
export const REFLECTED_SCRIPT: ScanRule = {
  id: "scan/reflected-script",
  severity: "error",
  cwe: ["CWE-79"],
  owasp: "A03",
  what: "Text from outside is sent as HTML.",
  why: "Markup in the text runs as a script of your site, in the session of whoever follows a link.",
  fix: "Escape it (html`...` of glacis/input, a template engine that escapes), or answer with JSON or text/plain.",
  bad: 'app.get("/hello", (req, res) => res.send(`<h1>Hello ${req.query.name}</h1>`));',
  good: 'import escapeHtml from "escape-html";\napp.get("/hello", (req, res) => res.send(`<h1>Hello ${escapeHtml(req.query.name)}</h1>`));',
  calls: (call, report) => {
    noteContentType(call);
    const unescaped = unescapedIn(call);
    if (unescaped !== undefined) report(call.node, `${unescaped.label} is not escaped`, unescaped);
    const put = unescapedInView(call);
    if (put !== undefined) report(call.node, `${put.taint.label} is not escaped in ${put.view.path}`, put.taint);
    for (const value of bodiesOf(call)) {
      if (value.type === "object" || value.type === "array" || value.type === "number" || value.fields !== undefined)
        continue;
      const isText = value.parts !== undefined;
      const taint =
        untrusted(call.run, value, KIND.html, isText ? FROM_STORE : FROM_CLIENT) ??
        (isInAttribute(value) ? untrusted(call.run, value, KIND.attribute, FROM_CLIENT) : undefined);
      if (taint !== undefined) report(call.node, `${taint.label} in ${call.name}()`, taint);
    }
  },
  assigns: ({ node, object, key, value, run }, report) => {
    if (object.role !== "context" && object.role !== "response") return;
    const answer = key.literal === "res" && object.role === "context" ? answeredPage(value) : undefined;
    const inAnswer = untrusted(run, answer, KIND.html);
    if (inAnswer !== undefined) report(node, `${inAnswer.label} in the body`, inAnswer);
    if (key.literal === "type" && typeof value.literal === "string")
      run.state.values.set(CONTENT_TYPE, textValue(value.literal));
    if (key.literal !== "body" || value.type === "object" || value.fields !== undefined || declaredHarmless(run))
      return;
    const taint = untrusted(run, value, KIND.html);
    if (taint !== undefined) report(node, `${taint.label} in the body`, taint);
  },
  values: (node, value, run, report) => {
    const page = answeredPage(value) ?? (isPage(node, value, run) ? value : undefined);
    const taint = untrusted(run, page, KIND.html);
    if (taint !== undefined) report(node, `${taint.label} is returned`, taint);
  },
};

/** Is the untrusted part of a text the value of an attribute? Quotes end that too. */
function isInAttribute({ parts = [] }: Value): boolean {
  return parts.some((part, index) => part === null && /<[^<>]*=\s*["']$/u.test(parts[index - 1] ?? ""));
}

/** The body of what a function of a cloud answers with, where that is HTML. */
function answeredPage({ fields }: Value): Value | undefined {
  const body = fields?.get("body");
  const type = typeIn(fields?.get("headers"));
  return body !== undefined && body.fields === undefined && /html/iu.test(type ?? "") ? body : undefined;
}

/** Is what a handler returns sent as HTML? By Fastify where that was declared, by NestJS where nothing else was. */
function isPage(node: Node, value: Value, run: Run): boolean {
  if (!(value.parts ?? []).some((part) => typeof part === "string" && part.includes("<"))) return false;
  if (node.type === "MethodDefinition")
    return (
      node.decorators.some((one) => /^@(?:Get|Post|All|Put|Patch)\b/u.test(textAt(run.module.file, one))) &&
      !/@Header\(\s*["'`]content-type["'`],\s*["'`](?!text\/html)/iu.test(textAt(run.module.file, node))
    );
  if (!("params" in node)) return false;
  const [, second] = node.params as readonly (Node | undefined)[];
  // hapi calls its toolkit h, and sends a text as HTML.
  return /html/iu.test(declared(run) ?? "") || (second?.type === "Identifier" && second.name === "h");
}

function noteContentType({ receiver, name, args: given, run, api }: Call): void {
  const isBare = /^(?:(?:h3|#imports)\.)?(?:setHeader|setResponseHeader|appendHeader)$/u.test(api);
  if (receiver?.role === undefined && !isBare) return;
  const args = isBare ? given.slice(1) : given;
  const [first, second] = args;
  let type: string | undefined;
  if (/^(?:type|contentType)$/u.test(name)) type = textOf(first);
  else if (/^(?:setHeader|set|headers?|append)$/u.test(name)) {
    if (/^content-type$/iu.test(textOf(first) ?? "")) type = textOf(second) ?? prefixIn(second);
    else if (first?.fields !== undefined) type = typeIn(first);
  } else if (name === "writeHead" || name === "respond")
    type = args.map((value) => typeIn(value)).find((found) => found !== undefined);
  // On two ways that meet again, two harmless types are one.
  if (type !== undefined) run.state.values.set(CONTENT_TYPE, textValue(HARMLESS.test(type) ? "text/plain" : type));
}

function prefixIn(value: Value | undefined): string | undefined {
  const first = value?.parts?.[0];
  return typeof first === "string" ? first : undefined;
}

function typeIn(headers: Value | undefined): string | undefined {
  for (const [name, value] of headers?.fields ?? []) if (/^content-type$/iu.test(name)) return textOf(value);
  return undefined;
}

function declared(run: Run): string | undefined {
  return textOf(run.state.read(CONTENT_TYPE));
}

function declaredHarmless(run: Run): boolean {
  return HARMLESS.test(declared(run) ?? "");
}

function bodiesOf({ receiver, name, args, run, api, isNew }: Call): readonly Value[] {
  const [first = UNKNOWN, second] = args;
  if (isNew && /^(?:Response|NextResponse|next\/server\.NextResponse)$/u.test(api)) {
    const headers = option(second, "headers");
    return /html|svg/iu.test(typeIn(headers) ?? textOf(headers?.fields?.get("*")) ?? "") ? [first] : [];
  }
  if (receiver?.role === "context") return name === "html" ? [first] : [];
  if (receiver?.role !== "response" || declaredHarmless(run)) return [];
  const isFastify = receiver.name === "reply";
  if (name === "response" && receiver.name === "h")
    return (first.parts ?? []).some((part) => typeof part === "string" && part.includes("<")) ? [first] : [];
  if (name === "send") return isFastify && !/html/iu.test(declared(run) ?? "") ? [] : [first];
  return name === "end" || name === "write" ? [first] : [];
}

const MARKUP = /^(?:innerHTML|outerHTML|srcdoc)$/u;
const WRITERS =
  /^(?:document\.(?:write|writeln)|insertAdjacentHTML|createContextualFragment|setHTMLUnsafe|parseHTML|unsafeHTML|unsafeSVG|bypassSecurityTrust\w+|trustAs(?:Html|Js|ResourceUrl)?)$/u;
const JQUERY = /^(?:html|load|append|prepend|after|before|replaceWith|wrap|wrapAll|appendTo|prependTo)$/u;
const FROM_PAGE = ["browser", "remote", "parameter", "stored"] as const;
const FROM_OUTSIDE = ["browser", "remote"] as const;

/** A page that makes markup of what stands in its own address. */
export const DOM_SCRIPT: ScanRule = {
  id: "scan/dom-script",
  severity: "error",
  cwe: ["CWE-79"],
  owasp: "A03",
  what: "Text that is not the page's own becomes markup of the page.",
  why: "Markup in the text, an image with an onerror for instance, runs as a script of your site.",
  fix: "Use textContent or let the framework escape; where markup is meant, pass it through DOMPurify.",
  bad: 'document.getElementById("greeting").innerHTML = "Hello " + new URLSearchParams(location.search).get("name");',
  good: 'document.getElementById("greeting").textContent = "Hello " + new URLSearchParams(location.search).get("name");',
  calls: ({ node, name, api, args, receiver, run }, report) => {
    const inElement =
      option(option(args[1], "dangerouslySetInnerHTML"), "__html") ??
      option(option(args[1], "domProps"), "innerHTML") ??
      (/^(?:h|createElement|createVNode)$/u.test(name) ? option(args[1], "innerHTML") : undefined);
    const written = untrusted(run, inElement, KIND.html, FROM_PAGE);
    if (written !== undefined) report(node, `${written.label} in ${name}()`, written);
    const isQuery = /^(?:\$|jQuery|jquery)$/u.test(api);
    let value: Value | undefined;
    if (WRITERS.test(name) || WRITERS.test(api)) value = name === "insertAdjacentHTML" ? args[1] : args[0];
    else if (JQUERY.test(name) && /^(?:\$|jQuery|jquery)\(\)|^\$\w/u.test(receiver?.api ?? receiver?.name ?? ""))
      [value] = args;
    else if (name === "parseFromString") value = textOf(args[1]) === "text/html" ? args[0] : undefined;
    else if (name === "setProperty" && MARKUP.test(textOf(args[1]) ?? "")) [, , value] = args;
    else if (name === "html" && /^d3\b/u.test(receiver?.api ?? "")) [value] = args;
    else if (isQuery && isMarkupOrUnknown(args[0])) [value] = args;
    else if (name === "setAttribute" && /^(?:srcdoc|on\w+)$/iu.test(textOf(args[0]) ?? "")) [, value] = args;
    const sources =
      name === "parseFromString"
        ? FROM_OUTSIDE
        : isQuery && !/(?:\$|jQuery)\.fn\.\w+\s*=/u.test(run.module.file.text)
          ? FROM_OUTSIDE
          : FROM_PAGE;
    const onPage = isQuery && value !== undefined ? untrusted(run, value, KIND.html, ["stored"], 1) : undefined;
    const taint =
      value === undefined
        ? undefined
        : (untrusted(run, value, KIND.html, sources, 1) ?? (onPage?.label === "text of the page" ? onPage : undefined));
    if (taint !== undefined) report(node, `${taint.label} in ${name}()`, taint);
  },
  assigns: ({ node, key, value, run }, report) => {
    if (!MARKUP.test(textOf(key) ?? (typeof key.literal === "string" ? key.literal : ""))) return;
    const taint = untrusted(run, value, KIND.html, FROM_PAGE);
    if (taint !== undefined) report(node, `${taint.label} in ${String(key.literal)}`, taint);
  },
  values: (node, value, run, report) => {
    if (node.type !== "JSXAttribute" || node.name.type !== "JSXIdentifier") return;
    const attribute = node.name.name;
    const shown = attribute === "source" ? untrusted(run, option(value, "html"), KIND.html, FROM_PAGE) : undefined;
    if (shown !== undefined) report(node, `${shown.label} in a page`, shown);
    if (!/^(?:dangerouslySetInnerHTML|innerHTML|srcDoc|srcdoc)$/u.test(attribute)) return;
    const taint = untrusted(run, option(value, "__html") ?? value, KIND.html, FROM_PAGE);
    if (taint !== undefined) report(node, `${taint.label} in ${attribute}`, taint);
  },
};

/** `$("#" + name)` looks for elements, `$("<li>" + name)` makes one. */
function isMarkupOrUnknown(given: Value | undefined): boolean {
  const start = given?.parts?.[0];
  return typeof start !== "string" || start.trimStart().startsWith("<");
}

/** A link whose scheme a client chose. */
export const SCRIPT_LINK: ScanRule = {
  id: "scan/script-link",
  severity: "error",
  cwe: ["CWE-79"],
  owasp: "A03",
  what: "Text from outside becomes the address of a link or a frame.",
  why: "javascript: is an address too: a click on it, or the frame alone, runs a script of your site.",
  fix: "Parse it and refuse every scheme but https:, http: and mailto:.",
  bad: 'document.querySelector("a").href = new URLSearchParams(location.search).get("next");',
  good: 'const next = new URL(new URLSearchParams(location.search).get("next"), location.origin);\nif (next.protocol === "https:") document.querySelector("a").href = next.href;',
  calls: ({ node, name, args, receiver, run }, report) => {
    const isQuery = /^(?:\$|jQuery|jquery)\(\)|^\$\w/u.test(receiver?.api ?? receiver?.name ?? "");
    if (name !== "setAttribute" && !(isQuery && /^(?:attr|prop)$/u.test(name))) return;
    if (!/^(?:href|src|action|formaction|data)$/iu.test(textOf(args[0]) ?? "") || args[1] === undefined) return;
    const taint = controlled(run, args[1]);
    if (taint !== undefined) report(node, `${taint.label} in ${textOf(args[0])}`, taint);
  },
  assigns: ({ node, object, key, value, run }, report) => {
    if (key.literal !== "href" && key.literal !== "src" && key.literal !== "action" && key.literal !== "formAction")
      return;
    if (object.fields !== undefined || (object.api ?? "").endsWith("location")) return;
    const taint = controlled(run, value);
    if (taint !== undefined) report(node, `${taint.label} in ${key.literal}`, taint);
  },
  values: (node, value, run, report) => {
    if (
      node.type !== "JSXAttribute" ||
      node.name.type !== "JSXIdentifier" ||
      !/^(?:href|src|action|formAction|xlinkHref)$/u.test(node.name.name)
    )
      return;
    const taint = controlled(run, value);
    if (taint !== undefined) report(node, `${taint.label} in ${node.name.name}`, taint);
  },
};

function controlled(run: Run, value: Value): ReturnType<typeof untrusted> {
  return typeof value.parts?.[0] === "string" && value.parts[0] !== ""
    ? undefined
    : untrusted(run, value, KIND.href, FROM_OUTSIDE);
}
