import { describe, expect, it } from "vitest";
import { read } from "../../../../test/support/repository.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { saas } from "../presets/saas.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchProof, type ProofSketch } from "../testing/proof.ts";
import {
  ALTERNATE_SIGN_INS,
  authPathwayConsistency,
  SIGN_IN_PATHWAYS,
  type OwnSignIn,
} from "./auth-pathway-consistency.ts";
import type { ProofMethod } from "./proof.ts";
import { memorySessions } from "./session-memory.ts";
import { sessions } from "./session.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const ada = { userId: "ada", tenantId: "acme", roles: [] };

async function establish(proof: Omit<ProofSketch, "userId">, methods?: readonly ProofMethod[]): Promise<string> {
  const session = sessions({ store: memorySessions(), ...(methods && { methods }) });
  const proofs = [sketchProof({ userId: "ada", provedAtMs: NOW, ...proof })];
  const outcome = await session.establish(sketchExchange({ nowMs: NOW }), proofs, ada);
  return outcome.kind === "refused" ? outcome.cause : outcome.kind;
}

describe("a session", () => {
  it("rests on a way in that is known, and on a first factor", async () => {
    for (const [method, { begins }] of Object.entries(SIGN_IN_PATHWAYS))
      expect(await establish({ method: method as ProofMethod })).toBe(begins ? "established" : "sign_in_expired");
    for (const method of ["magic_link", "constructor", "", "PASSWORD"])
      await expect(establish({ method: method as never, factors: [] })).rejects.toThrow(/no way in/u);
  });

  it("rests on no way in that is switched off", async () => {
    expect(await establish({ method: "passkey" }, ["passkey"])).toBe("established");
    await expect(establish({ method: "password" }, ["passkey"])).rejects.toThrow(/pathways\.methods/u);
  });

  it("has no more assurance than its way in can show", async () => {
    await expect(establish({ method: "password", factors: ["knowledge", "possession"] })).rejects.toThrow(
      /claims more/u,
    );
    await expect(establish({ method: "password", phishingResistant: true })).rejects.toThrow(/claims more/u);
    const session = sessions({ store: memorySessions() });
    const odd = sketchProof({ userId: "ada", method: "totp", factors: ["knowledge"], provedAtMs: NOW });
    const request = sketchExchange({ nowMs: NOW });
    await session.establish(request, [sketchProof({ userId: "ada", provedAtMs: NOW })], ada);
    await expect(session.stepUp(request, [odd])).rejects.toThrow(/claims more/u);
  });
});

describe("the application's own routes", () => {
  const judged = (own: readonly OwnSignIn[], ...routes: readonly (readonly [string, string])[]) => {
    const control = authPathwayConsistency({ own });
    const declared = routes.map(([method, pattern]) => ({ method, pattern, rule: {} as never }));
    return [...control.check({} as never), ...(control.checkRoutes?.(declared) ?? [])].map(({ rule, at }) => [
      rule.id.split("/")[1],
      at.kind === "route" ? at.pattern : "",
    ]);
  };

  it("are ways in that are listed, or findings", () => {
    const login: OwnSignIn = { pattern: "/api/v1/login", method: "password", throttledBy: "signInThrottle" };
    expect(judged([], ["POST", "/api/v1/login"], ["PUT", "/legacy/sign-in/"])).toEqual([
      ["unlisted", "/api/v1/login"],
      ["unlisted", "/legacy/sign-in/"],
    ]);
    expect(judged([login], ["POST", "/api/v1/login"])).toEqual([]);
    expect(judged([{ ...login, throttledBy: " " }])).toEqual([["unthrottled", "/api/v1/login"]]);
    expect(judged([], ["GET", "/login"], ["POST", "/documents/:id/login-page"], ["POST", "/loginx"])).toEqual([]);
  });

  it("are written down as ways in that there are", () => {
    expect(() => judged([{ pattern: "login", method: "password", throttledBy: "x" }])).toThrow(/pattern/u);
    expect(() => judged([{ pattern: "/login", method: "magic" as never, throttledBy: "x" }])).toThrow(/method/u);
  });

  it("are judged by the preset", () => {
    const base = { origin: "https://app.example.com", keys: keyRing(newKey("k1")) };
    const ids = saas({ ...base, pathways: { methods: ["passkey"] } }).authentication.map(({ meta }) => meta.id);
    expect(ids).toContain("auth-pathway-consistency");
    expect(() => saas({ ...base, pathways: { method: ["passkey"] } as never })).toThrow('Did you mean "methods"?');
  });
});

describe("an answer on the wire", () => {
  const seen = (path: string, headers: readonly (readonly [string, string])[]) =>
    authPathwayConsistency({ own: [{ pattern: "/auth/token", method: "password", throttledBy: "x" }] })
      .observe?.({ url: `https://app.example.com${path}`, scheme: "https", status: 200, headers })
      .map(({ rule }) => rule.id.split("/")[1]);
  const session = [["set-cookie", `__Host-session=${"a".repeat(43)}; Path=/; Secure`]] as const;

  it("asks nobody for a password by Basic, and gives no session where nobody has listed one", () => {
    expect(seen("/", [["www-authenticate", 'Basic realm="x"']])).toEqual(["basic"]);
    expect(seen("/", [["www-authenticate", 'Bearer error="x", basic realm="y"']])).toEqual(["basic"]);
    expect(seen("/", [["www-authenticate", "Bearer"]])).toEqual([]);
    for (const path of ALTERNATE_SIGN_INS.filter((one) => one !== "/auth/token"))
      expect(seen(path, session)).toEqual(["alternate"]);
    expect(seen("/Login/", session)).toEqual(["alternate"]);
    expect(seen("/auth/token", session)).toEqual([]);
    expect(seen("/sign-in", session)).toEqual([]);
    expect(seen("/login", [["set-cookie", "__Host-session=; Path=/; Max-Age=0"]])).toEqual([]);
  });
});

it("is the inventory of the documentation, row by row", () => {
  const rows = read("docs/controls/auth-pathway-consistency.md").split("\n");
  for (const [method, { begins, factors, throttledBy }] of Object.entries(SIGN_IN_PATHWAYS)) {
    const first = begins ? "first" : "second";
    expect(rows).toContain(`| \`${method}\` | ${first} | ${factors.join(", ")} | ${throttledBy} |`);
  }
});
