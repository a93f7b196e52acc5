/**
 * The limit: the checks that Glacis makes, written by hand for this one application, without options, layers or generality. What a row of Glacis
 * costs more than this is the price of being a library. The proofs hold both to the same refusals and the same headers.
 *
 * It believes the application: what a handler answers is not looked at. Glacis looks at every head that goes out, for a weaker header, a redirect
 * to elsewhere, a cookie without its attributes, a handler that no access rule has let in; that is no part of the limit.
 */
import { createHmac, hash, randomBytes, randomFillSync, timingSafeEqual } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { HEADERS, policy } from "./guard-headers.mjs";
import { parseJson } from "./guard-json.mjs";

const HOST = "app.example.com";
const ORIGIN = "https://app.example.com";
const PARTNER = "https://partner.example.com";
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/u;
/** An escape or a dot segment: this application has no path that needs either. */
const TWO_READINGS = /%|\/\./u;
const BAD_TARGET = /[^\x21-\x7e]|[#\\]/u;
const TOKEN = /^[A-Za-z0-9_-]{43}$/u;
const JSON_BYTES = 100 * 1024;

/** Singleton headers by a bit each; what the checks read is kept in a variable as it passes. */
const SINGLE = new Map(
  [
    "host",
    "content-length",
    "transfer-encoding",
    "content-type",
    "authorization",
    "cookie",
    "origin",
    "referer",
    "sec-fetch-site",
    "sec-fetch-mode",
    "sec-fetch-dest",
    "sec-fetch-user",
    "if-modified-since",
    "if-unmodified-since",
    "range",
    "x-csrf-token",
    "x-api-key",
    "access-control-request-method",
    "x-forwarded-proto",
    "x-forwarded-host",
  ].map((name, index) => [name, 1 << index]),
);
const OVERRIDES = new Set(["x-http-method", "x-http-method-override", "x-method-override"]);

function tokens() {
  const pool = Buffer.allocUnsafeSlow(8192);
  let used = pool.length;
  return () => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    used += 16;
    return pool.toString("base64url", used - 16, used);
  };
}

function refuse(response, status, reason) {
  const body = JSON.stringify({ type: `urn:reason:${reason}`, status, code: reason, request_id: token() });
  for (const [name, value] of HEADERS.data) response.setHeader(name, value);
  response.setHeader("content-type", "application/problem+json");
  response.setHeader("content-length", Buffer.byteLength(body));
  if (status === 413 || status === 400) response.setHeader("connection", "close");
  response.statusCode = status;
  response.end(body);
  return undefined;
}

const token = tokens();

