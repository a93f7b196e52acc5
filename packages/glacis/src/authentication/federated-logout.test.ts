import { afterAll, describe, expect, it } from "vitest";
import { internet, realProvider } from "../../../../test/support/identity-provider.ts";
import { Secret } from "../core/secret.ts";
import { federatedLogout } from "./federated-logout.ts";
import type { SsoProvider } from "./single-sign-on-provider.ts";

const net = internet();
afterAll(() => net.close());
const control = federatedLogout([]);
const observed = (url: string, headers: readonly (readonly [string, string])[] = [], body?: string) =>
  (control.observe?.({ url, scheme: "https", status: 200, headers, ...(body !== undefined && { body }) }) ?? []).map(
    ({ rule }) => rule.id.split("/")[1],
  );

describe("a provider's own description", () => {
  const url = "https://idp.example/.well-known/openid-configuration";

  it("says whether it tells anybody of a logout, as a real one does", async () => {
    const client = { client_id: "folio", client_secret: "secret", redirect_uris: ["https://app.example.com/cb"] };
    await realProvider({ net, host: "idp.example", client });
    const document = await (await net.fetch(url, {})).text();
    expect(JSON.parse(document)).toMatchObject({ backchannel_logout_supported: true });
    expect(observed(url, [], document)).toEqual([]);
  });

  it("is found lacking where it does not, whatever it says instead", () => {
    for (const body of ["{}", '{"backchannel_logout_supported":"true"}', "[]", "null", "<html>"])
      expect(observed(url, [], body)).toEqual(["no-back-channel"]);
    expect(observed("https://idp.example/", [], "{}")).toEqual([]);
    expect(observed(url)).toEqual([]);
  });
});

describe("an address that signs out", () => {
  const cleared = [["set-cookie", "__Host-session=; Path=/; Secure; HttpOnly; Max-Age=0"]] as const;

  it("does nothing when it is merely opened", () => {
    expect(observed("https://app.example.com/sso/sign-out", cleared)).toEqual(["unasked"]);
    expect(observed("https://app.example.com/logout/", cleared)).toEqual(["unasked"]);
    expect(observed("https://app.example.com/sso/sign-out")).toEqual([]);
    expect(observed("https://app.example.com/sso/sign-out", [["set-cookie", "__Host-session=x; Path=/"]])).toEqual([]);
    expect(observed("https://app.example.com/documents", cleared)).toEqual([]);
  });
});

it("finds a provider whose session may outlive ours", () => {
  const provider: SsoProvider = {
    id: "acme",
    tenantId: "acme",
    issuer: "https://idp.example",
    clientId: "folio",
    clientSecret: new Secret("a secret of the client"),
  };
  const rules = (rest: Partial<SsoProvider>) =>
    federatedLogout([{ ...provider, ...rest }])
      .check({} as never)
      .map(({ rule }) => rule.id);
  expect(rules({})).toEqual([]);
  expect(rules({ maxAgeSeconds: 86_400 })).toEqual([]);
  expect(rules({ maxAgeSeconds: 86_401 })).toEqual(["federated-logout/max-age-too-long"]);
});
