/** Fastify 5: bare, with its own plugins, with Glacis, and with the hand-inlined guard. */
import fastifyCookie from "@fastify/cookie";
import fastifyCors from "@fastify/cors";
import fastifyCsrf from "@fastify/csrf-protection";
import fastifyHelmet from "@fastify/helmet";
import fastifyRateLimit from "@fastify/rate-limit";
import fastifySession from "@fastify/session";
import fastify from "fastify";
import { access, requestOf, secureFastify } from "glacis/fastify";
import { created, page, PARTNER, SECRET } from "../application.mjs";
import { composed, OPEN, SIGNED_IN, signIn } from "../glacis.mjs";
import { guard } from "../guard.mjs";

async function listen(app) {
  await app.listen({ port: 0, host: "127.0.0.1" });
  return app.server.address().port;
}

function bare() {
  const app = fastify();
  app.get("/page", (request, reply) => reply.type("text/html; charset=utf-8").send(page("anonymous", undefined)));
  app.post("/items", (request, reply) => reply.code(201).send(created(request.body)));
  return listen(app);
}

async function usual(limit) {
  const app = fastify({ trustProxy: "loopback", bodyLimit: 100 * 1024 });
  await app.register(fastifyHelmet, { enableCSPNonces: true });
  await app.register(fastifyCors, { origin: [PARTNER], credentials: true });
  await app.register(fastifyRateLimit, { max: limit, timeWindow: 60_000 });
  await app.register(fastifyCookie);
  await app.register(fastifySession, {
    secret: SECRET,
    cookieName: "__Host-session",
    saveUninitialized: false,
    cookie: { secure: true, httpOnly: true, sameSite: "lax" },
  });
  await app.register(fastifyCsrf, { sessionPlugin: "@fastify/session" });
  app.get("/sign-in", (request, reply) => {
    request.session.set("user", "user-1");
    return reply.send({ csrf: reply.generateCsrf() });
  });
  app.get("/page", (request, reply) => {
    const user = request.session.get("user") ?? "anonymous";
    return reply.type("text/html; charset=utf-8").send(page(user, reply.cspNonce.script));
  });
  app.post("/items", { onRequest: app.csrfProtection }, (request, reply) =>
    request.session.get("user") === undefined ? reply.code(401).send() : reply.code(201).send(created(request.body)),
  );
  return listen(app);
}

function secured(limit, followed = false) {
  const { security, sessions, tokens } = composed(limit, followed);
  const app = fastify();
  secureFastify(app, security);
  app.get("/sign-in", access(OPEN), async (request) => {
    await signIn(sessions, requestOf(request));
    return {};
  });
  app.get("/csrf", access(SIGNED_IN), (request, reply) => reply.send({ csrf: tokens.token(requestOf(request)) }));
  app.get("/page", access(OPEN), (request, reply) => {
    const { principal, nonce } = requestOf(request);
    return reply.type("text/html; charset=utf-8").send(page(principal.id ?? "anonymous", nonce));
  });
  app.post("/items", access(SIGNED_IN), (request, reply) => reply.code(201).send(created(request.body)));
  return listen(app);
}

async function guarded(limit) {
  const { enter, readJson, signIn, serverLimits } = guard(limit);
  const app = fastify();
  app.decorateRequest("admitted", null);
  app.decorateRequest("answer", null);
  app.addHook("onRequest", (request, reply, done) => {
    const admitted = enter(request.raw, reply.raw);
    if (admitted === undefined) {
      reply.hijack();
      return;
    }
    request.admitted = admitted;
    request.answer = reply.raw;
    done();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", (request, payload, done) =>
    readJson(request.raw, request.answer, (value) => done(null, value)),
  );
  app.get("/sign-in", (request, reply) => {
    reply.hijack();
    signIn(reply.raw);
  });
  app.get("/page", (request, reply) => {
    const { user, nonce } = request.admitted;
    return reply.type("text/html; charset=utf-8").send(page(user ?? "anonymous", nonce));
  });
  app.post("/items", (request, reply) => reply.code(201).send(created(request.body)));
  await app.ready();
  serverLimits(app.server);
  return listen(app);
}

export const stacks = { bare, usual, glacis: secured, followed: (limit) => secured(limit, true), guard: guarded };
