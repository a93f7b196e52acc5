/** A client may leave at any moment: that is told at most once, as nothing to be woken for, and is never a failure of the application. */
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { publicAccess, routeRule, type AuditRecord } from "glacis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { json, type Application } from "./application.ts";
import { CLIENT, get, request } from "./case.ts";
import { compose } from "./composition.ts";
import { BUILDS } from "./frameworks/builds.ts";
import { speak, type Step } from "./raw-client.ts";

const rule = routeRule(publicAccess("a test"), { kind: "api", csrfExempt: "a test" });

async function* endless(): AsyncGenerator<string> {
  for (;;) {
    yield "more\n";
    await sleep(5);
  }
}

const application: Application = {
  groups: [],
  routes: [
    { method: "POST", path: "/upload", rule, behave: async ({ count }) => json({ bytes: await count() }) },
    { method: "GET", path: "/stream", rule, behave: () => ({ kind: "stream", type: "text/plain", chunks: endless() }) },
    {
      method: "GET",
      path: "/broken",
      rule,
      async behave() {
        await sleep(60);
        throw new Error("a failure of its own");
      },
    },
  ],
};

const bytes = (headers: Readonly<Record<string, string>>): string =>
  request("POST /upload", { "Content-Type": "application/octet-stream", ...headers });

describe.each(Object.entries(BUILDS))("a client that leaves %s", (_name, build) => {
  const { security, records } = compose();
  let server: Server;

  beforeAll(async () => {
    server = await build(application, security);
  });
  afterAll(async () => {
    server.close();
    (server as Server & { closeAllConnections(): void }).closeAllConnections();
    await once(server, "close");
  });
  beforeEach(() => void (records.length = 0));

  const leave = async (...steps: readonly Step[]): Promise<readonly AuditRecord[]> => {
    const { port } = server.address() as AddressInfo;
    await speak(
      port,
      steps.map((step) => (typeof step === "string" ? step.replaceAll(CLIENT, "198.51.100.3") : step)),
    );
    await sleep(150);
    return records;
  };
  const told = (all: readonly AuditRecord[]): readonly string[] =>
    all.map(({ event_type, event, status, severity }) => `${event_type}/${event}/${status} ${severity}`);

  it("in the middle of a body that the application reads", async () => {
    const left = await leave(bytes({ "Content-Length": "20" }), "half", 50, { abort: true });
    expect(told(left)).toEqual(["input_validation/http.request_incomplete/refused info"]);
  });

  it("in the middle of its headers", async () => {
    expect(told(await leave("GET / HT", 20, { abort: true }))).toEqual([
      "input_validation/http.request_incomplete/refused info",
    ]);
  });

  it("in the middle of an answer", async () => {
    expect(told(await leave(get("/stream"), { waitFor: "more" }, { abort: true }))).toEqual([]);
  });

  it("too late with its body", async () => {
    expect(told(await leave(bytes({ "Content-Length": "20" }), "half", 2000))).toEqual([
      "input_validation/input_validation_fail/refused warning",
    ]);
  });

  it("with a body that cannot be read to its end", async () => {
    expect(told(await leave(bytes({ "Transfer-Encoding": "chunked" }), "2\r\n{}\r\n", 50, "zz\r\n"))).toEqual([
      "input_validation/http.framing_rejected/refused warning",
    ]);
  });

  it("does not hide what the application does wrong meanwhile", async () => {
    expect(told(await leave(get("/broken"), 10, { abort: true }))).toEqual(["system/sys_error/failed error"]);
  });
});
