import { generateKeyPairSync } from "node:crypto";
import { Provider } from "oidc-provider";
import { afterAll, describe, expect, it } from "vitest";
import { internet } from "../../../../test/support/identity-provider.ts";
import { oauthServerControls } from "../presets/oauth-server-controls.ts";
import type { OauthServerConfiguration } from "../primitives/oauth-server.ts";
import { probeOauthServer } from "./oauth-server-probe.ts";

const net = internet();
afterAll(() => net.close());
const CALLBACK = "https://app.example.com/callback";
const SECRET = "Zq3v8yB1kR7tW0xN5mL2pC9dF6gH4jSa";
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const SOUND: OauthServerConfiguration = {
  clients: [
    {
      client_id: "app",
      client_secret: SECRET,
      redirect_uris: [CALLBACK],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      scope: "openid offline_access",
    },
  ],
  responseTypes: ["code"],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: {
    AuthorizationCode: 60,
    RefreshToken: 86_400,
    Grant: 86_400,
    AccessToken: 300,
    IdToken: 300,
    Interaction: 600,
    Session: 3_600,
  },
  features: { devInteractions: { enabled: false } },
};
const WEAK: OauthServerConfiguration = {
  clients: [
    {
      client_id: "app",
      client_secret: SECRET,
      redirect_uris: [CALLBACK],
      grant_types: ["authorization_code", "implicit"],
      response_types: ["code", "id_token"],
    },
  ],
  pkce: { required: () => false },
  features: { registration: { enabled: true } },
};

async function judged(host: string, configuration: OauthServerConfiguration) {
  const issuer = `https://${host}`;
  const provider = new Provider(issuer, {
    ...configuration,
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "k1", use: "sig", alg: "RS256" }] },
    cookies: { keys: ["only a test"] },
    interactions: { url: () => "/sign-in" },
  });
  provider.proxy = true;
  await net.serve(host, provider.callback());
  const controls = oauthServerControls({ issuer, configuration });
  const found = await probeOauthServer({ issuer, clientId: "app", redirectUri: CALLBACK, fetch: net.fetch, controls });
  return {
    check: [...new Set(controls.flatMap((control) => control.check({} as never).map(({ rule }) => rule.id)))],
    probe: [...new Set(found.map(({ rule }) => rule.id))],
  };
}

describe("a real authorization server", () => {
  it("is sound by its configuration and by its answers", async () => {
    expect(await judged("sound.example", SOUND)).toEqual({ check: ["oauth-client-auth/shared-secret"], probe: [] });
  });

  it("is found weak by both, where it is", async () => {
    const { check, probe } = await judged("weak.example", WEAK);
    expect(check).toEqual([
      "oauth-authorization-code/no-pkce",
      "oauth-grant-types/implicit",
      "oauth-grant-types/any-scope",
      "oauth-client-auth/open-registration",
      "oauth-client-auth/shared-secret",
      "oauth-consent/development-pages",
    ]);
    expect(probe).toEqual([
      "oauth-grant-types/implicit",
      "oauth-authorization-code/no-pkce",
      "oauth-client-auth/open-registration",
    ]);
  });

  it("must say who it is", async () => {
    await net.serve("silent.example", (_, response) => void response.writeHead(404).end());
    const probe = {
      issuer: "https://silent.example",
      clientId: "app",
      redirectUri: CALLBACK,
      fetch: net.fetch,
      controls: [],
    };
    await expect(probeOauthServer(probe)).rejects.toThrow(/description/u);
    await expect(probeOauthServer({ ...probe, client: "app" } as never)).rejects.toThrow(/clientId/u);
  });
});
