import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sketchExchange } from "../testing/exchange.ts";
import { canonicalization } from "./canonicalization.ts";

const { decide } = canonicalization();
const judge = (target: string): string => {
  const decision = decide?.(sketchExchange({ target })) as { kind: string; events: readonly { detail?: string }[] };
  return decision.kind === "deny" ? (decision.events[0]?.detail ?? "deny") : decision.kind;
};

describe("canonicalization", () => {
  it.each([
    ["/documents/7", "allow"],
    ["/caf%C3%A9/%E2%82%AC", "allow"],
    ["/a%20b", "allow"],
    ["/packages/@scope%2Fname", "allow"],
    ["/.well-known/security.txt", "allow"],
    ["/files/.env.example", "allow"],
    ["/files/a..b", "allow"],
    ["/files/...", "allow"],
    ["/search?q=100%25&to=a%2F..%2Fb", "allow"],
    ["/a/../b", "dot_segment"],
    ["/a/./b", "dot_segment"],
    ["/a/..", "dot_segment"],
    ["/a/%2e%2E/b", "dot_segment"],
    ["/a/.%2e/b", "dot_segment"],
    ["/a%2f..%2fb", "dot_segment"],
    ["/a/..;/b", "dot_segment"],
    ["/a/..;x=1/b", "dot_segment"],
    ["/a%5c..%5cb", "dot_segment"],
    ["/a/%252e%252e/b", "twice_encoded"],
    ["/a%252fb", "twice_encoded"],
    ["/a%2500", "twice_encoded"],
    ["/a%2525b", "twice_encoded"],
    ["/a%00", "nul"],
    ["/a?b=%00", "nul"],
    ["/%", "encoding"],
    ["/%zz", "encoding"],
    ["/%c0%af", "encoding"],
    ["/%ed%a0%80", "encoding"],
    ["/a?b=%ff", "encoding"],
    ["/a?b=100%", "encoding"],
  ])("reads %s as %s", (target, verdict) => {
    expect(judge(target)).toBe(verdict);
  });

  it("refuses with 400 and says why in the log, not what was sent", () => {
    const decision = decide?.(sketchExchange({ target: "/a/../secret" }));
    expect(decision).toMatchObject({
      kind: "deny",
      reason: "request_malformed",
      events: [{ event: "input.canonicalization" }],
    });
    expect(JSON.stringify(decision)).not.toContain("secret");
  });

  it("lets a path pass only when URL parsing, which resolves and re-encodes, leaves its segments alone", () => {
    const segment = fc.stringMatching(/^(?:[a-z.]|%2e|%2f|%25|%5c|;){1,6}$/u);
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
        const path = `/${segments.join("/")}`;
        if (judge(path) !== "allow") return;
        expect(new URL(path, "https://app.example.com").pathname.split("/")).toHaveLength(segments.length + 1);
      }),
    );
  });
});
