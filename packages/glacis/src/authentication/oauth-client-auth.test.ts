import { describe, expect, it } from "vitest";
import type { OauthServerClient, OauthServerConfiguration } from "../primitives/oauth-server.ts";
import { oauthClientAuth } from "./oauth-client-auth.ts";

const controlOf = (configuration: OauthServerConfiguration) =>
  oauthClientAuth({ issuer: "https://idp.example", configuration });
const judged = (client: Partial<OauthServerClient>, rest: OauthServerConfiguration = {}) =>
  controlOf({ clients: [{ client_id: "app", ...client }], ...rest })
    .check({} as never)
    .map(({ rule }) => rule.id.split("/")[1]);

describe("a client", () => {
  it("proves itself by a key, or at least by a secret that nobody guesses", () => {
    expect(judged({ token_endpoint_auth_method: "private_key_jwt" })).toEqual([]);
    expect(judged({ token_endpoint_auth_method: "none" })).toEqual([]);
    expect(judged({ client_secret: "Zq3v8yB1kR7tW0xN5mL2pC9dF6gH4jSa" })).toEqual(["shared-secret"]);
    for (const client_secret of ["secret", "a".repeat(64), "abcabcabcabcabcabcabcabcabcabcabcabc"])
      expect(judged({ client_secret })).toEqual(["weak-secret"]);
    expect(judged({ token_endpoint_auth_method: "none", grant_types: ["client_credentials"] })).toEqual(["unproved"]);
  });

  it("never has its secret in a finding", () => {
    const found = controlOf({ clients: [{ client_id: "app", client_secret: "hunter2hunter2" }] }).check({} as never);
    expect(JSON.stringify(found)).not.toContain("hunter2");
  });
});

describe("registration", () => {
  const quiet = { token_endpoint_auth_method: "private_key_jwt" };
  it("is off, or asks for a token", () => {
    const features = (registration: Readonly<Record<string, unknown>>) => judged(quiet, { features: { registration } });
    expect(features({ enabled: false })).toEqual([]);
    expect(features({ enabled: true, initialAccessToken: true })).toEqual([]);
    expect(features({ enabled: true, initialAccessToken: "a token" })).toEqual([]);
    expect(features({ enabled: true })).toEqual(["open-registration"]);
    expect(features({ enabled: true, initialAccessToken: false })).toEqual(["open-registration"]);
  });

  it("lets nobody in who asks without one", () => {
    const seen = (status: number, body: string) =>
      controlOf({}).observe?.({ url: "https://idp.example/reg", scheme: "https", status, headers: [], body }).length;
    expect(seen(201, `{"client_id": "x"}`)).toBe(1);
    expect(seen(400, `{"error":"invalid_redirect_uri"}`)).toBe(0);
    expect(seen(201, `{"id": 1}`)).toBe(0);
  });
});
