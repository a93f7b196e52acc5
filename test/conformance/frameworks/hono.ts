import { once } from "node:events";
import type { Server, ServerResponse } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono, type Context, type Handler } from "hono";
import { setCookie } from "hono/cookie";
import type { StatusCode } from "hono/utils/http-status";
import { access, listenHono, requestOf, secureHono } from "glacis/hono";
import type { Build, Incoming, Reply, Route } from "../application.ts";

export const honoBuild: Build = async (application, security): Promise<Server> => {
  const app = new Hono();
  secureHono(app, security);
  for (const route of application.routes) add(app, route);
  for (const group of application.groups) {
    const inner = new Hono();
    for (const route of group.routes) add(inner, route);
    app.use(`${group.prefix}/*`, access(group.rule));
    app.route(group.prefix, inner);
  }
  const server = listenHono(app, security, { port: 0, hostname: "127.0.0.1" });
  await once(server, "listening");
  return server;
};

function add(app: Hono, route: Route): void {
  const handler: Handler = (c) => {
    const answer = route.behave(incoming(c));
    return answer instanceof Promise ? answer.then((settled) => respond(settled, c)) : respond(answer, c);
  };
  const handlers = route.rule === undefined ? [handler] : [access(route.rule), handler];
  app.on(route.method, [route.path], ...handlers);
}

function incoming(c: Context): Incoming {
  return {
    exchange: requestOf(c),
    params: { ...c.req.param() },
    header: (name) => c.req.header(name),
    async body() {
      const type = c.req.header("content-type") ?? "";
      if (type.includes("json")) return c.req.json();
      return type.includes("form-urlencoded") ? c.req.parseBody() : undefined;
    },
    async count() {
      let bytes = 0;
      for await (const chunk of c.req.raw.body as unknown as AsyncIterable<Uint8Array>) bytes += chunk.length;
      return bytes;
    },
  };
}

function respond(reply: Reply, c: Context): Response {
  switch (reply.kind) {
    case "send":
      return c.newResponse(reply.body, (reply.status ?? 200) as StatusCode, { ...reply.headers });
    case "cookies":
      for (const [name, value] of reply.cookies) setCookie(c, name, value);
      return c.text("cookies");
    case "redirect":
      return c.redirect(reply.location, reply.status);
    case "stream":
      return c.body(toStream(reply.chunks), 200, { "content-type": reply.type });
    case "raw":
      reply.write((c.env as { outgoing: ServerResponse }).outgoing);
      return RESPONSE_ALREADY_SENT;
  }
}

function toStream(chunks: AsyncIterable<string>): ReadableStream {
  const iterator = chunks[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
  });
}
