import { describe, expect, it } from "vitest";
import type { ArchivedEvent } from "./event-record.ts";
import { proposalText, proposeCsp } from "./csp-proposal.ts";

function violation(directive: string, blocked: string): ArchivedEvent {
  return {
    id: "1",
    timeMs: 1000,
    record: {
      time: "2026-11-26T12:00:00Z",
      event_type: "csp_violation",
      status: "refused",
      severity: "warning",
      event: "csp_violation",
      directive,
      blocked,
    },
  };
}

describe("proposeCsp", () => {
  it("adds origins to what the directive has, and keeps the nonce of styles", () => {
    const events = [
      violation("img-src", "https://images.example.com/a/b"),
      violation("img-src", "https://images.example.com/c"),
      violation("style-src-elem", "https://fonts.example.com"),
    ];
    expect(proposalText(proposeCsp(events).additions)).toBe(`contentSecurityPolicy({
  directives: {
    "img-src": ["'self'", "https://images.example.com"],
    "style-src": ["'self'", NONCE, "https://fonts.example.com"],
  },
});`);
  });

  it.each([
    ["script-src-elem", "https://cdn.example.com"],
    ["script-src", "inline"],
    ["style-src-attr", "inline"],
    ["img-src", "http://plain.example.com"],
    ["img-src", "data"],
    ["frame-ancestors", "https://evil.example.com"],
    ["connect-src", "https://a.example.com; script-src *"],
    ['img-src": *, "x', "https://a.example.com"],
  ])("proposes nothing for %s and %s", (directive, blocked) => {
    expect([...proposeCsp([violation(directive, blocked)]).additions]).toEqual([]);
  });

  it("counts by directive and origin, most frequent first, and so many at most", () => {
    const events = Array.from({ length: 1000 }, (_, index) =>
      violation("img-src", `https://a${index % 500}.example.com`),
    );
    const { violations } = proposeCsp([...events, violation("img-src", "https://a7.example.com")]);
    expect(violations).toHaveLength(200);
    expect(violations[0]).toMatchObject({ source: "https://a7.example.com", count: 3 });
  });
});
