import { describe, expect, it } from "vitest";
import { arrived, interpreted, type HeaderLines } from "../../../../test/support/wire.ts";
import type { AuditEvent } from "../core/event.ts";
import { trustedProxies, type TrustedProxies, type TrustedProxiesOptions } from "./trusted-proxies.ts";

const PROXY = "10.0.0.1";
const BEHIND: TrustedProxiesOptions = { proxies: ["10.0.0.0/8"] };

/** Sends a request through both halves, and returns the events of the control. */
function events(
  { resolve: resolver, control }: TrustedProxies,
  headers: HeaderLines,
  peer = PROXY,
): readonly AuditEvent[] {
  const decision = control.decide?.(interpreted(arrived(headers, peer), resolver));
  if (decision === undefined || decision instanceof Promise || decision.kind !== "allow")
    throw new Error("It must allow.");
  return decision.events;
}

describe("the detectors of misuse", () => {
  const named = (list: readonly AuditEvent[]): readonly string[] => list.map(({ event }) => event);

  it("speak once of a forwarding header from a stranger, with a code and a fix", () => {
    const proxies = trustedProxies();
    const claim: HeaderLines = [["X-Forwarded-For", "203.0.113.7"]];
    const [first] = events(proxies, claim, "198.51.100.1");
    expect(first).toMatchObject({ event: "proxy.header_unexpected", event_type: "config", status: "observed" });
    expect(first?.detail).toMatch(/^trusted-proxy\/unexpected-header: .*declare its address in proxies/u);
    for (let index = 0; index < 100; index += 1) expect(events(proxies, claim, "198.51.100.1")).toEqual([]);
  });

  it.each(["Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "x-forwarded-for", "X-Real-IP"])(
    "notice %s",
    (name) => {
      expect(named(events(trustedProxies(), [[name, "x"]], "198.51.100.1"))).toEqual(["proxy.header_unexpected"]);
    },
  );

  it("speak once of a request from inside without the header, and not of one from outside", () => {
    const proxies = trustedProxies(BEHIND);
    expect(events(proxies, [], "198.51.100.1")).toEqual([]);
    expect(named(events(proxies, [], "192.168.7.7"))).toEqual(["proxy.header_missing"]);
    expect(events(proxies, [])).toEqual([]);
    expect(events(trustedProxies(), [], "192.168.7.7")).toEqual([]);
  });

  it.each<[TrustedProxiesOptions, HeaderLines]>([
    [BEHIND, [["X-Forwarded-Proto", "https"]]],
    [
      BEHIND,
      [
        ["X-Real-IP", "203.0.113.7"],
        ["X-Forwarded-Proto", "https"],
      ],
    ],
    [{ ...BEHIND, header: "forwarded" }, [["X-Forwarded-For", "203.0.113.7"]]],
    [{ hops: 1 }, [["Forwarded", "for=203.0.113.7"]]],
  ])("speak once of a proxy that sends other headers than the one that %j names", (options, headers) => {
    const proxies = trustedProxies(options);
    expect(named(events(proxies, headers))).toEqual(["proxy.header_missing"]);
    expect(events(proxies, headers)).toEqual([]);
  });

  it("take a header from an undeclared peer inside for unexpected, not for missing", () => {
    const claim: HeaderLines = [["X-Forwarded-Proto", "https"]];
    expect(named(events(trustedProxies(BEHIND), claim, "192.168.7.7"))).toEqual(["proxy.header_unexpected"]);
  });

  it("speak once when a proxy that is not declared makes all clients look alike", () => {
    const proxies = trustedProxies(BEHIND);
    const heard: string[] = [];
    for (let index = 0; index < 5_000; index += 1) {
      const chain = `203.0.113.${index % 200}, 198.51.100.${index % 2}`;
      heard.push(...named(events(proxies, [["X-Forwarded-For", chain]])));
    }
    expect(heard).toEqual(["proxy.address_shared"]);
  });

  it("stay quiet when the clients are told apart, or when it is one client only", () => {
    const many = trustedProxies(BEHIND);
    const single = trustedProxies(BEHIND);
    for (let index = 0; index < 3_000; index += 1) {
      expect(events(many, [["X-Forwarded-For", `203.0.113.${index % 200}`]])).toEqual([]);
      expect(events(single, [["X-Forwarded-For", "203.0.113.7"]])).toEqual([]);
    }
  });

  it("hold a bounded number of reports for requests that never come to be decided", () => {
    const proxies = trustedProxies(BEHIND);
    const undecided = Array.from({ length: 1_000 }, () =>
      interpreted(arrived([["X-Forwarded-For", "unknown"]], PROXY), proxies.resolve),
    );
    const reported = undecided.filter((facts) => {
      const decision = proxies.control.decide?.(facts);
      return decision !== undefined && "events" in decision && decision.events.length > 0;
    });
    expect(reported).toEqual(undecided.slice(-64));
  });

  it("give each event to the request that it is about", () => {
    const proxies = trustedProxies(BEHIND);
    const bad = interpreted(arrived([["X-Forwarded-For", "unknown"]], PROXY), proxies.resolve);
    const good = interpreted(arrived([["X-Forwarded-For", "203.0.113.7"]], PROXY), proxies.resolve);
    expect(proxies.control.decide?.(good)).toMatchObject({ kind: "allow", events: [] });
    expect(proxies.control.decide?.(bad)).toMatchObject({ events: [{ event: "proxy.header_invalid" }] });
    expect(proxies.control.decide?.(bad)).toMatchObject({ events: [] });
  });
});