export function guard(limit) {
  const interval = Math.ceil(60_000_000 / limit);
  const burst = limit * interval;
  const clients = new Map();
  const identities = new Map();
  const sessions = new Map();
  const key = randomBytes(32);
  const inFlight = new Set();
  const busy = new Map();
  const isLate = watchDelay();

  function release() {
    inFlight.delete(this);
    const { holder } = this;
    if (holder !== undefined) holder.taken -= 1;
  }

  /** Whether the session's user has room for one more request. */
  function take(user, response) {
    let holder = busy.get(user);
    if (holder === undefined) busy.set(user, (holder = { taken: 0 }));
    if (holder.taken >= 100) return false;
    holder.taken += 1;
    response.holder = holder;
    return true;
  }

  /** Everything before the handler; undefined when it has answered. */
  function enter(request, response) {
    const { method, url, rawHeaders, socket } = request;
    let seen = 0;
    let bytes = 0;
    let host;
    let length;
    let coding;
    let cookie;
    let origin;
    let site;
    let mode;
    let destination;
    let referer;
    let csrf;
    let forwarded;
    let proto;
    let type;
    if (rawHeaders.length > 200) return refuse(response, 431, "headers_too_large");
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const value = rawHeaders[index + 1];
      bytes += rawHeaders[index].length + value.length + 4;
      if (BAD_VALUE.test(value)) return refuse(response, 400, "request_malformed");
      const name = rawHeaders[index].toLowerCase();
      const bit = SINGLE.get(name);
      if (bit !== undefined) {
        if ((seen & bit) !== 0) return refuse(response, 400, "header_duplicated");
        seen |= bit;
      } else if (OVERRIDES.has(name)) return refuse(response, 400, "method_override");
      switch (name) {
        case "host":
          host = value;
          break;
        case "content-length":
          length = value;
          break;
        case "transfer-encoding":
          coding = value;
          break;
        case "cookie":
          cookie = value;
          break;
        case "origin":
          origin = value;
          break;
        case "sec-fetch-site":
          site = value;
          break;
        case "sec-fetch-mode":
          mode = value;
          break;
        case "sec-fetch-dest":
          destination = value;
          break;
        case "referer":
          referer = value;
          break;
        case "x-csrf-token":
          csrf = value;
          break;
        case "x-forwarded-for":
          forwarded = value;
          break;
        case "x-forwarded-proto":
          proto = value;
          break;
        case "content-type":
          type = value;
          break;
      }
    }
    if (bytes > 16_384) return refuse(response, 431, "headers_too_large");
    if (coding !== undefined && (length !== undefined || coding !== "chunked"))
      return refuse(response, 400, "framing_ambiguous");
    if (length !== undefined && !/^\d{1,15}$/u.test(length)) return refuse(response, 400, "framing_ambiguous");
    if (url.length > 8192) return refuse(response, 414, "target_too_long");
    if (url.charCodeAt(0) !== 0x2f || BAD_TARGET.test(url) || TWO_READINGS.test(url))
      return refuse(response, 400, "request_malformed");
    if (!METHODS.has(method)) return refuse(response, 501, "method_unknown");
    const query = url.indexOf("?");
    if (query !== -1 && !soundQuery(url.slice(query + 1))) return refuse(response, 400, "parameters_too_many");
    if (host !== HOST) return refuse(response, 421, "host_not_allowed");
    const fromProxy = socket.remoteAddress === "127.0.0.1";
    const client = fromProxy && forwarded !== undefined ? clientOf(forwarded) : socket.remoteAddress;
    if (client === undefined) return refuse(response, 400, "request_malformed");
    if (!(fromProxy && proto === "https")) return refuse(response, 403, "insecure_transport");
    if (isLate() || inFlight.size >= 1000) return refuse(response, 503, "overloaded");
    inFlight.add(response);
    response.once("close", release);
    const foreignOrigin = origin !== undefined && origin !== ORIGIN;
    if (foreignOrigin) {
      if (origin === PARTNER) {
        response.setHeader("access-control-allow-origin", PARTNER);
        response.setHeader("access-control-allow-credentials", "true");
      } else if (method === "OPTIONS") return refuse(response, 403, "cors_refused");
    }
    const now = Date.now();
    const usedByClient = consume(clients, client, now * 1000);
    if (usedByClient === undefined) return refuse(response, 429, "rate_limited");
    const session = cookie === undefined ? undefined : sessionOf(cookie, now);
    const used = consume(identities, session === undefined ? client : `u${session.user}`, now * 1000);
    if (used === undefined) return refuse(response, 429, "rate_limited");
    if (session !== undefined && !take(session.user, response)) return refuse(response, 429, "rate_limited");
    if (foreign(site, mode, destination)) return refuse(response, 403, "context_refused");
    if (method !== "GET" && method !== "HEAD" && method !== "OPTIONS") {
      if (site !== undefined && site !== "same-origin" && site !== "none") return refuse(response, 403, "csrf_failed");
      if (origin !== undefined ? origin !== ORIGIN : site === undefined && referer?.startsWith(`${ORIGIN}/`) === false)
        return refuse(response, 403, "csrf_failed");
      if (session === undefined) return refuse(response, 401, "unauthenticated");
      if (csrf === undefined || !genuine(csrf, session.id)) return refuse(response, 403, "csrf_failed");
      if (length === undefined ? coding === undefined && type !== undefined : Number(length) > JSON_BYTES)
        return refuse(response, 413, "body_too_large");
      if (type !== "application/json") return refuse(response, 415, "media_type_unsupported");
    }
    return writeHead(response, method, session, usedByClient, used);
  }

  function writeHead(response, method, session, usedByClient, used) {
    let nonce;
    if (method === "GET") {
      nonce = token();
      for (const [name, value] of HEADERS.document) response.setHeader(name, value);
      response.setHeader("content-security-policy", policy(nonce));
    } else {
      for (const [name, value] of HEADERS.data) response.setHeader(name, value);
    }
    response.setHeader("ratelimit-policy", limitPolicy);
    response.setHeader("ratelimit", `"client";${room(usedByClient)}, "identity";${room(used)}`);
    return { user: session?.user, nonce };
  }

  const limitPolicy = `"client";q=${limit};w=60, "identity";q=${limit};w=60`;
  const room = (used) => `r=${Math.floor((burst - used) / interval)};t=${Math.ceil(used / 1_000_000)}`;

  function consume(arrivals, subject, now) {
    const after = Math.max(0, (arrivals.get(subject) ?? 0) - now) + interval;
    if (after > burst) return undefined;
    arrivals.set(subject, now + after);
    return after;
  }

  function sessionOf(cookie, now) {
    const value = cookieValue(cookie, "__Host-session");
    if (value === undefined || !TOKEN.test(value)) return undefined;
    const session = sessions.get(hash("sha256", value, "base64url"));
    if (session === undefined) return undefined;
    if (!(now - session.seen < 3_600_000 && now - session.created < 43_200_000)) return undefined;
    if (now - session.seen > 60_000) session.seen = now;
    return session;
  }

  const mac = (nonce, id) => createHmac("sha256", key).update(`${nonce}.session:${id}`).digest();

  function genuine(text, id) {
    if (text.length !== 66) return false;
    const given = Buffer.from(text.slice(23), "base64url");
    return given.length === 32 && timingSafeEqual(given, mac(text.slice(0, 22), id));
  }

  function signIn(response) {
    const value = randomBytes(32).toString("base64url");
    const id = hash("sha256", value, "base64url");
    const now = Date.now();
    sessions.set(id, { id, user: "user-1", created: now, seen: now });
    const nonce = token();
    const body = JSON.stringify({ csrf: `${nonce}.${mac(nonce, id).toString("base64url")}` });
    response.setHeader("set-cookie", `__Host-session=${value}; Path=/; Secure; HttpOnly; SameSite=Lax`);
    response.setHeader("content-type", "application/json");
    response.setHeader("content-length", Buffer.byteLength(body));
    response.end(body);
  }

  return { enter, readJson, signIn, serverLimits };
}

