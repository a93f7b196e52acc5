/** An Express application under Glacis whose every request leaves an event: into nothing, or into an audit log under the shipped alarms. */
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import express from "express";
import { glacis, publicAccess, saas } from "glacis";
import { alarmEngine, memoryAlarms, openAuditLog, readAlarmDefinitions, SECURITY_ALARMS } from "glacis/audit";
import { keyRing, newKey } from "glacis/data";
import { access, guardServer, requestOf, secureExpress, serverOptions } from "glacis/express";
import { listen } from "../http/listen.mjs";
import { recordOf } from "./records.mjs";

const [mode, directory] = process.argv.slice(2);

async function auditing() {
  if (mode === "off") return () => undefined;
  const { privateKey } = generateKeyPairSync("ed25519");
  const log = await openAuditLog({ directory, origin: "bench/audit", signingKey: privateKey });
  const definitions = readAlarmDefinitions(SECURITY_ALARMS);
  const alarms = alarmEngine({ definitions, sink: log.audit, store: memoryAlarms() });
  alarms.start();
  return alarms.audit;
}

const rates = { limit: 600_000, windowSeconds: 60 };
const layers = saas({
  origin: "https://app.example.com",
  keys: keyRing(newKey("k1")),
  proxies: ["127.0.0.0/8"],
  limits: { client: rates, anonymous: rates, user: rates, service: rates },
});
const security = glacis({ ...layers, audit: await auditing() });
const app = express();
secureExpress(app, security);
let count = 0;
app.get("/documents", access(publicAccess("benchmark")), (request, response) => {
  count += 1;
  security.report(recordOf(count), requestOf(request));
  response.json({ ok: true });
});
const port = await listen(guardServer(createServer(serverOptions(security), app), security));
process.on("disconnect", () => process.exit());
process.send({ port });
