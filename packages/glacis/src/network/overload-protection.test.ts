import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { Decision } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import { delayLevels } from "./event-loop-delay.ts";
import { overloadProtection, type OverloadProtection, type OverloadProtectionOptions } from "./overload-protection.ts";

const SESSION = { headers: { cookie: "theme=dark; __Host-session=abc" } };
const DONE = { status: 200, durationMs: 1, aborted: false };

describe("construction", () => {
  it.each([
    [{ maxInflight: 10 }, /Did you mean "maxInFlight"/u],
    [{ maxInFlight: 0 }, /maxInFlight as a whole number/u],
    [{ shedAtDelayMs: Number.NaN }, /shedAtDelayMs as a whole number/u],
    [{ maxInFlight: 10, maxInFlightSessions: 5 }, /must not be lower/u],
    [{ shedAtDelayMs: 500, shedSessionsAtDelayMs: 200 }, /must not be lower/u],
    [{ exemptPaths: ["healthz"] }, /exact paths/u],
    [{ exemptPaths: ["/healthz?full"] }, /exact paths/u],
  ])("refuses %j", (options, message) => {
    expect(() => overloadProtection(options as OverloadProtectionOptions)).toThrow(message);
  });
});

describe("levels of event-loop delay", () => {
  const run = (delays: readonly number[]): readonly number[] =>
    delays.map(delayLevels({ lateMs: 200, veryLateMs: 400 }));

  it.each([
    ["one late window is not overload", [0, 5000, 0, 5000, 0], [0, 0, 0, 0, 0]],
    ["two in a row are", [250, 250], [0, 1]],
    ["the lower of the two counts", [500, 250, 500, 500], [0, 1, 1, 2]],
    ["exactly the threshold is still in time", [200, 200, 200], [0, 0, 0]],
    ["it falls below half, not below the threshold", [250, 250, 150, 101, 99], [0, 1, 1, 1, 0]],
    ["from very late it falls in two steps", [500, 500, 250, 150, 50], [0, 2, 2, 1, 0]],
    ["or in one, when the load is gone", [500, 500, 0], [0, 2, 0]],
  ])("%s", (_, delays, levels) => {
    expect(run(delays)).toEqual(levels);
  });

  it("never reports more than was measured twice, and always recovers", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1000 })), (delays) => {
        const levels = run([...delays, 0]);
        expect(levels.at(-1)).toBe(0);
        if (Math.max(0, ...levels) === 2) expect(delays.filter((delay) => delay > 400).length).toBeGreaterThan(1);
        if (Math.max(0, ...levels) > 0) expect(delays.filter((delay) => delay > 200).length).toBeGreaterThan(1);
      }),
    );
  });
});

describe("requests in flight", () => {
  let control: OverloadProtection;
  afterEach(() => control.stop());

  function send(sketch: RequestSketch = {}): { readonly decision: Decision; readonly finish: () => void } {
    const exchange = sketchExchange(sketch);
    const decision = control.decide?.(exchange) as Decision;
    return { decision, finish: () => control.done?.(exchange, DONE) };
  }
  const kindOf = (sketch?: RequestSketch): string => send(sketch).decision.kind;

  it("refuses anonymous requests at the limit, those with a session at twice as many, exempt paths never", () => {
    control = overloadProtection({ maxInFlight: 2 });
    expect([kindOf(), kindOf(), kindOf()]).toEqual(["allow", "allow", "deny"]);
    expect([kindOf(SESSION), kindOf(SESSION), kindOf(SESSION)]).toEqual(["allow", "allow", "deny"]);
    expect(kindOf({ target: "/healthz?from=balancer" })).toBe("allow");
    expect(kindOf({ target: "/healthz/more" })).toBe("deny");
  });

  it("counts a request once, however often it is asked", () => {
    control = overloadProtection({ maxInFlight: 2 });
    const exchange = sketchExchange();
    // A control in a later layer is asked again where a route's rule stands under its group's.
    for (let time = 0; time < 2; time += 1) expect(control.decide?.(exchange)).toMatchObject({ kind: "allow" });
    expect(kindOf()).toBe("allow");
    expect(kindOf()).toBe("deny");
    control.done?.(exchange, DONE);
    expect([kindOf(), kindOf()]).toEqual(["allow", "deny"]);
  });

  it("releases each request once, however often it is finished, and never one that it refused", () => {
    control = overloadProtection({ maxInFlight: 1 });
    const first = send();
    const refused = send();
    refused.finish();
    expect(kindOf()).toBe("deny");
    first.finish();
    first.finish();
    expect(kindOf()).toBe("allow");
    expect(kindOf()).toBe("deny");
  });

  it("reports the beginning and the end of an overload, and not each refusal", () => {
    control = overloadProtection({ maxInFlight: 10 });
    const running = Array.from({ length: 10 }, () => send());
    const events: AuditEvent[] = [];
    for (let turn = 0; turn < 50; turn += 1) events.push(...send().decision.events);
    expect(events).toEqual([expect.objectContaining({ event: "sys_overload_began", detail: "in_flight", count: 10 })]);
    // At the limit's edge one leaves and one comes in: still the same overload.
    for (const { finish } of running.slice(0, 1)) finish();
    expect(send().decision).toMatchObject({ kind: "allow", events: [] });
    for (const { finish } of running.slice(1, 6)) finish();
    expect(send().decision).toMatchObject({ kind: "allow", events: [{ event: "sys_overload_ended" }] });
    expect(send().decision.events).toEqual([]);
  });

  it("does not take a cookie for the session's whose name only begins like it", () => {
    control = overloadProtection({ maxInFlight: 1 });
    send();
    expect(send({ headers: { cookie: "__Host-session-here=1" } }).decision.kind).toBe("deny");
    expect(send(SESSION).decision.kind).toBe("allow");
  });

  it("spreads the return of refused clients over several seconds", () => {
    control = overloadProtection({ maxInFlight: 1, retryAfterSeconds: 3 });
    send();
    const waits = Array.from({ length: 6 }, () => {
      const { decision } = send();
      return decision.kind === "deny" ? decision.headers[0] : undefined;
    });
    expect(waits.map((header) => header?.join(": "))).toEqual(
      [1, 2, 3, 1, 2, 3].map((seconds) => `retry-after: ${seconds}`),
    );
  });
});

