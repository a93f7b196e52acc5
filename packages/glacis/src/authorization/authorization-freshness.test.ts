import { afterAll, describe, expect, it } from "vitest";
import { express5Build } from "../../../../test/conformance/frameworks/express.ts";
import { internet, visitor } from "../../../../test/support/identity-provider.ts";
import { json, type Route } from "../../../../test/conformance/application.ts";
import { authenticated, hasRole, publicAccess } from "../core/access.ts";
import { routeRule } from "../core/route.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { glacis } from "../glacis.ts";
import { overloadProtection } from "../network/overload-protection.ts";
import { saas } from "../presets/saas.ts";
import { withControls } from "../presets/with-controls.ts";
import { runInRequest } from "../primitives/request-context.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchProof } from "../testing/proof.ts";
import { authorizationFreshness, oncePerRequest } from "./authorization-freshness.ts";

describe("a role that is taken away", () => {
  const roles = new Map([["ada", ["admin"]]]);
  let fault = false;
  const layers = saas({
    origin: "https://app.example.com",
    keys: keyRing(newKey("k1")),
    mode: "test",
    proxies: ["127.0.0.1/32"],
    audit: () => {},
    membership: ({ userId }) => {
      if (fault) throw new Error("The database does not answer.");
      const found = roles.get(userId);
      return found && { roles: found };
    },
  });
  const page = (rule: Route["rule"], path: string): Route => ({
    method: "GET",
    path,
    rule,
    behave: ({ exchange }) => json(exchange.principal),
  });
  const signIn: Route = {
    method: "GET",
    path: "/enter",
    rule: routeRule(publicAccess("a test"), { kind: "page" }),
    async behave({ exchange }) {
      const ada = { userId: "ada", tenantId: "acme", roles: ["admin"] };
      await layers.sessions.establish(exchange, [sketchProof({ userId: "ada" })], ada);
      return json("in");
    },
  };
  const routes = [
    signIn,
    page(routeRule(hasRole("admin"), { kind: "page" }), "/admin-only"),
    page(routeRule(authenticated(), { kind: "page" }), "/me"),
  ];
  const net = internet();
  afterAll(() => net.close());

  it("is gone with the next request, and the session with the membership", async () => {
    net.know(
      "app.example.com",
      await express5Build(
        { routes, groups: [] },
        glacis(withControls(layers, overloadProtection({ shedAtDelayMs: 10_000 }))),
      ),
    );
    const browser = visitor(net);
    const status = async (path: string): Promise<number> =>
      (await browser.open(`https://app.example.com${path}`)).status;
    expect(await status("/enter")).toBe(200);
    expect(await status("/admin-only")).toBe(200);
    roles.set("ada", ["member"]);
    expect(await status("/admin-only")).toBe(403);
    expect(await status("/me")).toBe(200);
    fault = true;
    expect(await status("/me")).toBe(503);
    fault = false;
    roles.delete("ada");
    expect(await status("/me")).toBe(401);
    roles.set("ada", ["admin"]);
    expect(await status("/me")).toBe(401);
  });
});

describe("what a decision rests on", () => {
  it("is read once in a request, and anew in the next", async () => {
    let reads = 0;
    const role = oncePerRequest(async (user: string, project: string) => {
      reads += 1;
      return `${user} in ${project}: ${reads}`;
    });
    const inRequest = () =>
      runInRequest(sketchExchange(), () =>
        Promise.all([role("ada", "p"), role("ada", "p"), role("ad", "ap"), role("ada", "q")]),
      );
    expect(await inRequest()).toEqual(["ada in p: 1", "ada in p: 1", "ad in ap: 2", "ada in q: 3"]);
    expect((await inRequest())[0]).toBe("ada in p: 4");
    expect([await role("ada", "p"), await role("ada", "p")]).toEqual(["ada in p: 7", "ada in p: 8"]);
  });

  it("is asked again after a fault, and never shared between two readers", async () => {
    let broken = true;
    const read = oncePerRequest(async (word: string) => {
      if (broken) throw new Error("down");
      return word;
    });
    const other = oncePerRequest(async (word: string) => `other ${word}`);
    await runInRequest(sketchExchange(), async () => {
      await expect(read("a")).rejects.toThrow("down");
      broken = false;
      expect(await read("a")).toBe("a");
      expect(await other("a")).toBe("other a");
    });
  });
});

it("finds roles that are those of the sign-in", () => {
  const judged = (readAtEachRequest: boolean) =>
    authorizationFreshness({ readAtEachRequest })
      .check({} as never)
      .map(({ rule }) => rule.id);
  expect(judged(true)).toEqual([]);
  expect(judged(false)).toEqual(["authorization-freshness/roles-of-sign-in"]);
});
