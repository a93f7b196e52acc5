/** One process of several that serve the same route over one store. It says its port, and counts how often the work was done. */
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import express from "express";
import { authenticated, glacis } from "glacis";
import { access, guardServer, secureExpress } from "glacis/express";
import { fieldEncryption, keyRing } from "glacis/data";
import { idempotencyKeys, postgresIdempotencyKeys } from "glacis/input";
import { bareLayers } from "glacis/testing";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.argv[2], max: 20 });
const principal = { kind: "service", id: "shop", tenantId: "acme", roles: [] };
// Thirty-two requests at once open twenty connections first, for which a busy machine takes more than the second that a control has.
const security = glacis(
  bareLayers({ authenticate: () => ({ principal, session: undefined }), controlTimeoutMs: 20_000 }),
);
// Both processes have the key, so that each can give again what the other answered.
const sealer = fieldEncryption({ keys: keyRing(process.argv[3]) }).column({
  table: "glacis_idempotency",
  column: "response",
});
const once = idempotencyKeys({ store: postgresIdempotencyKeys({ database: pool, sealer }) });

const app = express();
secureExpress(app, security);
app.post("/payments", access(authenticated(), { kind: "api", controls: [once] }), async (request, response) => {
  const { rows } = await pool.query("insert into payments (amount) values ($1) returning id", [request.body.amount]);
  await delay(20);
  response.status(201).json(rows[0]);
});
const server = guardServer(createServer(app), security).listen(0, "127.0.0.1", () => {
  process.send(server.address().port);
});
process.on("disconnect", () => {
  server.close();
  server.closeAllConnections();
  void pool.end();
});
