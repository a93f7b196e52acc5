/** Express 5: bare, with the middlewares that its users install, with Glacis, and with the hand-inlined guard. */
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import cookieParser from "cookie-parser";
import cors from "cors";
import { doubleCsrf } from "csrf-csrf";
import express from "express";
import { rateLimit } from "express-rate-limit";
import session from "express-session";
import helmet from "helmet";
import { access, requestOf, secureExpress, serverOptions, guardServer } from "glacis/express";
import { created, page, PARTNER, SECRET } from "../application.mjs";
import { composed, OPEN, SIGNED_IN, signIn } from "../glacis.mjs";
import { guard } from "../guard.mjs";
import { listen } from "../listen.mjs";

function bare() {
  const app = express();
  app.get("/page", (request, response) => response.type("html").send(page("anonymous", undefined)));
  app.post("/items", express.json(), (request, response) => response.status(201).json(created(request.body)));
  return listen(createServer(app));
}

function usual(limit) {
  const app = express();
  app.set("trust proxy", "loopback");
  app.use((request, response, next) => {
    response.locals.nonce = randomBytes(16).toString("base64");
    next();
  });
  const nonce = (request, response) => `'nonce-${response.locals.nonce}'`;
  app.use(helmet({ contentSecurityPolicy: { directives: { scriptSrc: ["'self'", nonce] } } }));
  app.use(cors({ origin: [PARTNER], credentials: true }));
  app.use(rateLimit({ windowMs: 60_000, limit, standardHeaders: "draft-8", legacyHeaders: false }));
  app.use(cookieParser(SECRET));
  const cookie = { secure: true, httpOnly: true, sameSite: "lax" };
  app.use(session({ name: "__Host-session", secret: SECRET, resave: false, saveUninitialized: false, cookie }));
  const { doubleCsrfProtection, generateCsrfToken } = doubleCsrf({
    getSecret: () => SECRET,
    getSessionIdentifier: (request) => request.session.id,
  });
  app.use(doubleCsrfProtection);
  app.get("/sign-in", (request, response) => {
    request.session.user = "user-1";
    response.json({ csrf: generateCsrfToken(request, response) });
  });
  app.get("/page", (request, response) => {
    response.type("html").send(page(request.session.user ?? "anonymous", response.locals.nonce));
  });
  app.post("/items", express.json({ limit: "100kb" }), (request, response) => {
    if (request.session.user === undefined) response.sendStatus(401);
    else response.status(201).json(created(request.body));
  });
  return listen(createServer(app));
}

function secured(limit, followed = false) {
  const { security, sessions, tokens } = composed(limit, followed);
  const app = express();
  secureExpress(app, security);
  app.get("/sign-in", access(OPEN), async (request, response) => {
    await signIn(sessions, requestOf(request));
    response.json({});
  });
  app.get("/csrf", access(SIGNED_IN), (request, response) => response.json({ csrf: tokens.token(requestOf(request)) }));
  app.get("/page", access(OPEN), (request, response) => {
    const { principal, nonce } = requestOf(request);
    response.type("html").send(page(principal.id ?? "anonymous", nonce));
  });
  app.post("/items", access(SIGNED_IN), (request, response) => response.status(201).json(created(request.body)));
  return listen(guardServer(createServer(serverOptions(security), app), security));
}

function guarded(limit) {
  const { enter, readJson, signIn, serverLimits } = guard(limit);
  const app = express();
  app.disable("x-powered-by");
  app.use((request, response, next) => {
    const admitted = enter(request, response);
    if (admitted === undefined) return;
    response.locals = admitted;
    if (request.method !== "POST") next();
    else
      readJson(request, response, (value) => {
        request.body = value;
        next();
      });
  });
  app.get("/sign-in", (request, response) => signIn(response));
  app.get("/page", (request, response) => {
    const { user, nonce } = response.locals;
    response.type("html").send(page(user ?? "anonymous", nonce));
  });
  app.post("/items", (request, response) => response.status(201).json(created(request.body)));
  return listen(serverLimits(createServer(app)));
}

export const stacks = { bare, usual, glacis: secured, followed: (limit) => secured(limit, true), guard: guarded };
