import { Readable } from "node:stream";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { access, requestOf, secureFastify } from "glacis/fastify";
import type { RouteRule } from "glacis";
import type { Build, Incoming, Reply, Route } from "../application.ts";

export const fastifyBuild: Build = async (application, security) => {
  const app = fastify();
  secureFastify(app, security);
  app.addContentTypeParser(["application/octet-stream", "multipart/form-data", "text/csv"], (_request, payload, done) =>
    done(null, payload),
  );
  for (const route of application.routes) add(app, route, route.rule);
  for (const group of application.groups) {
    await app.register(
      async (inner) => {
        for (const route of group.routes) add(inner, route, route.rule ?? group.rule);
      },
      { prefix: group.prefix },
    );
  }
  await app.listen({ port: 0, host: "127.0.0.1" });
  return app.server;
};

const METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

function add(app: FastifyInstance, route: Route, rule: RouteRule | undefined): void {
  app.route({
    method: route.method === "ALL" ? [...METHODS] : route.method,
    url: route.path,
    ...(rule === undefined ? {} : access(rule)),
    handler(request, reply) {
      const answer = route.behave(incoming(request));
      return answer instanceof Promise ? answer.then((settled) => respond(settled, reply)) : respond(answer, reply);
    },
  });
}

function incoming(request: FastifyRequest): Incoming {
  return {
    exchange: requestOf(request),
    params: { ...(request.params as Record<string, string>) },
    header: (name) => request.headers[name] as string | undefined,
    body: async () => request.body,
    async count() {
      let bytes = 0;
      for await (const chunk of request.body as Readable) bytes += (chunk as Buffer).length;
      return bytes;
    },
  };
}

function respond(reply: Reply, response: FastifyReply): FastifyReply {
  switch (reply.kind) {
    case "send":
      return response
        .code(reply.status ?? 200)
        .headers(reply.headers ?? {})
        .send(reply.body ?? undefined);
    case "cookies":
      for (const [name, value] of reply.cookies) response.header("set-cookie", `${name}=${value}; Path=/`);
      return response.type("text/plain").send("cookies");
    case "redirect":
      return response.redirect(reply.location, reply.status);
    case "stream":
      return response.type(reply.type).send(Readable.from(reply.chunks));
    case "raw":
      response.hijack();
      reply.write(response.raw);
      return response;
  }
}
