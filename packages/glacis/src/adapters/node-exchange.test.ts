import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, vi } from "vitest";
import { auditEvent } from "../core/event-entry.ts";
import { glacis } from "../glacis.ts";
import { bareLayers } from "../testing/layers.ts";
import { guardServer } from "./node-server.ts";
import { exchangeOf } from "./node-state.ts";

it("writes what a request had to say when it ends, also where no control looks at outcomes", async () => {
  const layers = bareLayers();
  const server = createServer((request, response) => {
    exchangeOf(request).note(auditEvent("authorization_failure/authz_fail/refused"));
    response.statusCode = 404;
    response.end();
  });
  guardServer(server, glacis(layers)).listen(0, "127.0.0.1");
  await once(server, "listening");
  await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await vi.waitFor(() => expect(layers.records.map((record) => record.event)).toEqual(["authz_fail"]));
  server.close();
});
