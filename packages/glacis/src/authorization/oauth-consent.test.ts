import { describe, expect, it } from "vitest";
import type { OauthServerConfiguration } from "../primitives/oauth-server.ts";
import { oauthConsent } from "./oauth-consent.ts";

const own = { features: { devInteractions: { enabled: false } } };
const judged = (configuration: OauthServerConfiguration, firstParty: readonly string[] = []) =>
  oauthConsent({
    issuer: "https://idp.example",
    configuration: {
      clients: [{ client_id: "web" }, { client_id: "phone", application_type: "native" }],
      ...configuration,
    },
    firstParty,
  })
    .check({} as never)
    .map(({ rule }) => rule.id.split("/")[1]);

describe("a person", () => {
  it("is asked about every client that is not the server's own", () => {
    expect(judged(own)).toEqual([]);
    expect(judged({ ...own, loadExistingGrant: () => ({}) })).toEqual(["skipped"]);
    expect(judged({ ...own, clients: [{ client_id: "web" }], loadExistingGrant: () => ({}) }, ["web"])).toEqual([]);
    expect(judged(own, ["phone"])).toEqual(["native-unasked"]);
  });

  it("sees pages of the server's own", () => {
    expect(judged({})).toEqual(["development-pages"]);
    expect(judged({ features: { devInteractions: { enabled: true } } })).toEqual(["development-pages"]);
  });

  it("has said yes before a client gets a code without a page", () => {
    const seen = (location: string, prompt = "none") =>
      oauthConsent({ issuer: "https://idp.example", configuration: {} }).observe?.({
        url: `https://idp.example/auth?client_id=app&response_type=code&prompt=${prompt}`,
        scheme: "https",
        status: 303,
        headers: [["location", location]],
      }).length;
    expect(seen("https://app.example.com/cb?code=c")).toBe(1);
    expect(seen("https://app.example.com/cb?error=consent_required")).toBe(0);
    expect(seen("https://app.example.com/cb?code=c", "consent")).toBe(0);
  });
});
