import { describe, expect, it } from "vitest";
import type { Exchange } from "../core/exchange.ts";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import { sketchProof, type ProofSketch } from "../testing/proof.ts";
import type { SignIn } from "./establish-session.ts";
import { mfaRequired, type MfaOptions } from "./mfa-required.ts";
import type { Proof, ProofMethod } from "./proof.ts";
import { memorySessions } from "./session-memory.ts";
import type { SessionStore } from "./session-record.ts";
import { sessions, type Sessions } from "./session.ts";

const START = Date.parse("2026-11-26T12:00:00Z");
const MINUTE = 60_000;
const PARALLEL = 64;
const ada = { userId: "ada", tenantId: "acme", roles: ["member"] };

const prove = (method: ProofMethod, more: Partial<ProofSketch> = {}): Proof =>
  sketchProof({ userId: "ada", method, provedAtMs: START, ...more });

function made(mfa: MfaOptions = {}, store: SessionStore = memorySessions()): Sessions {
  return sessions({ store, mfa: mfaRequired(mfa) });
}

/** A browser: keeps the cookies that answers set. */
function browserOf() {
  const jar = new Map<string, string>();
  return {
    jar,
    ask(sketch: RequestSketch = {}): Exchange {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
      return sketchExchange({
        nowMs: START,
        ...sketch,
        headers: { ...(cookie !== "" && { cookie }), ...sketch.headers },
      });
    },
    keep(exchange: Exchange): void {
      for (const [name, line] of exchange.responseHeaders ?? []) {
        if (name !== "set-cookie") continue;
        const [pair = "", ...attributes] = line.split("; ");
        const at = pair.indexOf("=");
        if (attributes.includes("Max-Age=0")) jar.delete(pair.slice(0, at));
        else jar.set(pair.slice(0, at), pair.slice(at + 1));
      }
    },
  };
}

async function signIn(
  session: Sessions,
  proofs: readonly Proof[],
  browser = browserOf(),
  nowMs = START,
  user = ada,
): Promise<SignIn> {
  const request = browser.ask({ method: "POST", nowMs });
  const outcome = await session.establish(request, proofs, user);
  browser.keep(request);
  return outcome;
}

const who = async (session: Sessions, request: Exchange): Promise<string> => {
  const { principal } = await session.authenticate(request);
  return principal.kind === "user" ? `${principal.id} ${principal.assurance}` : principal.kind;
};

describe("establish", () => {
  it("takes the level from the proofs, not from the caller", async () => {
    const session = made();
    const bound = { deviceBound: true };
    for (const [proofs, level] of [
      [[prove("password")], 1],
      [[prove("password"), prove("totp")], 2],
      [[prove("passkey")], 2],
      [[prove("passkey", bound)], 3],
      [[prove("password"), prove("password")], 1],
    ] as const) {
      const browser = browserOf();
      expect(await signIn(session, proofs, browser)).toMatchObject({ kind: "established" });
      expect(await who(session, browser.ask())).toBe(`ada ${level}`);
    }
  });

  it("takes nothing that no verifier minted, and each proof once", async () => {
    const session = made();
    const real = prove("password");
    expect(await signIn(session, [{ ...real }])).toEqual({ kind: "refused", cause: "proof_spent" });
    expect(await signIn(session, [real, real])).toEqual({ kind: "refused", cause: "proof_spent" });
    expect(await signIn(session, [real])).toEqual({ kind: "refused", cause: "proof_spent" });
  });

  it(`spends a proof once, of ${PARALLEL} sign-ins at the same time`, async () => {
    const store = memorySessions();
    const session = made({ enrolled: async () => [] }, store);
    const one = prove("password");
    const all = await Promise.all(Array.from({ length: PARALLEL }, () => signIn(session, [one])));
    expect(all.filter(({ kind }) => kind === "established")).toHaveLength(1);
    expect(await store.list("ada")).toHaveLength(1);
  });

  it.each([
    ["five minutes ago", -5 * MINUTE, "established"],
    ["a little longer ago", -5 * MINUTE - 1, "refused"],
    ["by a clock that is a minute ahead", MINUTE, "established"],
    ["by a clock that is further ahead", MINUTE + 1, "refused"],
    ["at no readable time", Number.NaN, "refused"],
  ])("takes a proof made %s for %s: %s", async (_, offset, kind) => {
    expect((await signIn(made(), [prove("password", { provedAtMs: START + offset })])).kind).toBe(kind);
  });

  it("refuses proofs of another user, none at all, and a user without a tenant", async () => {
    const session = made();
    const eve = { userId: "eve" };
    await expect(signIn(session, [prove("password"), prove("totp", eve)])).rejects.toThrow(/another user/u);
    await expect(signIn(session, [prove("password", eve)])).rejects.toThrow(/another user/u);
    await expect(signIn(session, [])).rejects.toThrow(/at least one proof/u);
    const nowhere = { ...ada, tenantId: "" };
    await expect(signIn(session, [prove("password")], browserOf(), START, nowhere)).rejects.toThrow(/tenant/u);
  });

  it("begins nothing with a factor that is only ever the second", async () => {
    const session = made();
    for (const method of ["totp", "recovery_code"] as const)
      expect(await signIn(session, [prove(method)])).toEqual({ kind: "refused", cause: "sign_in_expired" });
  });

  it("stores nothing when the store fails, and lets the fault through", async () => {
    const down = { ...memorySessions(), create: () => Promise.reject(new Error("down")) };
    const session = made({}, down);
    const request = sketchExchange({ nowMs: START });
    await expect(session.establish(request, [prove("password")], ada)).rejects.toThrow("down");
    expect(request.responseHeaders).toBeUndefined();
  });

  it("leaves events without a token or its hash", async () => {
    const session = made();
    const request = sketchExchange({ nowMs: START });
    const outcome = await session.establish(request, [prove("password")], ada);
    expect(request.noted).toMatchObject([{ event: "session_created", status: "succeeded", user_id: "ada" }]);
    const id = outcome.kind === "established" ? outcome.session.id : "";
    expect(JSON.stringify(request.noted)).not.toContain(id);
  });
});

