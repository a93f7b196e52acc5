import fc from "fast-check";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../core/event.ts";
import { detection, type DetectionOptions } from "./detection.ts";
import { distanceKm, travelDetector, type Place } from "./detection-travel.ts";

const START_MS = Date.UTC(2026, 0, 1);
const BERLIN: Place = { lat: 52.52, lon: 13.4 };
const SYDNEY: Place = { lat: -33.87, lon: 151.21 };
const PLACES: Readonly<Record<string, Place>> = {
  "192.0.2.1": BERLIN,
  "192.0.2.2": SYDNEY,
  "192.0.2.3": { lat: Number.NaN, lon: 0 },
};

interface Stream {
  readonly send: (event: Partial<Record<keyof AuditRecord, unknown>>, atSeconds?: number) => void;
  /** What was added to what was sent. */
  readonly detected: () => readonly AuditRecord[];
  readonly all: readonly AuditRecord[];
}

function stream(options: Omit<DetectionOptions, "sink"> = {}): Stream {
  const all: AuditRecord[] = [];
  const sink = detection({ sink: (record) => void all.push(record), ...options });
  return {
    all,
    send: (event, atSeconds = 0) =>
      sink({
        time: new Date(START_MS + atSeconds * 1000).toISOString(),
        event_type: "data_access",
        status: "failed",
        severity: "info",
        event: "data_not_found",
        ...event,
      } as AuditRecord),
    detected: () => all.filter(({ control }) => control === "intrusion-detection"),
  };
}

const signIn = (ip: string, user = "user-1"): Partial<AuditRecord> => ({
  event_type: "authentication",
  status: "succeeded",
  event: "authn_login_success",
  user_id: user,
  ip_address: ip,
});

