import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { once } from "node:events";
import type { Server } from "node:http";
import express5, {
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from "express";
import { access, requestOf, secureExpress } from "glacis/express";
import type { Application, Build, Incoming, Reply, Route } from "../application.ts";

type Module = typeof express5;

/** Express 4 under another name; its types are those of 5 as far as they are used here. */
const express4 = createRequire(import.meta.url)("express-4") as Module;

export const express5Build: Build = (application, security) => build(express5, application, security);
export const express4Build: Build = (application, security) => build(express4, application, security);

async function build(express: Module, application: Application, security: Parameters<Build>[1]): Promise<Server> {
  const app: Express = express();
  secureExpress(app, security);
  for (const route of application.routes) add(app, route);
  for (const group of application.groups) {
    const router = express.Router();
    for (const route of group.routes) add(router, route);
    app.use(group.prefix, access(group.rule), router);
  }
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function add(to: Express | Router, route: Route): void {
  const method = route.method.toLowerCase() as "get";
  const handler: RequestHandler = (request, response, next) => {
    // Express 4 does not see rejections; its users write this line themselves.
    const fail = (error: unknown): void => next(error);
    const reply = route.behave(incoming(request));
    if (reply instanceof Promise) reply.then((settled) => respond(settled, response, next)).catch(fail);
    else respond(reply, response, next);
  };
  const register = (to as Express)[method].bind(to) as (path: string, ...handlers: RequestHandler[]) => unknown;
  if (route.rule === undefined) register(route.path, handler);
  else register(route.path, access(route.rule), handler);
}

function incoming(request: Request): Incoming {
  return {
    exchange: requestOf(request),
    params: { ...request.params } as Record<string, string>,
    header: (name) => request.get(name),
    body: async () => request.body as unknown,
    async count() {
      let bytes = 0;
      for await (const chunk of request) bytes += (chunk as Buffer).length;
      return bytes;
    },
  };
}

function respond(reply: Reply, response: Response, next: NextFunction): void {
  switch (reply.kind) {
    case "send":
      response.status(reply.status ?? 200).set(reply.headers ?? {});
      if (reply.body === null) response.end();
      else response.send(reply.body);
      return;
    case "cookies":
      for (const [name, value] of reply.cookies) response.cookie(name, value);
      response.type("text/plain").send("cookies");
      return;
    case "redirect":
      return response.redirect(reply.status, reply.location);
    case "stream":
      response.type(reply.type);
      void pipeline(Readable.from(reply.chunks), response).catch(next);
      return;
    case "raw":
      return reply.write(response);
  }
}