describe("a user with a second factor", () => {
  const mfa = { enrolled: () => ["totp"] as const };

  it("has no session after the first: no principal, a cookie of its own for ten minutes", async () => {
    const session = made(mfa);
    const browser = browserOf();
    expect(await signIn(session, [prove("password")], browser)).toEqual({
      kind: "second_factor_required",
      methods: ["totp"],
    });
    expect([...browser.jar.keys()]).toEqual(["__Host-sign-in"]);
    expect(await who(session, browser.ask())).toBe("anonymous");
    const asSession = sketchExchange({ headers: { cookie: `__Host-session=${browser.jar.get("__Host-sign-in")}` } });
    expect(await who(session, asSession)).toBe("anonymous");
    expect(await session.pending(browser.ask())).toMatchObject({ userId: "ada", purpose: "second_factor" });
    expect(await session.pending(browser.ask({ nowMs: START + 10 * MINUTE }))).toBeUndefined();
  });

  it("is signed in by the second, at level 2, and the pending sign-in is gone", async () => {
    const session = made(mfa);
    const browser = browserOf();
    await signIn(session, [prove("password")], browser);
    const pending = browser.jar.get("__Host-sign-in");
    const later = { provedAtMs: START + 9 * MINUTE };
    expect(await signIn(session, [prove("totp", later)], browser, START + 9 * MINUTE)).toMatchObject({
      kind: "established",
      session: { assurance: 2, factors: ["knowledge", "possession"], provedSinceMs: START },
    });
    expect([...browser.jar.keys()].toSorted()).toEqual(["__Host-session", "__Host-session-here"]);
    const replay = browserOf();
    replay.jar.set("__Host-sign-in", pending as string);
    expect(await session.pending(replay.ask())).toBeUndefined();
    expect(await signIn(session, [prove("totp", later)], replay, START + 9 * MINUTE)).toMatchObject({
      kind: "refused",
    });
  });

  it("is not signed in by it after ten minutes, in another browser, or in another's name", async () => {
    const session = made(mfa);
    const browser = browserOf();
    await signIn(session, [prove("password")], browser);
    expect((await signIn(session, [prove("totp")])).kind).toBe("refused");
    const late = { provedAtMs: START + 10 * MINUTE };
    expect((await signIn(session, [prove("totp", late)], browser, START + 10 * MINUTE)).kind).toBe("refused");

    await signIn(session, [prove("password")], browser);
    const eve = { ...ada, userId: "eve" };
    const hers = prove("totp", { userId: "eve" });
    expect((await signIn(session, [hers], browser, START, eve)).kind).toBe("refused");
  });

  it(`is signed in once, of ${PARALLEL} completions at the same time`, async () => {
    const store = memorySessions();
    const session = made({ enrolled: async () => ["totp"] }, store);
    const browser = browserOf();
    await signIn(session, [prove("password")], browser);
    const requests = Array.from({ length: PARALLEL }, () => browser.ask());
    const all = await Promise.all(requests.map((request) => session.establish(request, [prove("totp")], ada)));
    expect(all.filter(({ kind }) => kind === "established")).toHaveLength(1);
    expect(await store.list("ada")).toHaveLength(1);
  });

  it("is asked by every way in, single sign-on and a passkey without a person included", async () => {
    const session = made(mfa);
    for (const first of [prove("single_sign_on"), prove("passkey", { factors: ["possession"] })])
      expect((await signIn(session, [first])).kind).toBe("second_factor_required");
    expect((await signIn(session, [prove("passkey")])).kind).toBe("established");
  });

  it("is not signed in at all while nobody can say which factors he has", async () => {
    const session = made({ enrolled: () => Promise.reject(new Error("down")) });
    await expect(signIn(session, [prove("password")])).rejects.toThrow("down");
  });

  it("loses a pending sign-in that was begun before a revocation", async () => {
    const session = made(mfa);
    const browser = browserOf();
    await signIn(session, [prove("password")], browser);
    await session.revoke("ada", { reason: "password_changed", request: browser.ask({ nowMs: START + 1 }) });
    expect(await signIn(session, [prove("totp")], browser)).toEqual({ kind: "refused", cause: "sign_in_expired" });
  });
});