describe("detection", () => {
  it("hands every event on, unchanged and in order, and adds none to ordinary use", () => {
    const event = fc.record({
      event: fc.constantFrom("data_not_found", "authz_fail", "http_not_found", "authn_login_success", "csrf_rejected"),
      event_type: fc.constantFrom("data_access", "authorization_failure", "authentication", "csrf"),
      status: fc.constantFrom("succeeded", "failed", "refused"),
      // A user meets a handful of ids that are not his, whatever he does and however often.
      resource_id: fc.constantFrom("1", "2", "3", "4", "5"),
      user_id: fc.constantFrom("ann", "bob", "eve"),
      ip_address: fc.constantFrom("192.0.2.1", "198.51.100.7"),
      request_id: fc.uuid(),
    }) as fc.Arbitrary<Partial<AuditRecord>>;
    fc.assert(
      fc.property(fc.array(event, { maxLength: 49 }), (events) => {
        const { send, all } = stream({ locate: (ip) => PLACES[ip], honeyResources: ["bait"], honeyUsers: ["nobody"] });
        for (const [index, one] of events.entries()) send(one, index);
        expect(all).toEqual(events.map((one) => expect.objectContaining(one) as AuditRecord));
      }),
    );
  });

  it("sees ids tried one after another, once a burst, however the actor spreads them", () => {
    const { send, detected } = stream();
    for (let id = 0; id < 100; id += 1) send({ user_id: "eve", resource_type: "invoice", resource_id: `${id}` }, id);
    expect(detected()).toEqual([
      expect.objectContaining({
        event: "malicious_direct_reference",
        user_id: "eve",
        count: 20,
        resource_type: "invoice",
      }),
    ]);
    for (let id = 0; id < 30; id += 1) send({ user_id: "eve", resource_id: `${id}` }, 3600 + id);
    expect(detected()).toHaveLength(2);
  });

  it("sees no walk in one object that is asked for again and again, or in many actors with one each", () => {
    const { send, detected } = stream();
    for (let turn = 0; turn < 500; turn += 1) {
      send({ user_id: "bob", resource_id: "gone" });
      send({ user_id: `user ${turn}`, resource_id: `${turn}` });
      send({ ip_address: `2001:db8::${turn}`, resource_id: `${turn}` });
    }
    expect(detected()).toEqual([]);
  });

  it("sees no walk in many objects that are given, as in an export, and no travel in sign-ins that fail", () => {
    const { send, detected } = stream({ locate: (ip) => PLACES[ip] });
    for (let id = 0; id < 100; id += 1)
      send({ user_id: "ann", resource_id: `${id}`, status: "succeeded", event: "sensitive_read" }, id);
    send(signIn("192.0.2.1"));
    send({ ...signIn("192.0.2.2"), status: "failed", event: "authn_login_fail" }, 60);
    expect(detected()).toEqual([]);
  });

  it("calls bait once for each address that touches it", () => {
    const { send, detected } = stream({ honeyResources: ["bait"] });
    for (const ip of ["192.0.2.1", "192.0.2.2", "192.0.2.1"]) send({ resource_id: "bait", ip_address: ip });
    expect(detected().map(({ ip_address: ip }) => ip)).toEqual(["192.0.2.1", "192.0.2.2"]);
  });

  it("sees a search through paths that are not there", () => {
    const { send, detected } = stream();
    for (let turn = 0; turn < 120; turn += 1)
      send({ event: "http_not_found", ip_address: "203.0.113.9", request_id: `${turn}` }, turn);
    expect(detected().map(({ event, ip_address: ip }) => [event, ip])).toEqual([
      ["malicious_excess_404", "203.0.113.9"],
    ]);
  });

  it("sees travel that nobody makes, and not a flight", () => {
    const fast = stream({ locate: (ip) => PLACES[ip] });
    fast.send(signIn("192.0.2.1"));
    fast.send(signIn("192.0.2.2"), 3600);
    fast.send(signIn("192.0.2.1"), 3700);
    expect(fast.detected()).toEqual([
      expect.objectContaining({ event: "authn_impossible_travel", severity: "critical", user_id: "user-1" }),
    ]);
    const slow = stream({ locate: (ip) => PLACES[ip] });
    for (const [ip, hours] of [
      ["192.0.2.1", 0],
      ["192.0.2.2", 20],
      ["10.0.0.1", 20],
      ["192.0.2.3", 20],
      ["192.0.2.1", 40],
    ] as const)
      slow.send(signIn(ip), hours * 3600);
    slow.send({ ...signIn("192.0.2.2"), status: "failed" }, 40 * 3600);
    slow.send(signIn("192.0.2.2", "user-2"), 40 * 3600);
    expect(slow.detected()).toEqual([]);
  });

  it("calls any touch of bait critical, also where a refusal names the row by its digest", () => {
    const { send, detected } = stream({ honeyResources: ["invoice-0"], honeyUsers: ["user-0"] });
    send({ resource_id: "invoice-0", ip_address: "203.0.113.9" });
    send({ resource_id: createHash("sha256").update("invoice-0").digest("base64url"), status: "refused" });
    send({ ...signIn("203.0.113.9", "user-0"), status: "failed" });
    send({ ...signIn("203.0.113.9", "user-0"), status: "failed" }, 5);
    expect(detected().map(({ event, severity, detail }) => [event, severity, detail])).toEqual([
      ["malicious_honeytoken", "critical", "resource_id"],
      ["malicious_honeytoken", "critical", "resource_id"],
      ["malicious_honeytoken", "critical", "user_id"],
    ]);
  });

  it("reports a table of places that fails, once, and loses no event by it", () => {
    const { send, all } = stream({
      locate: () => {
        throw new Error("the table is gone");
      },
    });
    send(signIn("192.0.2.1"));
    send(signIn("192.0.2.1"));
    expect(all.map(({ event }) => event)).toEqual([
      "authn_login_success",
      "sys_detection_failed",
      "authn_login_success",
    ]);
  });

  it("stays bounded under a million actors", () => {
    const sink = detection({ sink: () => undefined, locate: () => BERLIN });
    const base = { time: new Date(START_MS).toISOString(), severity: "info", status: "failed" } as const;
    const fill = (from: number, to: number): void => {
      for (let actor = from; actor < to; actor += 1) {
        const context = {
          ...base,
          user_id: `user ${actor}`,
          ip_address: `198.51.100.${actor}`,
          request_id: `${actor}`,
        };
        sink({ ...context, event_type: "data_access", event: "data_not_found", resource_id: `${actor}` });
        sink({ ...context, event_type: "system", status: "observed", event: "http_not_found" });
        sink({ ...context, event_type: "authentication", status: "succeeded", event: "authn_login_success" } as const);
      }
    };
    fill(0, 100_000);
    const before = process.memoryUsage().heapUsed;
    fill(100_000, 1_000_000);
    // Unbounded it would be several hundred megabytes.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000);
  }, 120_000);

  it.each([
    { honeyUser: [] },
    { honeyUsers: [""] },
    { honeyUsers: Array<string>(1001).fill("x") },
    { honeyResources: "row-1" },
    { sink: undefined },
  ])("refuses options that mean nothing: %j", (options) => {
    expect(() => detection({ sink: () => undefined, ...options } as unknown as DetectionOptions)).toThrow(TypeError);
  });
});

describe("a distance on the globe", () => {
  const place = fc.record({
    lat: fc.double({ min: -90, max: 90, noNaN: true }),
    lon: fc.double({ min: -180, max: 180, noNaN: true }),
  });

  it("is the same both ways, none to itself, and never more than half the way round", () => {
    fc.assert(
      fc.property(place, place, (from, to) => {
        expect(distanceKm(from, to)).toBeCloseTo(distanceKm(to, from), 6);
        expect(distanceKm(from, from)).toBe(0);
        expect(distanceKm(from, to)).toBeLessThanOrEqual(Math.PI * 6371 + 1e-6);
      }),
    );
    expect(Math.round(distanceKm(BERLIN, SYDNEY) / 100)).toBe(161);
  });

  it("raises nothing for anybody who keeps below the speed of an airliner", () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 2, maxLength: 10 }), (places) => {
        const travel = travelDetector((ip) => places[Number(ip)]);
        let atMs = START_MS;
        for (const [index, to] of places.entries()) {
          atMs += (distanceKm(places[Math.max(0, index - 1)] ?? to, to) / 900) * 3_600_000;
          expect(travel.arrives("ann", `${index}`, atMs)).toBe(false);
        }
      }),
    );
  });
});
