/** What a row must show before it is measured: that it does the work it is measured for. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { loadsFor, PARTNER } from "./application.mjs";
import { startServer } from "./processes.mjs";

/** Low enough to be reached by a proof, high enough for every other proof before it. */
const PROOF_LIMIT = 50;

export function send(port, { method, path, headers, body }) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, method, path, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** Signs in by the row's own way and returns what its loads need. */
export async function signIn(port, { stack }) {
  if (stack === "bare") return { cookie: "__Host-session=none", csrf: "none" };
  const { headers } = loadsFor({})["anonymous GET"];
  const response = await send(port, { method: "GET", path: "/sign-in", headers });
  assert.equal(response.status, 200, response.text);
  const cookie = response.headers["set-cookie"].map((line) => line.split(";", 1)[0]).join("; ");
  if (stack === "usual" || stack === "guard") return { cookie, csrf: JSON.parse(response.text).csrf };
  const token = await send(port, { method: "GET", path: "/csrf", headers: { ...headers, cookie } });
  return { cookie, csrf: JSON.parse(token.text).csrf };
}

/** Proves a row on a server of its own, because the last proof exhausts its limiter. */
export async function prove(row) {
  const server = await startServer(row, PROOF_LIMIT);
  try {
    const { port } = server;
    const loads = loadsFor(await signIn(port, row));
    const answers = [];
    for (const load of Object.values(loads)) {
      const answer = await send(port, load);
      assert.equal(answer.status, load.status, `${answer.status} ${answer.text}`);
      answers.push(answer);
    }
    const [anonymous, withSession, post] = answers;
    assert.match(anonymous.text, /<p>anonymous<\/p>/u);
    assert.deepEqual(JSON.parse(post.text), { id: 1, name: "Quarterly report", tags: 3 });
    if (row.stack === "bare") return undefined;
    assert.match(withSession.text, /<p>user-1<\/p>/u);
    proveHeaders(anonymous, await send(port, loads["anonymous GET"]));
    await proveCors(port, loads);
    await proveCsrf(port, loads, row);
    if (row.stack !== "usual") await proveShape(port, loads);
    await proveLimit(port, loads);
    return row.stack === "usual" ? undefined : answers.map(comparable);
  } finally {
    server.stop();
  }
}

function proveHeaders({ headers, text }, second) {
  const nonce = /'nonce-([^']{16,})'/u.exec(headers["content-security-policy"])?.[1];
  assert.ok(nonce !== undefined && text.includes(`nonce="${nonce}"`), "the page's script carries the policy's nonce");
  assert.ok(!second.headers["content-security-policy"].includes(nonce), "every response has a nonce of its own");
  assert.match(headers["strict-transport-security"], /max-age=\d{7,}/u);
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["x-powered-by"], undefined);
}

async function proveCors(port, loads) {
  const load = loads["anonymous GET"];
  const from = (origin) =>
    send(port, { ...load, headers: { ...load.headers, origin, "sec-fetch-site": "cross-site" } });
  assert.equal((await from(PARTNER)).headers["access-control-allow-origin"], PARTNER);
  assert.equal((await from("https://evil.example")).headers["access-control-allow-origin"], undefined);
}

async function proveCsrf(port, loads, row) {
  const load = loads["POST, session, CSRF, JSON"];
  const { cookie: _, ...anonymous } = load.headers;
  const { "x-csrf-token": __, ...tokenless } = load.headers;
  assert.ok([401, 403].includes((await send(port, { ...load, headers: anonymous })).status), "no session, no write");
  if (row.framework === "hono" && row.stack === "usual") {
    // Hono's middleware judges the origin of what a form can send, and has no token.
    const headers = {
      ...load.headers,
      "content-type": "text/plain",
      origin: "https://evil.example",
      "sec-fetch-site": "cross-site",
    };
    assert.equal((await send(port, { ...load, headers })).status, 403);
  } else {
    assert.equal((await send(port, { ...load, headers: tokenless })).status, 403, "no token, no write");
  }
}

/** What only Glacis and the hand-inlined guard claim. */
async function proveShape(port, loads) {
  const get = loads["anonymous GET"];
  const post = loads["POST, session, CSRF, JSON"];
  const status = async (load, headers, body = load.body) =>
    (await send(port, { ...load, body, headers: { ...load.headers, ...headers } })).status;
  assert.equal(await status(get, { host: "evil.example" }), 421);
  assert.ok([301, 302, 307, 308, 403].includes(await status(get, { "x-forwarded-proto": "http" })), "HTTPS only");
  assert.equal(await status(get, { "x-http-method-override": "DELETE" }), 400);
  assert.equal(await status(get, { origin: "a", "x-padding": "x".repeat(17_000) }), 431);
  assert.equal((await send(port, { ...get, path: `/${"a".repeat(9000)}` })).status, 414);
  assert.equal((await send(port, { ...get, path: "/a/%2e%2e/page" })).status, 400);
  assert.equal(await status(post, { origin: "https://evil.example", "sec-fetch-site": "cross-site" }), 403);
  assert.equal(await status(post, {}, '{"a":{"__proto__":{"admin":true}}}'), 400);
  assert.equal(await status(post, {}, `{"a":${"[".repeat(40)}${"]".repeat(40)}}`), 400);
  assert.equal(await status(post, {}, `{"a":"${"x".repeat(200_000)}"}`), 413);
  assert.equal(await status(post, {}, '{"a":'), 400);
}

async function proveLimit(port, loads) {
  for (let count = 0; count <= PROOF_LIMIT + 1; count += 1) {
    if ((await send(port, loads["anonymous GET"])).status === 429) return;
  }
  assert.fail("the limiter never refused");
}

/** Headers of a response with what differs from one to the next taken out, to hold the guard against Glacis. */
function comparable({ headers }) {
  const {
    date: _,
    connection: __,
    "keep-alive": ___,
    "content-length": ____,
    ratelimit,
    etag: _____,
    ...rest
  } = headers;
  const policy = rest["content-security-policy"]?.replaceAll(/'nonce-[^']*'/gu, "'nonce'");
  return {
    ...rest,
    ...(policy && { "content-security-policy": policy }),
    ratelimit: ratelimit?.replaceAll(/\d+/gu, "n"),
  };
}
