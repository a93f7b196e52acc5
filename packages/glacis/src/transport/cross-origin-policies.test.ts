import { describe, expect, it } from "vitest";
import { compileHead } from "../core/head.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchResponse } from "../testing/response.ts";
import { crossOriginPolicies } from "./cross-origin-policies.ts";

describe("crossOriginPolicies", () => {
  const emitted = (
    options: Parameters<typeof crossOriginPolicies>[0],
    path = "/",
    headers: Record<string, string> = {},
  ): Readonly<Record<string, string>> => {
    const draft = sketchResponse({ headers });
    compileHead([crossOriginPolicies(options)], () => undefined)(sketchExchange({ target: path }), draft);
    return draft.headers();
  };

  it("isolates window, resources, embedding and process by default", () => {
    expect(emitted({})).toEqual({
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "cross-origin-embedder-policy": "credentialless",
      "origin-agent-cluster": "?1",
    });
  });

  it("shares public files that are listed, and only those", () => {
    const options = { crossOriginResources: ["/embed.js"] };
    expect(emitted(options, "/embed.js?v=1")["cross-origin-resource-policy"]).toBe("cross-origin");
    expect(emitted(options, "/embed.js.map")["cross-origin-resource-policy"]).toBe("same-origin");
  });

  it("lets the application tighten a response, not loosen it", () => {
    const set = (name: string, value: string, options = {}): string | undefined =>
      emitted(options, "/", { [name]: value })[name];
    expect(set("cross-origin-embedder-policy", "require-corp")).toBe("require-corp");
    expect(set("cross-origin-embedder-policy", "unsafe-none")).toBe("credentialless");
    expect(set("cross-origin-resource-policy", "cross-origin")).toBe("same-origin");
    expect(set("cross-origin-opener-policy", "same-origin; report-to=x", { opener: "same-origin-allow-popups" })).toBe(
      "same-origin; report-to=x",
    );
    // It lets go of every opener; the other keeps those of its own origin.
    const popups = { opener: "same-origin-allow-popups" };
    expect(set("cross-origin-opener-policy", "noopener-allow-popups", popups)).toBe("noopener-allow-popups");
    const cut = { opener: "noopener-allow-popups" };
    expect(set("cross-origin-opener-policy", "same-origin-allow-popups", cut)).toBe("noopener-allow-popups");
  });

  it("finds a header that is sent twice, which browsers take for none", () => {
    const line = ["cross-origin-opener-policy", "same-origin"] as const;
    const others = Object.entries(emitted({})).filter(([name]) => name !== line[0]);
    const seen = (...lines: readonly (typeof line)[]): readonly string[] | undefined =>
      crossOriginPolicies()
        .observe?.({ url: "https://app.test/", scheme: "https", status: 200, headers: [...others, ...lines] })
        .map(({ rule }) => rule.id);
    expect(seen(line)).toEqual([]);
    expect(seen(line, line)).toEqual(["cross-origin-policies/opener"]);
  });

  it("refuses a value that browsers do not know", () => {
    expect(() => crossOriginPolicies({ opener: "same-orign" as "same-origin" })).toThrow(/Did you mean "same-origin"/u);
    expect(() => crossOriginPolicies({ embedder: "" as "require-corp" })).toThrow(/does not know embedder/u);
    expect(() => crossOriginPolicies({ coop: "same-origin" } as object)).toThrow(/no option "coop"/u);
  });
});