function cookieValue(cookie, wanted) {
  let found;
  for (const pair of cookie.split("; ")) {
    const equals = pair.indexOf("=");
    if (equals !== wanted.length || !pair.startsWith(wanted)) continue;
    if (found !== undefined) return undefined;
    found = pair.slice(equals + 1);
  }
  return found;
}

/** A page of another site that loads one of ours without asking. */
function foreign(site, mode, destination) {
  if (site === undefined || site === "same-origin" || site === "none") return false;
  return mode === "no-cors" || destination === "object" || destination === "embed";
}

/** The last address that no proxy of ours has written. */
function clientOf(forwarded) {
  const client = forwarded.slice(forwarded.lastIndexOf(",") + 1).trim();
  return /^(?:\d{1,3}\.){3}\d{1,3}$/u.test(client) ? client : undefined;
}

function soundQuery(query) {
  const pairs = query.split("&");
  return pairs.length <= 1000 && !/proto|constructor|%/u.test(query);
}

/** Whether the event loop was late in the last half second, by the threshold that the row of Glacis has. */
function watchDelay() {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  let late = false;
  delay.enable();
  setInterval(() => {
    late = delay.percentile(99) / 1e6 > 60_000;
    delay.reset();
  }, 500).unref();
  return () => late;
}

function serverLimits(server) {
  server.maxHeadersCount = 101;
  server.headersTimeout = 15_000;
  server.requestTimeout = 30_000;
  // How long a connection may be silent while its response is due.
  server.timeout = 30_000;
  server.keepAliveTimeout = 65_000;
  server.maxRequestsPerSocket = 1000;
  return server;
}

/** Reads a JSON body within its bounds; answers instead of calling back when it is refused. */
function readJson(request, response, accept) {
  const chunks = [];
  let bytes = 0;
  request.on("data", (chunk) => {
    bytes += chunk.length;
    if (bytes <= JSON_BYTES) chunks.push(chunk);
    else if (!response.headersSent) refuse(response, 413, "body_too_large");
  });
  request.on("end", () => {
    if (bytes > JSON_BYTES) return;
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    const value = parseJson(body);
    if (value === undefined) refuse(response, 400, "body_malformed");
    else accept(value);
  });
}
