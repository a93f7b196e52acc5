/** A session lookup over Redis: from the Cookie header to the user. */
import { dangerouslyProvedElsewhere, redisSessions, sessions } from "glacis/authentication";
import { RedisStore } from "connect-redis";
import session from "express-session";
import { EventEmitter } from "node:events";
import { createClient } from "redis";
import { browsersOf, factsOf, glacisSignIn } from "./session-request.mjs";

const PREFIX = `glacis-bench:${process.pid}:`;

export async function redisRows() {
  const client = await createClient({ url: process.env.REDIS_URL }).connect();
  const glacis = sessions({ store: redisSessions({ client, prefix: PREFIX }) });
  const cookieOf = await browsersOf((user) => glacisSignIn(glacis, dangerouslyProvedElsewhere, user));
  const keys = await client.keys(`${PREFIX}s:*`);
  const usual = session({
    secret: "a secret of the benchmark alone, long enough",
    name: "__Host-session",
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, secure: true, sameSite: "lax", maxAge: 3_600_000 },
    store: new RedisStore({ client, prefix: `${PREFIX}express:`, ttl: 3600 }),
  });
  const usualCookieOf = await browsersOf((user) => signInWith(usual, user));
  return {
    rows: [
      { label: "raw GET (limit)", isLimit: true, look: (turn) => client.get(keys[turn % keys.length]) },
      {
        label: "Glacis",
        isOurs: true,
        look: async (turn) => {
          const { principal } = await glacis.authenticate(factsOf(cookieOf(turn)));
          if (principal.kind !== "user") throw new Error("no user");
        },
      },
      {
        label: "express-session, connect-redis",
        look: async (turn) => {
          const { request, response } = await through(usual, usualCookieOf(turn));
          if (request.session.user === undefined) throw new Error("no user");
          await finish(response);
        },
      },
    ],
    async close() {
      for await (const keys of client.scanIterator({ MATCH: `${PREFIX}*`, COUNT: 1000 })) {
        if (keys.length > 0) await client.unlink(keys);
      }
      await client.close();
    },
  };
}

/** What express-session asks of a request and a response, and nothing that costs. */
class Response extends EventEmitter {
  headersSent = false;
  statusCode = 200;
  #headers = new Map();
  getHeader(name) {
    return this.#headers.get(name.toLowerCase());
  }
  setHeader(name, value) {
    this.#headers.set(name.toLowerCase(), value);
  }
  writeHead() {
    this.headersSent = true;
  }
  _implicitHeader() {
    this.writeHead(200);
  }
  write() {
    if (!this.headersSent) this.writeHead(200);
    return true;
  }
  end() {
    if (!this.headersSent) this.writeHead(200);
    this.emit("done");
  }
}

function through(middleware, cookie) {
  const request = { method: "GET", url: "/", originalUrl: "/", headers: { cookie }, connection: { encrypted: true } };
  const response = new Response();
  return new Promise((resolve, reject) => {
    middleware(request, response, (error) => (error ? reject(error) : resolve({ request, response })));
  });
}

/** The end of a request writes the new expiry, as its users have it at every request. */
function finish(response) {
  return new Promise((resolve) => {
    response.once("done", resolve);
    response.end();
  });
}

async function signInWith(middleware, userId) {
  const { request, response } = await through(middleware, "");
  request.session.user = { userId, tenantId: "tenant-1", roles: ["member"] };
  await finish(response);
  return response.getHeader("set-cookie")[0].split(";")[0];
}