describe("a policy that requires a second factor", () => {
  it.each([
    ["everyone", "everyone" as const],
    ["a role that the user has", ["member"]],
    ["a function that says yes", () => true],
    ["a function that says neither", () => undefined as never],
  ])("of %s sends who has none to enrol, without a session", async (_, required) => {
    const session = made({ required, enrolled: () => [] });
    const browser = browserOf();
    expect(await signIn(session, [prove("password")], browser)).toEqual({
      kind: "enrolment_required",
      methods: ["totp", "passkey"],
    });
    expect(await who(session, browser.ask())).toBe("anonymous");
    expect(await session.pending(browser.ask())).toMatchObject({ purpose: "enrolment" });
    expect(await signIn(session, [prove("totp")], browser)).toMatchObject({ kind: "established" });
  });

  it.each([
    ["a role that the user has not", ["admin"]],
    ["a function that says no", () => false],
  ])("of %s lets a password do", async (_, required) => {
    expect((await signIn(made({ required, enrolled: () => [] }), [prove("password")])).kind).toBe("established");
  });

  it("wants a passkey of roles that are worth phishing, and a code does not do", async () => {
    const admin = { ...ada, roles: ["admin"] };
    const strict = { phishingResistant: ["admin"] };
    const having = (methods: readonly ProofMethod[]): Sessions => made({ ...strict, enrolled: () => methods });
    const by = async (session: Sessions, ...methods: ProofMethod[]): Promise<SignIn> =>
      signIn(
        session,
        methods.map((method) => prove(method)),
        browserOf(),
        START,
        admin,
      );
    expect(await by(having(["totp"]), "password", "totp")).toEqual({
      kind: "enrolment_required",
      methods: ["passkey"],
    });
    expect(await by(having(["totp", "passkey"]), "password", "totp")).toEqual({
      kind: "second_factor_required",
      methods: ["passkey"],
    });
    expect((await by(having(["passkey"]), "passkey")).kind).toBe("established");
  });
});

describe("a step-up", () => {
  it("raises the level by what is added, changes the token, kills the old one, and keeps the absolute limit", async () => {
    const session = made();
    const browser = browserOf();
    await signIn(session, [prove("password")], browser);
    const old = browser.ask({ nowMs: START + 30 * MINUTE });
    const provedAtMs = START + 30 * MINUTE;
    const outcome = await session.stepUp(old, [prove("totp", { provedAtMs })]);
    expect(outcome).toMatchObject({
      kind: "established",
      session: { assurance: 2, createdAtMs: START, authenticatedAtMs: provedAtMs },
    });
    expect(await who(session, browser.ask({ nowMs: provedAtMs }))).toBe("anonymous");
    browser.keep(old);
    expect(await who(session, browser.ask({ nowMs: provedAtMs }))).toBe("ada 2");
  });

  it("adds nothing for the same kind of factor again", async () => {
    const session = made();
    const browser = browserOf();
    await signIn(session, [prove("password")], browser);
    expect(await session.stepUp(browser.ask(), [prove("password")])).toMatchObject({ session: { assurance: 1 } });
  });

  it("is not had for a password by somebody who has a second factor", async () => {
    const session = made({ enrolled: () => ["totp"] });
    const browser = browserOf();
    await signIn(session, [prove("password"), prove("totp")], browser);
    expect((await session.stepUp(browser.ask(), [prove("password")])).kind).toBe("second_factor_required");
    expect((await session.stepUp(browser.ask(), [prove("totp")])).kind).toBe("established");
  });

  it("needs a live session of the same user", async () => {
    const session = made();
    const browser = browserOf();
    expect(await session.stepUp(browser.ask(), [prove("totp")])).toEqual({ kind: "refused", cause: "no_session" });
    await signIn(session, [prove("password")], browser);
    await expect(session.stepUp(browser.ask(), [prove("totp", { userId: "eve" })])).rejects.toThrow(/another user/u);
    const nowMs = START + 60 * MINUTE;
    const late = prove("totp", { provedAtMs: nowMs });
    expect((await session.stepUp(browser.ask({ nowMs }), [late])).kind).toBe("refused");
  });

  it(`renews a session once, of ${PARALLEL} at the same time`, async () => {
    const store = memorySessions();
    const session = made({ enrolled: async () => [] }, store);
    const browser = browserOf();
    await signIn(session, [prove("password")], browser);
    const all = await Promise.all(
      Array.from({ length: PARALLEL }, () => session.stepUp(browser.ask(), [prove("totp")])),
    );
    expect(all.filter(({ kind }) => kind === "established")).toHaveLength(1);
    expect(await store.list("ada")).toHaveLength(1);
  });
});
