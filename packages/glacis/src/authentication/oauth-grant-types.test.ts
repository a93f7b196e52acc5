import { describe, expect, it } from "vitest";
import type { OauthServerClient } from "../primitives/oauth-server.ts";
import { oauthGrantTypes } from "./oauth-grant-types.ts";

const controlOf = (client: Partial<OauthServerClient>, responseTypes?: readonly string[]) =>
  oauthGrantTypes({
    issuer: "https://idp.example",
    configuration: {
      clients: [{ client_id: "app", scope: "openid", ...client }],
      ...(responseTypes && { responseTypes }),
    },
  });
const judged = (client: Partial<OauthServerClient>, responseTypes: readonly string[] = ["code"]) =>
  controlOf(client, responseTypes)
    .check({} as never)
    .map(({ rule }) => rule.id.split("/")[1]);

describe("a client", () => {
  it("has what it needs", () => {
    expect(judged({})).toEqual([]);
    expect(judged({ grant_types: ["authorization_code", "refresh_token"] })).toEqual([]);
    expect(judged({ grant_types: ["client_credentials"], response_types: [] })).toEqual([]);
  });

  it.each<readonly [Partial<OauthServerClient>, string]>([
    [{ grant_types: ["implicit"] }, "implicit"],
    [{ response_types: ["token"] }, "implicit"],
    [{ response_types: ["code id_token"] }, "implicit"],
    [{ grant_types: ["password"] }, "password"],
    [{ grant_types: ["authorization_code", "client_credentials"] }, "unneeded"],
    [{ grant_types: ["authorization_code", "urn:something:else"] }, "unneeded"],
  ])("is found with %j", (client, rule) => {
    expect(judged(client)).toEqual([rule]);
  });

  it("names its scopes", () => {
    const configuration = { clients: [{ client_id: "app" }], responseTypes: ["code"] };
    const found = oauthGrantTypes({ issuer: "https://idp.example", configuration }).check({} as never);
    expect(found.map(({ rule }) => rule.id)).toEqual(["oauth-grant-types/any-scope"]);
  });
});

describe("a server", () => {
  it("answers to codes alone, and says so", () => {
    expect(judged({}, ["code", "id_token"])).toEqual(["implicit"]);
    expect(controlOf({}).check({} as never)).toHaveLength(1);
    const seen = (url: string, status: number, body?: string, location?: string) =>
      controlOf({})
        .observe?.({
          url,
          scheme: "https",
          status,
          headers: location === undefined ? [] : [["location", location]],
          ...(body !== undefined && { body }),
        })
        .map(({ rule }) => rule.id.split("/")[1]);
    const document = "https://idp.example/.well-known/oauth-authorization-server/tenant";
    expect(seen(document, 200, "{}")).toEqual(["implicit"]);
    expect(seen(document, 200, `{"grant_types_supported":["authorization_code","password"]}`)).toEqual(["password"]);
    expect(seen(document, 200, `{"grant_types_supported":["authorization_code"]}`)).toEqual([]);
    const asked = "https://idp.example/auth?client_id=app&response_type=token";
    expect(seen(asked, 303, undefined, "/sign-in")).toEqual(["implicit"]);
    expect(seen(asked, 303, undefined, "https://app.example.com/cb#error=unsupported_response_type")).toEqual([]);
    const token = "https://idp.example/token?grant_type=password";
    expect(seen(token, 400, `{"error":"unsupported_grant_type"}`)).toEqual([]);
    expect(seen(token, 404)).toEqual([]);
    expect(seen(token, 400, `{"error":"invalid_grant"}`)).toEqual(["password"]);
    expect(seen(token, 200, `{"access_token":"x"}`)).toEqual(["password"]);
  });
});
