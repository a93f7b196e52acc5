/** Hono 4 on Node: bare, with its own middlewares, with Glacis, and with the hand-inlined guard. */
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { csrf } from "hono/csrf";
import { NONCE, secureHeaders } from "hono/secure-headers";
import { access, guardServer, requestOf, secureHono, serverOptions } from "glacis/hono";
import { rateLimiter } from "hono-rate-limiter";
import { MemoryStore, sessionMiddleware } from "hono-sessions";
import { created, ORIGIN, page, PARTNER, SECRET } from "../application.mjs";
import { composed, OPEN, SIGNED_IN, signIn } from "../glacis.mjs";
import { guard } from "../guard.mjs";
import { listen } from "../listen.mjs";

const serve = (app) => createServer(getRequestListener(app.fetch));

function bare() {
  const app = new Hono();
  app.get("/page", (c) => c.html(page("anonymous", undefined)));
  app.post("/items", async (c) => c.json(created(await c.req.json()), 201));
  return listen(serve(app));
}

function usual(limit) {
  const app = new Hono();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'", NONCE],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    }),
  );
  app.use(cors({ origin: [PARTNER], credentials: true }));
  app.use(csrf({ origin: ORIGIN }));
  app.use(rateLimiter({ windowMs: 60_000, limit, keyGenerator: (c) => c.req.header("x-forwarded-for") ?? "" }));
  app.use(
    sessionMiddleware({
      store: new MemoryStore(),
      encryptionKey: SECRET,
      expireAfterSeconds: 3600,
      cookieOptions: { sameSite: "Lax", path: "/", httpOnly: true, secure: true },
    }),
  );
  app.use(bodyLimit({ maxSize: 100 * 1024 }));
  app.get("/sign-in", (c) => {
    c.get("session").set("user", "user-1");
    return c.json({ csrf: "the Origin header is its token" });
  });
  app.get("/page", (c) => c.html(page(c.get("session").get("user") ?? "anonymous", c.get("secureHeadersNonce"))));
  app.post("/items", async (c) =>
    (c.get("session").get("user") ?? undefined) === undefined
      ? c.body(null, 401)
      : c.json(created(await c.req.json()), 201),
  );
  return listen(serve(app));
}

function secured(limit, followed = false) {
  const { security, sessions, tokens } = composed(limit, followed);
  const app = new Hono();
  secureHono(app, security);
  app.get("/sign-in", access(OPEN), async (c) => {
    await signIn(sessions, requestOf(c));
    return c.json({});
  });
  app.get("/csrf", access(SIGNED_IN), (c) => c.json({ csrf: tokens.token(requestOf(c)) }));
  app.get("/page", access(OPEN), (c) => {
    const { principal, nonce } = requestOf(c);
    return c.html(page(principal.id ?? "anonymous", nonce));
  });
  app.post("/items", access(SIGNED_IN), (c) => c.json(created(requestOf(c).body), 201));
  return listen(guardServer(createServer(serverOptions(security), getRequestListener(app.fetch)), security));
}

function guarded(limit) {
  const { enter, readJson, signIn, serverLimits } = guard(limit);
  const app = new Hono();
  app.use(async (c, next) => {
    const { incoming, outgoing } = c.env;
    const admitted = enter(incoming, outgoing);
    if (admitted === undefined) return RESPONSE_ALREADY_SENT;
    c.set("admitted", admitted);
    return next();
  });
  app.get("/sign-in", (c) => {
    signIn(c.env.outgoing);
    return RESPONSE_ALREADY_SENT;
  });
  app.get("/page", (c) => {
    const { user, nonce } = c.get("admitted");
    return c.html(page(user ?? "anonymous", nonce));
  });
  app.post("/items", async (c) => {
    const { incoming, outgoing } = c.env;
    const item = await new Promise((resolve) => readJson(incoming, outgoing, resolve));
    return c.json(created(item), 201);
  });
  return listen(serverLimits(serve(app)));
}

export const stacks = { bare, usual, glacis: secured, followed: (limit) => secured(limit, true), guard: guarded };
