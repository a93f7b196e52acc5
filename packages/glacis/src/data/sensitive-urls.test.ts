import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sketchExchange } from "../testing/exchange.ts";
import { sensitiveUrls, type SensitiveUrlsOptions } from "./sensitive-urls.ts";

function decide(query: string, options?: SensitiveUrlsOptions, path = "/") {
  return JSON.stringify(sensitiveUrls(options).decide?.(sketchExchange({ target: `${path}?${query}` })));
}

describe("sensitiveUrls", () => {
  it.each([
    "password=hunter2",
    "a=1&API_KEY=abc",
    "api-key=abc",
    "access_token=abc",
    "%61pikey=abc",
    "user[password]=abc",
    "user%5Bpassword%5D=abc",
    "passwords=1&passwd=hunter2",
    "secret[]=hunter2",
    "ssn=078-05-1120",
    "PHPSESSID=1",
    "client.secret=hunter2",
  ])("refuses %s, and quotes no value", (query) => {
    const decision = decide(query);
    expect(decision).toContain('"credential_in_url"');
    expect(decision).not.toMatch(/hunter2|abc|078/u);
  });

  it.each([
    "",
    "q=password",
    "password",
    "password=",
    "token=abc",
    "code=abc&state=xyz",
    "session_id=cs_test_1",
    "sort=secretary",
    "passwordless=1",
    "page=2&&=",
    "%",
  ])("lets %s pass", (query) => {
    expect(decide(query)).not.toContain("credential_in_url");
  });

  it("takes more names, and exceptions that are findings", () => {
    expect(decide("Email=a", { refuse: ["email"] })).toContain("credential_in_url");
    const options = { exceptPaths: ["/callback"] };
    expect(decide("api_key=a", options, "/callback")).not.toContain("credential_in_url");
    expect(decide("api_key=a", options, "/callback/")).toContain("credential_in_url");
    const deployment = { nodeVersion: "24.4.0", variables: new Map(), nodeOptions: [], nowMs: 0 };
    const found = sensitiveUrls(options).check({ mode: "production", ...deployment });
    expect(found.map(({ rule, detail }) => [rule.id, detail])).toEqual([["sensitive-urls/path-excepted", "/callback"]]);
  });

  it("decides about any query without throwing, in time that grows with its length", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (query) => typeof decide(query) === "string"));
    for (const unit of ["[", "a[", "%5B", "&", "=", "a&"])
      expect(decide(unit.repeat(8000))).not.toContain("credential");
  });

  it("refuses what it cannot work with", () => {
    expect(() => sensitiveUrls({ refuse: ["--"] })).toThrow(/letter or digit/u);
    expect(() => sensitiveUrls({ exceptPaths: ["callback"] })).toThrow(/"callback"/u);
    expect(() => sensitiveUrls({ except: [] } as never)).toThrow(/exceptPaths/u);
  });
});
