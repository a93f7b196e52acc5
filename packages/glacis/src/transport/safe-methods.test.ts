import { PGlite } from "@electric-sql/pglite";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { describe, expect, it } from "vitest";
import { access, guardServer, secureExpress } from "../adapters/express.ts";
import { authenticated, publicAccess } from "../core/access.ts";
import type { TenantId } from "../core/brand.ts";
import { describeLocation } from "../core/finding.ts";
import { tenantScope, type Service } from "../core/principal.ts";
import { routeRule } from "../core/route.ts";
import { tenantDatabase } from "../data/tenant.ts";
import { glacis } from "../glacis.ts";
import { bareLayers } from "../testing/layers.ts";
import { SAFE_METHOD_ACTS, SAFE_METHOD_SHARED, safeMethods } from "./safe-methods.ts";

const rule = routeRule(publicAccess("a test"));

function found(...routes: readonly string[]): readonly string[] {
  const declared = routes.map((route) => {
    const [method = "", pattern = ""] = route.split(" ");
    return { method, pattern, rule };
  });
  const findings = safeMethods().checkRoutes?.(declared) ?? [];
  return findings.map((one) => `${one.rule.id} ${describeLocation(one.at)}`);
}

describe("safeMethods", () => {
  it("finds a GET whose path says that it acts, and where nothing else does the work", () => {
    expect(found("GET /sign-out", "GET /users/:id/delete/", "GET /mail/UNSUBSCRIBE", "GET /a/sign_out")).toEqual([
      `${SAFE_METHOD_ACTS.id} GET /sign-out`,
      `${SAFE_METHOD_ACTS.id} GET /users/:id/delete/`,
      `${SAFE_METHOD_ACTS.id} GET /mail/UNSUBSCRIBE`,
      `${SAFE_METHOD_ACTS.id} GET /a/sign_out`,
    ]);
  });

  it("leaves pages with a form, reading paths and other methods alone", () => {
    expect(found("GET /sign-out", "POST /sign-out", "GET /documents", "GET /delete/log", "DELETE /users/:id")).toEqual(
      [],
    );
  });

  it("finds one handler for every method, and no group's rule", () => {
    expect(found("* /hook", "* /admin/*")).toEqual([`${SAFE_METHOD_SHARED.id} * /hook`]);
  });
});

describe("a request that may change nothing", () => {
  it("is answered with 500 when it writes, changes nothing, and is told to the log", async () => {
    const database = await PGlite.create();
    await database.exec("create table notes (n int); create role app; grant all on notes to app");
    const principal: Service = { kind: "service", id: "app", tenantId: "acme" as TenantId, roles: [] };
    const layers = bareLayers({ authenticate: () => ({ principal, session: undefined }) });
    const security = glacis(layers);
    const tenants = tenantDatabase({ database, role: "app", report: (event, of) => security.report(event, of) });
    const app = express();
    secureExpress(app, security);
    app.all("/notes", access(authenticated(), { kind: "api" }), async (_request, response) => {
      await tenants.withTenant(tenantScope(principal), (connection) =>
        connection.query("insert into notes values (1)"),
      );
      response.send("written");
    });
    const server = guardServer(createServer(app), security).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/notes`;
    const statuses = [];
    for (const method of ["GET", "HEAD", "OPTIONS", "POST"]) statuses.push((await fetch(url, { method })).status);
    expect(statuses).toEqual([500, 500, 500, 200]);
    expect((await database.query("select count(*)::int as n from notes")).rows).toEqual([{ n: 1 }]);
    const told = layers.records.filter(({ event }) => event === "safe_method_write");
    expect(told.map(({ control, method }) => [control, method])).toEqual([
      ["safe-methods", "GET"],
      ["safe-methods", "HEAD"],
      ["safe-methods", "OPTIONS"],
    ]);
    server.close();
    await database.close();
  });
});