describe("a server whose event loop is blocked", () => {
  let server: Server | undefined;
  let control: OverloadProtection;
  afterEach(() => {
    control.stop();
    server?.close();
    server?.closeAllConnections();
  });

  /** Answers what the control decides; the events gather in the returned list. */
  async function listen(options: OverloadProtectionOptions): Promise<{ port: number; events: AuditEvent[] }> {
    control = overloadProtection(options);
    const events: AuditEvent[] = [];
    const handle = (incoming: IncomingMessage, response: ServerResponse): void => {
      const exchange = sketchExchange({ target: incoming.url as string, rawHeaders: incoming.rawHeaders });
      const decision = control.decide?.(exchange) as Decision;
      events.push(...decision.events);
      response.on("close", () => control.done?.(exchange, DONE));
      if (decision.kind === "deny") response.writeHead(503, decision.headers.flat());
      response.end();
    };
    server = createServer(handle);
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return { port: (server.address() as AddressInfo).port, events };
  }

  function get(port: number, path = "/", headers: Record<string, string> = {}): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ port, path, headers, agent: false }, (response) => resolve(response.resume()));
      outgoing.on("error", reject).end();
    });
  }

  /** Blocks the loop again and again, letting it turn in between, as a handler with synchronous work would. */
  function burn(eachMs: number, totalMs: number): Promise<void> {
    const end = performance.now() + totalMs;
    return new Promise((resolve) => {
      const turn = (): void => {
        const until = performance.now() + eachMs;
        while (performance.now() < until);
        if (performance.now() < end) setTimeout(turn, 1);
        else resolve();
      };
      turn();
    });
  }

  it("sheds anonymous requests, serves sessions and health checks, and recovers", async () => {
    const { port, events } = await listen({ shedAtDelayMs: 100, shedSessionsAtDelayMs: 60_000 });
    expect((await get(port)).statusCode).toBe(200);
    const burning = burn(200, 3000);
    await sleep(2000);
    const [anonymous, session, health] = await Promise.all([
      get(port),
      get(port, "/", SESSION.headers),
      get(port, "/healthz"),
    ]);
    expect(anonymous.statusCode).toBe(503);
    expect(Number(anonymous.headers["retry-after"])).toBeGreaterThan(0);
    expect(session.statusCode).toBe(200);
    expect(health.statusCode).toBe(200);
    await burning;
    await expect.poll(async () => (await get(port)).statusCode, { timeout: 10_000, interval: 200 }).toBe(200);
    expect(events.map(({ event }) => event)).toEqual(["sys_overload_began", "sys_overload_ended"]);
    expect(events[0]).toMatchObject({ detail: "event_loop_delay", reason: "overloaded" });
  });

  it("does not take a process that sleeps for one that is overloaded", async () => {
    const { port, events } = await listen({ shedAtDelayMs: 1, shedSessionsAtDelayMs: 2 });
    await get(port);
    // Short blocks in long pauses: late by these thresholds, and idle most of the time.
    for (let turn = 0; turn < 10; turn += 1) {
      await burn(60, 1);
      await sleep(200);
      expect((await get(port)).statusCode).toBe(200);
    }
    expect(events).toEqual([]);
  });

  it("sheds sessions as well when it is very late", async () => {
    const { port } = await listen({ shedAtDelayMs: 50, shedSessionsAtDelayMs: 100 });
    await get(port);
    const burning = burn(250, 2500);
    await sleep(2000);
    expect((await get(port, "/", SESSION.headers)).statusCode).toBe(503);
    expect((await get(port, "/healthz")).statusCode).toBe(200);
    await burning;
  });

  it("does not keep the process alive", async () => {
    const { execFile } = await import("node:child_process");
    const { promisify } = await import("node:util");
    const script = `
      import { delayMonitor } from ${JSON.stringify(new URL("../../dist/network/event-loop-delay.js", import.meta.url).href)};
      delayMonitor({ lateMs: 200, veryLateMs: 400 }).start();
      console.log("started");`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
      timeout: 10_000,
    });
    expect(stdout).toBe("started\n");
  });
});

describe("check", () => {
  const deployment = {
    mode: "production",
    nodeVersion: "22.0.0",
    variables: new Map(),
    nodeOptions: [],
    nowMs: 0,
  } as const;

  it.each([
    [{}, []],
    [{ shedAtDelayMs: 5000 }, ["event-loop delay of 10000 ms"]],
    [{ maxInFlight: 100_000 }, ["200000 requests in flight"]],
    [{ shedSessionsAtDelayMs: 1000, maxInFlightSessions: 10_000 }, []],
    [
      { shedSessionsAtDelayMs: 1001, maxInFlightSessions: 10_001 },
      ["event-loop delay of 1001 ms", "10001 requests in flight"],
    ],
  ])("%j: %j", (options, details) => {
    expect(
      overloadProtection(options)
        .check(deployment)
        .map(({ detail }) => detail),
    ).toEqual(details);
  });
});
