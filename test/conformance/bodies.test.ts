/** Bodies that arrive before, while and after somebody asks for them; and who finds them afterwards. */
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import express from "express";
import { ANONYMOUS, glacis, publicAccess, routeRule, type Layers } from "glacis";
import { access, secureExpress } from "glacis/express";
import { bareLayers } from "glacis/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Application } from "./application.ts";
import { chunk, post, request } from "./case.ts";
import { express4Build, express5Build } from "./frameworks/express.ts";
import { fastifyBuild } from "./frameworks/fastify.ts";
import { honoBuild } from "./frameworks/hono.ts";
import { speak } from "./raw-client.ts";

const APPLICATION: Application = {
  groups: [],
  routes: [
    {
      method: "POST",
      path: "/echo",
      rule: routeRule(publicAccess("a test")),
      async behave({ body, exchange }) {
        const text = JSON.stringify(await body());
        return { kind: "send", body: `${text.length} ${text === exchange.bodyText}` };
      },
    },
    {
      method: "POST",
      path: "/count",
      rule: routeRule(publicAccess("a test")),
      behave: async ({ count }) => ({ kind: "send", body: String(await count()) }),
    },
  ],
};

const documentOf = (size: number): string => JSON.stringify({ a: "x".repeat(size - 8) });

function slowLayers(): Layers {
  return bareLayers({
    authenticate: async () => {
      await sleep(30);
      return { principal: ANONYMOUS, session: undefined };
    },
  });
}

describe.each([
  ["express 5", express5Build],
  ["express 4", express4Build],
  ["fastify 5", fastifyBuild],
  ["hono 4", honoBuild],
])("%s, while authentication takes its time", (_name, build) => {
  let server: Server;
  beforeAll(async () => {
    server = await build(APPLICATION, glacis(slowLayers()));
  });
  afterAll(() => void server.close());
  const ask = async (...steps: Parameters<typeof speak>[1][]): Promise<string> => {
    const { responses } = await speak((server.address() as AddressInfo).port, steps.flat(), { silenceMs: 1500 });
    return `${responses[0]?.status} ${responses[0]?.body}`;
  };
  const chunked = (path: string, type: string): string =>
    request(`POST ${path}`, { "Content-Type": type, "Transfer-Encoding": "chunked" });

  it.each([10, 1000, 15_000, 40_000, 70_000, 99_000])(
    "reads a body of %i bytes that came with the head",
    async (size) => {
      expect(await ask([post("/echo", documentOf(size))])).toBe(`200 ${size} true`);
    },
  );

  it("reads a body that comes in pieces, some before and some after the decision", async () => {
    const text = documentOf(60_000);
    const pieces = Array.from({ length: 12 }, (_, index) => chunk(text.slice(index * 5000, (index + 1) * 5000)));
    const steps = pieces.flatMap((piece) => [piece, 8]);
    expect(await ask([chunked("/echo", "application/json"), ...steps, chunk("")])).toBe("200 60000 true");
  });

  it("serves a second request on the connection after each", async () => {
    const { responses } = await speak(
      (server.address() as AddressInfo).port,
      [post("/echo", documentOf(40_000)), { waitFor: "40000 true" }, post("/echo", documentOf(20)), { waitFor: " 20" }],
      { responses: 2, silenceMs: 800 },
    );
    expect(responses.map(({ body }) => body)).toEqual(["40000 true", "20 true"]);
  });

  it("refuses a body that outgrew the limit before the decision", async () => {
    expect(await ask([post("/echo", documentOf(400_000))])).toMatch(/^413 /u);
    expect(
      await ask([chunked("/echo", "application/json"), ...Array.from({ length: 30 }, () => chunk("x".repeat(10_000)))]),
    ).toMatch(/^413 /u);
  });

  it("hands a stream to the application from its first byte", async () => {
    expect(await ask([post("/count", "x".repeat(90_000), { "Content-Type": "application/octet-stream" })])).toBe(
      "200 90000",
    );
  });
});

describe("after the rule has read a body", () => {
  it.each([
    ["a parser", express.json(), (body: unknown) => JSON.stringify(body)],
    ["a raw reader", express.raw({ type: () => true }), (body: unknown) => String(body)],
  ])("%s that the application mounts finds it untouched", async (_name, parser, show) => {
    const app = express();
    secureExpress(app, glacis(bareLayers()));
    app.post(
      "/",
      access(publicAccess("a test")),
      (incoming, _response, next) => {
        delete incoming.body;
        next();
      },
      parser,
      (incoming, response) => void response.send(show(incoming.body)),
    );
    const server = app.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { responses } = await speak((server.address() as AddressInfo).port, [post("/", '{"a":1}')]);
    server.close();
    expect(responses[0]?.body).toBe('{"a":1}');
  });
});
