import { describe, expect, it } from "vitest";
import { compileHead } from "../core/head.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchResponse } from "../testing/response.ts";
import { referrerPolicy } from "./referrer-policy.ts";

describe("referrerPolicy", () => {
  const emitted = (options: Parameters<typeof referrerPolicy>[0], path = "/", theirs?: string): string | undefined => {
    const draft = sketchResponse(theirs === undefined ? {} : { headers: { "referrer-policy": theirs } });
    compileHead([referrerPolicy(options)], () => undefined)(sketchExchange({ target: path }), draft);
    return draft.headers()["referrer-policy"];
  };

  it("tells other sites the origin, and nothing from pages whose address holds a secret", () => {
    const options = { credentialPaths: ["/reset/*", "/invite"] };
    expect(emitted(options)).toBe("strict-origin-when-cross-origin");
    expect(emitted(options, "/reset/abc?x")).toBe("no-referrer");
    expect(emitted(options, "/invite?token=x")).toBe("no-referrer");
    expect(emitted(options, "/resets")).toBe("strict-origin-when-cross-origin");
    expect(emitted(options, "/invite", "strict-origin")).toBe("no-referrer");
  });

  it("keeps a more discreet policy of the application, and replaces a laxer or unknown one", () => {
    expect(emitted({}, "/", "no-referrer")).toBe("no-referrer");
    expect(emitted({}, "/", "unsafe-url, same-origin")).toBe("unsafe-url, same-origin");
    expect(emitted({}, "/", "unsafe-url")).toBe("strict-origin-when-cross-origin");
    expect(emitted({}, "/", "same_origin")).toBe("strict-origin-when-cross-origin");
  });

  it("refuses what browsers do not know, and finds what leaks", () => {
    expect(() => referrerPolicy({ policy: "strict-origins" as "origin" })).toThrow(/Did you mean "strict-origin"/u);
    expect(() => referrerPolicy({ policy: [] })).toThrow(/at least one/u);
    expect(() => referrerPolicy({ credentialPaths: ["reset"] })).toThrow(/exact paths/u);
    const deployment = {
      mode: "production",
      nodeVersion: "22.0.0",
      variables: new Map(),
      nodeOptions: [],
      nowMs: 0,
    } as const;
    expect(
      referrerPolicy({ policy: "unsafe-url" })
        .check(deployment)
        .map(({ rule }) => rule.id),
    ).toEqual(["referrer-policy/leaky"]);
    expect(referrerPolicy({ policy: ["unsafe-url", "no-referrer"] }).check(deployment)).toEqual([]);
  });
});
