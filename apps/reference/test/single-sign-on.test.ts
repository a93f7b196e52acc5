import type { Server } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  consent,
  goesTo,
  internet,
  realProvider,
  visitor,
  type Visitor,
} from "../../../test/support/identity-provider.ts";
import { readSettings } from "../src/operations/settings.ts";
import { freePort, startFolio, type Folio } from "./support/folio.ts";

const SSO = {
  SSO_ISSUER: "https://idp.example",
  SSO_CLIENT_ID: "folio",
  SSO_CLIENT_SECRET: "a secret of the client, long enough",
  SSO_WORKSPACE: "b0000000-0000-4000-8000-000000000000",
  SSO_DOMAINS: "bravo.test",
  SSO_NAME: "Bravo ID",
};
const net = internet();
afterAll(() => net.close());

describe("single sign-on", () => {
  let folio: Folio;
  let home: string;
  let host: string;
  beforeAll(async () => {
    const port = await freePort();
    folio = await startFolio("test-target", { PORT: String(port), ...SSO }, { ssoFetch: net.fetch });
    home = folio.settings.origin;
    host = new URL(home).host;
    net.know(host, { address: () => ({ port }), close: () => undefined } as unknown as Server);
    await realProvider({
      net,
      host: "idp.example",
      client: {
        client_id: "folio",
        client_secret: SSO.SSO_CLIENT_SECRET,
        redirect_uris: [`${home}/sso/callback`],
        response_types: ["code"],
        grant_types: ["authorization_code"],
      },
      claims: (account) => ({ email: account, email_verified: !account.startsWith("unverified") }),
    });
  });
  afterAll(() => folio.stop());

  async function signIn(account: string): Promise<{ readonly browser: Visitor; readonly status: number }> {
    const browser = visitor(net);
    const page = await browser.open(`${home}/sign-in?next=/people`);
    const start = /href="(\/sso\/start[^"]*)"[^>]*>Continue with Bravo ID/u.exec(page.body)?.[1] ?? "";
    expect(start).toContain("next=%2Fpeople");
    const sent = await browser.open(home + start.replaceAll("&amp;", "&"));
    const callback = await consent(browser, goesTo(sent), account, host);
    const back = await browser.open(callback, "idp.example");
    return { browser, status: back.status };
  }
  const asked = async (browser: Visitor): Promise<Response> => {
    const jar = [...(browser.cookies.get(host) ?? [])].map(([name, { value }]) => `${name}=${value}`);
    return fetch(`${folio.url}/api/me`, { headers: { cookie: jar.join("; "), accept: "application/json" } });
  };
  const me = async (browser: Visitor): Promise<unknown> => (await asked(browser)).json();

  it("is a button on the sign-in page, and signs people of the workspace in to the accounts that they have", async () => {
    const { browser, status } = await signIn("bob@bravo.test");
    expect(status).toBe(200);
    expect(await me(browser)).toMatchObject({
      user: { id: "b0000000-0000-4000-8000-000000000002", role: "member", tenant: SSO.SSO_WORKSPACE },
    });
  });

  it("makes a newcomer of the domain a member, once", async () => {
    const first = await me((await signIn("new@bravo.test")).browser);
    expect(first).toMatchObject({ user: { email: "new@bravo.test", role: "member", tenant: SSO.SSO_WORKSPACE } });
    expect(await me((await signIn("new@bravo.test")).browser)).toEqual(first);
  });

  it.each(["alice@alpha.test", "unverified@bravo.test", "stranger@elsewhere.test"])(
    "opens nothing to %s, whose address the workspace's provider cannot vouch for",
    async (account) => {
      const { browser, status } = await signIn(account);
      expect(status).toBe(403);
      expect((await asked(browser)).status).toBe(401);
    },
  );
});

describe("without a provider", () => {
  it("is off, and a provider that is half set up stops the start", () => {
    expect(readSettings([], {}).singleSignOn).toBeUndefined();
    expect(readSettings([], SSO).singleSignOn).toMatchObject({ name: "Bravo ID", domains: ["bravo.test"] });
    const { SSO_DOMAINS: _, ...half } = SSO;
    expect(() => readSettings([], half)).toThrow(/no SSO_DOMAINS/u);
    expect(() => readSettings([], { ...SSO, SSO_ISSUER: "http://idp.example" })).toThrow(/https/u);
    expect(() => readSettings([], { ...SSO, SSO_WORKSPACE: "1" })).toThrow(/SSO_WORKSPACE/u);
  });
});
