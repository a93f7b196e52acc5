import { describe, expect, it } from "vitest";
import type { OauthServerClient } from "../primitives/oauth-server.ts";
import { oauthRedirectUri } from "./oauth-redirect-uri.ts";

const controlOf = (client: Partial<OauthServerClient>) =>
  oauthRedirectUri({ issuer: "https://idp.example", configuration: { clients: [{ client_id: "app", ...client }] } });
const judged = (uri: string, application_type = "web") =>
  controlOf({ redirect_uris: [uri], application_type })
    .check({} as never)
    .map(({ rule }) => rule.id.split("/")[1]);

describe("a registered address", () => {
  it.each(["https://app.example.com/callback", "https://app.example.com", "https://app.example.com/cb?tenant=1"])(
    "is exact and https: %s",
    (uri) => {
      expect(judged(uri)).toEqual([]);
    },
  );

  it.each([
    ["http://app.example.com/cb", "insecure"],
    ["http://localhost/cb", "insecure"],
    ["javascript:alert(1)", "insecure"],
    ["com.example.app:/cb", "insecure"],
    ["https://*.example.com/cb", "inexact"],
    ["https://app.example.com/*", "inexact"],
    ["https://app.example.com/cb#x", "inexact"],
    ["https://user@app.example.com/cb", "inexact"],
    ["https://app.example.com/a/../cb", "inexact"],
    ["https://app.example.com/%2e%2e/cb", "inexact"],
    ["https://APP.example.com/cb", "inexact"],
    ["https://app.example.com:443/cb", "inexact"],
    ["https:\\\\app.example.com/cb", "inexact"],
    ["/cb", "inexact"],
    ["", "inexact"],
  ])("is refused otherwise: %s", (uri, rule) => {
    expect(judged(uri)).toEqual([rule]);
  });

  it("of a native client is its own scheme, or the loopback on any port", () => {
    for (const uri of ["com.example.app:/cb", "http://127.0.0.1/cb", "http://127.0.0.1:5123/cb", "http://[::1]/cb"])
      expect(judged(uri, "native")).toEqual([]);
    for (const uri of ["app:/cb", "javascript:alert(1)", "http://127.0.0.1.evil.example/cb", "http://localhost/cb"])
      expect(judged(uri, "native")).toEqual(["insecure"]);
  });
});

describe("an address that is not registered", () => {
  const control = controlOf({ redirect_uris: ["https://app.example.com/cb"] });
  const seen = (uri: string, location?: string) => {
    const query = new URLSearchParams({ client_id: "app", response_type: "code", redirect_uri: uri });
    const headers = location === undefined ? [] : ([["location", location]] as const);
    return control.observe?.({ url: `https://idp.example/auth?${query}`, scheme: "https", status: 303, headers })
      .length;
  };
  it("is never led to, not even with an error", () => {
    expect(seen("https://evil.example/cb", "https://evil.example/cb?error=invalid_request")).toBe(1);
    expect(seen("https://evil.example/cb", "https://evil.example/cb?code=c")).toBe(1);
    expect(seen("https://evil.example/cb", "/sign-in")).toBe(0);
    expect(seen("https://evil.example/cb")).toBe(0);
    expect(seen("https://app.example.com/cb", "https://app.example.com/cb?code=c")).toBe(0);
  });
});
