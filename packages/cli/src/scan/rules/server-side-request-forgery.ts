import { KIND } from "../engine/kinds.ts";
import type { Call } from "../engine/run.ts";
import type { Value } from "../engine/value.ts";
import { controlsHost, option, untrusted, type ScanRule } from "../rule.ts";

const CLIENTS =
  /^(?:fetch|globalThis\.fetch|node-fetch|cross-fetch(?:\.fetch)?|isomorphic-fetch|axios(?:\.(?:create|get|post|put|patch|delete|head|request|options))?|axios\.create\(\)(?:\.\w+)?|got(?:\.\w+)?|ky(?:\.\w+)?|ofetch(?:\.\w+)?|undici\.(?:fetch|request|stream|pipeline)|https?\.(?:get|request)|request(?:\.\w+)?|request-promise(?:-native)?(?:\.\w+)?|superagent(?:\.\w+)?|needle(?:\.\w+)?|phin|bent|wretch|http2\.connect|follow-redirects\.https?\.(?:get|request)|puppeteer\..*\.goto|playwright\..*\.goto|(?:net|tls)\.(?:connect|createConnection)|\$fetch|urllib\.request|http-proxy-middleware(?:\.\w+)?|http-proxy(?:\.\w+|\(\))*\.(?:web|ws|createProxyServer|createServer)|express-http-proxy|nodemailer\.createTransport|open-graph-scraper(?:\.default)?|link-preview-js\.getLinkPreview|url-metadata|unfurl\.js\.unfurl|unfurl\.js|rss-parser\(\)\.parseURL|jsdom\.JSDOM\.fromURL|download|wkhtmltopdf|wkhtmltoimage\.generate)$/u;
const HOSTS = ["url", "uri", "baseURL", "baseUrl", "prefixUrl", "hostname", "host", "href", "origin", "target"];

/** A request to wherever a client wants. */
export const SERVER_SIDE_REQUEST_FORGERY: ScanRule = {
  id: "scan/server-side-request-forgery",
  severity: "error",
  cwe: ["CWE-918"],
  owasp: "A10",
  what: "Text from outside says which host the server sends a request to.",
  why: "From inside, the server reaches what the client cannot: metadata with credentials, databases, admin pages.",
  fix: "Compare the host of the parsed URL with a list of your own, or send it through the guarded fetch of glacis/network, which refuses addresses of the own network.",
  bad: 'app.get("/proxy", async (req, res) => res.send(await (await fetch(req.query.url)).text()));',
  good: 'const HOSTS = new Set(["api.example.com"]);\napp.get("/proxy", async (req, res) => {\n  const url = new URL(req.query.url);\n  if (!HOSTS.has(url.hostname)) return res.sendStatus(400);\n  res.json(await (await fetch(url)).json());\n});',
  calls: (call, report) => {
    const { name, receiver, args } = call;
    // A page on the server fetches what the markup names.
    if (name === "setContent" && /page|tab|frame|puppeteer|playwright/iu.test(receiver?.name ?? receiver?.api ?? "")) {
      const markup = untrusted(call.run, args[0], KIND.html, ["remote"]);
      if (markup !== undefined) report(call.node, `${markup.label} in setContent()`, markup);
    }
    for (const value of addressesOf(call)) {
      if (!controlsHost(value)) continue;
      const taint = untrusted(call.run, value, KIND.ssrf, ["remote"], 0);
      if (taint !== undefined) report(call.node, `${taint.label} in ${call.name}()`, taint);
    }
  },
};

/** A page that asks whom a link names, with the cookies of its visitor. */
export const CLIENT_SIDE_REQUEST_FORGERY: ScanRule = {
  id: "scan/client-side-request-forgery",
  severity: "warning",
  cwe: ["CWE-918"],
  owasp: "A10",
  what: "The address of a page says which host the page asks.",
  why: "Whoever sends the link answers in the place of your server, and hears what the page sends along.",
  fix: "Ask addresses of your own, and put what the link says behind the host, with encodeURIComponent().",
  bad: 'const api = new URLSearchParams(location.search).get("api");\nfetch(api + "/me", { credentials: "include" });',
  good: 'const id = new URLSearchParams(location.search).get("id");\nfetch("/users/" + encodeURIComponent(id), { credentials: "include" });',
  calls: (call, report) => {
    for (const value of addressesOf(call)) {
      if (!controlsHost(value)) continue;
      const taint = untrusted(call.run, value, KIND.ssrf, ["browser"], 0);
      if (taint !== undefined) report(call.node, `${taint.label} in ${call.name}()`, taint);
    }
  },
};

function addressesOf({ api, name, args, receiver, isNew, callee, run }: Call): readonly Value[] {
  const [first, second] = args;
  if (first === undefined || callee.closure !== undefined || receiver?.role !== undefined) return [];
  const isPage = name === "goto" && /page|tab|frame/iu.test(receiver?.name ?? receiver?.api ?? "");
  const isClient =
    CLIENTS.test(api) ||
    (/^(?:http|https|axios|axiosRef|httpService|httpClient)$/u.test(receiver?.name ?? "") &&
      /^(?:get|post|put|request|patch|delete|head)$/u.test(name));
  if (!isPage && !isClient && !(isNew && /^(?:ws|WebSocket)$/u.test(api))) return [];
  // needle("post", address)
  if (api === "needle" && second !== undefined) return [second];
  // net.connect(port, host)
  if (
    /^(?:net|tls)\.(?:connect|createConnection)$/u.test(api) &&
    first.fields === undefined &&
    second?.fields === undefined
  )
    return second === undefined || second.closure !== undefined ? [] : [second];
  const routed = /proxy/u.test(api) ? [option(first, "router"), option(second, "router")] : [];
  const chosen = routed.flatMap((value) => (value === undefined ? [] : [run.apply(value, [ASKED])]));
  return [...chosen, ...given(first, second, /proxy/u.test(api) ? args.slice(2) : [])];
}

/** The request for which a proxy asks where it leads. */
const ASKED: Value = { taints: [], role: "request", name: "req" };

function given(first: Value, second: Value | undefined, others: readonly Value[]): readonly Value[] {
  return [first, second, ...others].flatMap((value) => {
    if (value === undefined) return [];
    if (value.fields === undefined || value.api === "URL()") return value === first ? [value] : [];
    return HOSTS.flatMap((key) => option(value, key) ?? []);
  });
}
