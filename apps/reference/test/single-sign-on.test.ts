import type { Server } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  consent,
  goesTo,
  internet,
  realProvider,
  visitor,
  type PageAnswer,
  type Visitor,
} from "../../../test/support/identity-provider.ts";
import { readSettings } from "../src/operations/settings.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { startFolio, type Folio } from "./support/folio.ts";
import { mailedPath, tokenIn } from "./support/mail.ts";

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
        redirect_uris: [`${home}/sso/callback?provider=workspace`],
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

  async function passwordSignIn(person: { readonly email: string; readonly password: string }): Promise<Visitor> {
    const browser = visitor(net);
    const csrf_token = tokenOn(await browser.open(`${home}/sign-in`));
    const { email, password } = person;
    expect((await browser.post(`${home}/sign-in`, { csrf_token, email, password })).status).toBe(303);
    return browser;
  }
  /** Presses a button of the settings. */
  async function press(browser: Visitor, action: "link" | "unlink", provider = "workspace"): Promise<PageAnswer> {
    const csrf_token = tokenOn(await browser.open(`${home}/settings`));
    return browser.post(`${home}/sso/${action}`, { csrf_token, provider, next: `/settings?notice=${action}ed` });
  }
  async function link(browser: Visitor, account: string): Promise<PageAnswer> {
    browser.cookies.delete("idp.example");
    const callback = await consent(browser, goesTo(await press(browser, "link")), account, host);
    const back = await browser.open(callback, "idp.example");
    return goesTo(back).startsWith("/sso/callback") ? browser.open(home + goesTo(back)) : back;
  }
  const bea = { email: "admin@bravo.test", password: "Bravo-Admin-Passw0rd!" };
  const chief = "chief@elsewhere.test";

  it("links an identity of any name from the settings, tells its owner, and unlinks it again", async () => {
    const browser = await passwordSignIn(bea);
    expect((await signIn(chief)).status).toBe(403);
    expect((await browser.open(`${home}/settings`)).body).toContain("Link Bravo ID");
    expect(goesTo(await link(browser, chief))).toBe("/settings?notice=linked");
    expect(await mailedPath(folio, bea.email, "identity provider opens your account")).toContain("/not-me?token=");
    const through = await signIn(chief);
    expect(await me(through.browser)).toMatchObject({ user: { email: bea.email } });
    const settings = (await browser.open(`${home}/settings?notice=linked`)).body;
    expect(settings).toContain("Your identity is linked.");
    expect(settings).toContain("Unlink Bravo ID");
    const gone = await press(browser, "unlink");
    expect([gone.status, gone.headers.location]).toEqual([303, "/settings?notice=unlinked"]);
    expect((await asked(through.browser)).status).toBe(401);
    expect((await signIn(chief)).status).toBe(403);
    expect(await mailedPath(folio, bea.email, "does not open your account any more")).toContain("/not-me?token=");
  });

  it("takes an identity back with everything else when its owner says that it was not him", async () => {
    const browser = await passwordSignIn(bea);
    const thief = "thief@elsewhere.test";
    await link(browser, thief);
    expect((await signIn(thief)).status).toBe(200);
    const owner = visitor(net);
    const follow = async (path: string, fields: Readonly<Record<string, string>> = {}): Promise<number> => {
      const csrf_token = tokenOn(await owner.open(home + path));
      const [page = ""] = path.split("?");
      return (await owner.post(home + page, { csrf_token, token: tokenIn(path), ...fields })).status;
    };
    expect(await follow(await mailedPath(folio, bea.email, "identity provider opens your account"))).toBe(200);
    const reset = await mailedPath(folio, bea.email, "Choose a new password");
    expect(await follow(reset, { password: bea.password })).toBe(303);
    expect((await signIn(thief)).status).toBe(403);
  });

  it("keeps the only way into an account, and what belongs to others", async () => {
    const { browser } = await signIn("only@bravo.test");
    const settings = (await browser.open(`${home}/settings`)).body;
    expect(settings).toContain("the only way into your account");
    expect(settings).not.toContain("Unlink Bravo ID");
    expect((await press(browser, "unlink")).status).toBe(409);
    const alice = await passwordSignIn({ email: "alice@alpha.test", password: "Alice-Correct-Horse-9" });
    expect((await alice.open(`${home}/settings`)).body).not.toContain("Single sign-on");
    expect((await press(alice, "link")).status).toBe(400);
    expect((await press(alice, "unlink")).status).toBe(404);
    expect((await signIn("only@bravo.test")).status).toBe(200);
  });
});

function tokenOn({ body }: PageAnswer): string {
  return /name="csrf_token" value="([^"]+)"/u.exec(body)?.[1] ?? "";
}

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
