import { describe, expect, it } from "vitest";
import type { OauthServerConfiguration } from "../primitives/oauth-server.ts";
import { oauthAuthorizationCode } from "./oauth-authorization-code.ts";

const judged = (configuration: OauthServerConfiguration) =>
  oauthAuthorizationCode({
    issuer: "https://idp.example",
    configuration: { clients: [{ client_id: "app" }], ...configuration },
  })
    .check({} as never)
    .map(({ rule, detail }) => [rule.id.split("/")[1], detail]);
const control = oauthAuthorizationCode({ issuer: "https://idp.example", configuration: {} });

describe("codes", () => {
  it("are bound and short-lived, by the server's own defaults too", () => {
    expect(judged({})).toEqual([]);
    expect(judged({ ttl: { AuthorizationCode: () => 30 }, pkce: { required: () => true } })).toEqual([]);
  });

  it("are found where they are not, or where nobody can tell", () => {
    expect(judged({ pkce: { required: () => false } })).toEqual([["no-pkce", undefined]]);
    expect(judged({ pkce: { required: false } })).toEqual([["no-pkce", undefined]]);
    const thrown = () => {
      throw new Error("Only in a request.");
    };
    expect(judged({ pkce: { required: thrown } })).toEqual([["no-pkce", undefined]]);
    expect(judged({ ttl: { AuthorizationCode: 61 } })).toEqual([["long-lived", "61 s"]]);
    for (const odd of [thrown, () => Promise.resolve(60), () => Number.NaN])
      expect(judged({ ttl: { AuthorizationCode: odd } })).toHaveLength(1);
    expect(judged({ clients: [{ client_id: "job", response_types: [] }], pkce: { required: () => false } })).toEqual(
      [],
    );
  });
});

describe("a server that runs", () => {
  const seen = (url: string, status: number, location?: string, body?: string) =>
    control
      .observe?.({
        url,
        scheme: "https",
        status,
        headers: location === undefined ? [] : [["location", location]],
        ...(body !== undefined && { body }),
      })
      .map(({ rule }) => rule.id.split("/")[1]);
  const document = "https://idp.example/.well-known/openid-configuration";
  const asked = "https://idp.example/auth?client_id=app&response_type=code";

  it("publishes S256 alone", () => {
    const publishing = (methods: unknown) =>
      seen(document, 200, undefined, JSON.stringify({ code_challenge_methods_supported: methods }));
    expect(publishing(["S256"])).toEqual([]);
    expect(publishing(["plain", "S256"])).toEqual(["plain"]);
    expect(publishing(undefined)).toEqual(["no-pkce"]);
    expect(seen(document, 200, undefined, "<html>")).toEqual([]);
  });

  it("refuses a request without a challenge, and goes on with no page", () => {
    const refusal = "https://app.example.com/cb?error=invalid_request";
    expect(seen(asked, 303, refusal)).toEqual([]);
    expect(seen(asked, 400)).toEqual([]);
    expect(seen(asked, 303, "/sign-in")).toEqual(["no-pkce"]);
    expect(seen(asked, 200)).toEqual(["no-pkce"]);
    expect(seen(`${asked}&code_challenge=x`, 303, "/sign-in")).toEqual(["plain"]);
    expect(seen(`${asked}&code_challenge=x&code_challenge_method=S256`, 303, "/sign-in")).toEqual([]);
  });
});
