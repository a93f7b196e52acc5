import { expect, it } from "vitest";
import type { OauthServerConfiguration } from "../primitives/oauth-server.ts";
import { oauthRefreshRotation } from "./oauth-refresh-rotation.ts";

const spa = {
  client_id: "spa",
  token_endpoint_auth_method: "none",
  grant_types: ["authorization_code", "refresh_token"],
};
const judged = (configuration: OauthServerConfiguration) =>
  oauthRefreshRotation({ issuer: "https://idp.example", configuration: { clients: [spa], ...configuration } })
    .check({} as never)
    .map(({ rule, detail }) => [rule.id.split("/")[1], detail]);

it("has refresh tokens of public clients rotate, by the server's own default too", () => {
  expect(judged({})).toEqual([]);
  expect(judged({ rotateRefreshToken: true })).toEqual([]);
  expect(judged({ rotateRefreshToken: () => true })).toEqual([]);
  for (const rotateRefreshToken of [false, () => false, () => 1, () => Promise.resolve(true)])
    expect(judged({ rotateRefreshToken })).toEqual([["not-rotating", undefined]]);
  const confidential = { ...spa, token_endpoint_auth_method: "private_key_jwt" };
  expect(judged({ clients: [confidential], rotateRefreshToken: false })).toEqual([]);
  expect(judged({ clients: [{ ...spa, grant_types: ["authorization_code"] }], rotateRefreshToken: false })).toEqual([]);
});

it("has them end within 30 days, whatever they are given again", () => {
  expect(judged({ ttl: { RefreshToken: 30 * 86_400 } })).toEqual([]);
  expect(judged({ ttl: { RefreshToken: 30 * 86_400 + 1 } })).toEqual([["long-lived", "2592001 s"]]);
  expect(judged({ ttl: { RefreshToken: 60, Grant: 31 * 86_400 } })).toEqual([["long-lived", "2678400 s"]]);
  const needsRequest = () => {
    throw new Error("Only in a request.");
  };
  expect(judged({ ttl: { RefreshToken: needsRequest } })).toEqual([["long-lived", "untold"]]);
});
