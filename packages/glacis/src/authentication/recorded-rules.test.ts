/** The rules behind the recorded cases, tried on cases that nobody has recorded. The verdicts on passwords are those of Python's own functions. */
import { hash as digest, pbkdf2Sync, scryptSync } from "node:crypto";
import { hash as bcrypt } from "@node-rs/bcrypt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { authenticationGround, tokenIn } from "../../../../test/support/authentication-ground.ts";
import type { UserId } from "../core/brand.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchProof } from "../testing/proof.ts";
import { memoryAuthentication } from "./authentication-store.ts";
import { csrf } from "./csrf.ts";
import { canonicalIdentifier } from "./identifier.ts";
import { LINK_LIFETIMES_MS, oneTimeLinks, type LinkPurpose } from "./one-time-link.ts";
import { memoryOneTimeLinks } from "./one-time-link-store.ts";
import { argon2id } from "./password-hash-argon2.ts";
import { hashingLine } from "./password-hash-line.ts";
import { passwordHashing } from "./password-hashing.ts";
import { djangoValidators } from "./password-policy-django.ts";
import { memorySessions } from "./session-memory.ts";
import { sessions } from "./session.ts";
import { memorySignInThrottle } from "./sign-in-throttle-store.ts";
import { signInThrottle } from "./sign-in-throttle.ts";
import { totpCode, totpStep } from "./totp-code.ts";
import { memoryTotp } from "./totp-store.ts";
import { totp } from "./totp.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const keys = keyRing(newKey("k1"));
const NONE = {
  userAttributeSimilarity: false,
  minimumLength: false,
  commonPassword: false,
  numericPassword: false,
} as const;

describe("the four validators", () => {
  it.each<[string, Readonly<Record<string, unknown>>, string | undefined]>([
    ["reppoh.ecarg", { username: "grace.hopper" }, "username"],
    ["Straße!", { last_name: "STRASSE" }, "last name"],
    ["ΟΔΥΣΣΕΥΣ", { first_name: "οδυσσευς" }, "first name"],
    ["kirin中文", { last_name: "中文kirin" }, "last name"],
    ["grace", { username: 7, email: "grace@x" }, "email address"],
    ["hopper1906", { email: "grace@hopper.example" }, "email address"],
    ["", { username: "!!" }, "username"],
    ["ab", { first_name: "", username: "!!" }, undefined],
    ["ada12345", { username: "ada_lovelace" }, undefined],
    ["aaaaaaaaaaa", { first_name: "a" }, undefined],
    ["e\u0301cole99", { last_name: "école" }, undefined],
  ])("hold %j against %j", async (password, attributes, which) => {
    const [rule] = djangoValidators({ ...NONE, userAttributeSimilarity: {} });
    const problem = await rule?.judge(password, { attributes });
    if (which === undefined) expect(problem).toBeUndefined();
    else
      expect(problem).toMatchObject({
        code: "password_too_similar",
        message: expect.stringContaining(`your ${which}.`) as string,
      });
  });

  it("take digits of every script for digits, and neither fractions nor words for numbers", async () => {
    const [rule] = djangoValidators({ ...NONE, numericPassword: true });
    for (const text of ["๓٣²①፩", "１２３", "𝟘𝟙", "🄀", "⓿", "₀"])
      expect(await rule?.judge(text, {}), text).toBeDefined();
    for (const text of ["½", "Ⅷ", "-12", "", "一二三", "12 34", "1\u0301", "㉈"])
      expect(await rule?.judge(text, {}), text).toBeUndefined();
  });

  it("take off of a common password what Python takes off, and no more", async () => {
    const [rule] = djangoValidators({ ...NONE, commonPassword: { passwords: ["letmein"] } });
    for (const text of [" \x1cLetMeIn\u2003", "\x85letmein", "letmein\u3000"])
      expect(await rule?.judge(text, {}), text).toBeDefined();
    for (const text of ["letmein\u200b", "\ufeffletmein", "\u180eletmein", "LETMEİN"])
      expect(await rule?.judge(text, {}), text).toBeUndefined();
  });

  it("count code points, not the units or the pictures that they make up", async () => {
    const [rule] = djangoValidators({ ...NONE, minimumLength: { minLength: 6 } });
    for (const text of ["👩‍👩‍👧", "👩👩👩👩👩", "e\u0301e\u0301e"]) expect(await rule?.judge(text, {}), text).toBeDefined();
    for (const text of ["👩‍👩‍👧!", "👩👩👩👩👩👩", "e\u0301e\u0301e\u0301"])
      expect(await rule?.judge(text, {}), text).toBeUndefined();
  });
});

describe("two spellings of an address", () => {
  it.each([
    ["\u212aim@x.com", "kim@x.com", true],
    ["ﬁn@x.com", "fin@x.com", true],
    ["σας@x.com", "ΣΑΣ@x.com", true],
    ["Ꭰ@x.com", "ꭰ@x.com", true],
    ["e\u0301@x.com", "é@X.COM", true],
    ["İ@x.com", "i\u0307@x.com", true],
    ["ı@x.com", "i@x.com", false],
    ["ada.l@x.com", "adal@x.com", false],
    ["ada+1@x.com", "ada@x.com", false],
    ["а@x.com", "a@x.com", false],
  ])("%j and %j are one account: %j", (a, b, same) => {
    expect([canonicalIdentifier(a), canonicalIdentifier(b)]).not.toContain(undefined);
    expect(canonicalIdentifier(a) === canonicalIdentifier(b)).toBe(same);
  });
});

describe("an imported hash", () => {
  /** What is alike stands side by side. */
  const PASSWORDS = [
    "Trailing ",
    "trailing",
    " lead",
    "p\u0000q",
    "p",
    "le\u0300gal",
    "l\u00e8gal",
    "🔒🔑",
    "🔒",
    "a".repeat(71),
    "a".repeat(72),
  ];
  const b64 = (bytes: Buffer): string => bytes.toString("base64");
  const WRITERS: Readonly<Record<string, (password: string) => string | Promise<string>>> = {
    pbkdf2_sha256: (text) => `pbkdf2_sha256$3$sé/l.t$${b64(pbkdf2Sync(text, "sé/l.t", 3, 32, "sha256"))}`,
    pbkdf2_sha1: (text) => `pbkdf2_sha1$3$salt$${b64(pbkdf2Sync(text, "salt", 3, 20, "sha1"))}`,
    scrypt: (text) => `scrypt$32$salt$2$3$${b64(scryptSync(text, "salt", 64, { N: 32, r: 2, p: 3 }))}`,
    md5: (text) => `md5$salt$${digest("md5", `salt${text}`)}`,
    bcrypt: async (text) => `bcrypt$${await bcrypt(text, { cost: 4 })}`,
    bcrypt_sha256: async (text) => `bcrypt_sha256$${await bcrypt(digest("sha256", text), { cost: 4 })}`,
    argon2: async (text) => `argon2${await argon2id(text, { memoryKiB: 64, passes: 1, parallelism: 2 })}`,
  };
  const floor = passwordHashing({ memoryKiB: 7168, passes: 5, line: hashingLine({ concurrency: 2 }) });

  it.each(Object.entries(WRITERS))(
    "of %s is that of one password alone: every byte, space and spelling counts",
    async (name, write) => {
      for (const [index, password] of PASSWORDS.entries()) {
        const stored = await write(password);
        for (const typed of PASSWORDS.slice(Math.max(0, index - 1), index + 2)) {
          const { kind } = await floor.verify(typed, { userId: "u" as UserId, stored }, NOW);
          // Ours are of the composed form, and which of the two wrote an Argon2 hash nobody can see.
          const composed = name === "argon2" && typed.normalize("NFC") === password;
          expect([password, typed, kind]).toEqual([
            password,
            typed,
            typed === password || composed ? "verified" : "refused",
          ]);
        }
      }
    },
    60_000,
  );
});

describe("a session's token", () => {
  it("opens the session in its one spelling alone, and once", async () => {
    const session = sessions({ store: memorySessions() });
    const request = sketchExchange({ method: "POST", nowMs: NOW });
    await session.establish(request, [sketchProof({ userId: "ada", provedAtMs: NOW })], {
      userId: "ada",
      tenantId: "t",
      roles: [],
    });
    const line = request.responseHeaders?.find(([, value]) => value.startsWith("__Host-session="))?.[1] ?? "";
    const token = line.slice("__Host-session=".length).split(";")[0] as string;
    const who = async (...cookies: readonly string[]): Promise<string> => {
      const rawHeaders = ["Host", "app.example.com", ...cookies.flatMap((one) => ["Cookie", one])];
      return (await session.authenticate(sketchExchange({ nowMs: NOW, rawHeaders }))).principal.kind;
    };
    expect(await who(`__Host-session=${token}`)).toBe("user");
    const swapped = [...token]
      .map((one) => (one === one.toLowerCase() ? one.toUpperCase() : one.toLowerCase()))
      .join("");
    const others = [
      swapped,
      `${token}=`,
      `${token}A`,
      token.slice(1),
      encodeURIComponent(`${token} `),
      `%${token}`,
      `${token}\u00a0`,
      "../../etc",
      "0".repeat(43),
      "",
    ];
    for (const other of others) expect([other, await who(`__Host-session=${other}`)]).toEqual([other, "anonymous"]);
    for (const name of [
      "session",
      "__host-session",
      "__Secure-session",
      "__Host-session2",
      "$Version=1; __Host-sessio",
    ])
      expect([name, await who(`${name}=${token}`)]).toEqual([name, "anonymous"]);
    expect(await who(`__Host-session=${token}; __Host-session=${"0".repeat(43)}`, `__Host-session=${token}`)).not.toBe(
      "service",
    );
  });
});

describe("a link", () => {
  it("of one purpose serves no other, whatever is done to its text", async () => {
    const links = oneTimeLinks(memoryOneTimeLinks());
    const purposes = Object.keys(LINK_LIFETIMES_MS) as LinkPurpose[];
    for (const purpose of purposes) {
      const token = await links.mint(purpose, "u", NOW);
      for (const other of purposes)
        expect([purpose, other, (await links.read(other, token, NOW)) !== undefined]).toEqual([
          purpose,
          other,
          purpose === other,
        ]);
      const fullWidth = [...token].map((one) => String.fromCodePoint(one.charCodeAt(0) + 0xfee0)).join("");
      for (const text of [
        ` ${token}`,
        `${token}\n`,
        `${token}=`,
        token.slice(0, -1),
        fullWidth,
        [token],
        { toString: () => token },
        null,
        1,
      ])
        expect(await links.redeem(purpose, text, NOW)).toBeUndefined();
      expect(await links.read(purpose, token, NOW + LINK_LIFETIMES_MS[purpose] - 1)).toBeDefined();
      expect(await links.read(purpose, token, NOW + LINK_LIFETIMES_MS[purpose])).toBeUndefined();
      expect(await links.redeem(purpose, token, NOW)).toBeDefined();
      expect(await links.redeem(purpose, token, NOW)).toBeUndefined();
    }
  });

  const ground = authenticationGround(memoryAuthentication(), sessions({ store: memorySessions() }));
  const { flows, store, clock } = ground;
  const FRESH = "a whole new passphrase";
  const ask = () => ground.browser().ask();
  it.each<[string, (userId: string, email: string) => Promise<unknown>]>([
    ["another link", async (_, email) => [await flows.passwordReset.request(ask(), email), await ground.deliver()]],
    ["a complete sign-in", async (_, email) => flows.signIn(ask(), email, "correct horse battery staple")],
    ["a closing", async (userId) => flows.accountStatus.disable(userId, ask())],
    [
      "a closing and an opening",
      async (userId) => [
        await flows.accountStatus.disable(userId, ask()),
        await flows.accountStatus.enable(userId, ask()),
      ],
    ],
    ["any change of the account", async (userId) => store.accounts.change(userId, 1, { verifiedAtMs: 2 })],
    ["half an hour", async () => void (clock.nowMs += 30 * 60_000)],
    ["the end of the account", async (userId) => store.accounts.remove(userId)],
  ])("to a new password is void after %s", async (_, happens) => {
    const { userId, email } = await ground.account();
    await flows.passwordReset.request(ask(), email);
    const token = tokenIn((await ground.deliver())[0]);
    await happens(userId, email);
    expect(await flows.passwordReset.complete(ask(), token, FRESH)).toEqual({ kind: "link_invalid" });
  });
});

describe("a guarded request", () => {
  const origin = "https://app.example.com";
  const guard = csrf({ origin, keys, trustedOrigins: ["https://admin.example.com:8443"] });
  const session = { id: "a-session" };
  const token = guard.token(sketchExchange({ session }));
  const judge = (method: string, ...headers: readonly string[]): string => {
    const rawHeaders = ["Host", "app.example.com", "x-csrf-token", token, ...headers];
    const decision = guard.control.decide?.(sketchExchange({ method, session, rawHeaders }));
    if (decision === undefined || decision instanceof Promise) throw new Error("expected a synchronous decision");
    return decision.kind;
  };

  it.each(["get", "Head", "TRACE", "CONNECT", "PROPFIND", "QUERY", "PUT", "PATCH", "DELETE", "POST ", ""])(
    "needs a token by the method %j",
    (method) => {
      const decision = guard.control.decide?.(sketchExchange({ method, session }));
      expect(decision).toMatchObject({ kind: "deny" });
      expect(judge(method)).toBe("allow");
    },
  );

  it.each([
    "https://app.example.com/",
    "https://app.example.com:443",
    "HTTPS://app.example.com",
    "https://APP.example.com",
    "https://app.example.com.",
    "https://user@app.example.com",
    "https://app.example.com https://app.example.com",
    "https://app.example.com, https://app.example.com",
    "https://admin.example.com",
    "https://admin.example.com:08443",
    "https://xapp.example.com",
    "https://app.example.comx",
    "//app.example.com",
    "app.example.com",
    "null ",
    "undefined",
    "*",
    "",
  ])("is believed by no other spelling of its Origin, and then by no Referer: %j", (given) => {
    expect(judge("POST", "Origin", given, "Referer", `${origin}/`)).toBe("deny");
  });

  it("is believed by the Origin that was listed, port included", () => {
    expect(judge("POST", "Origin", "https://admin.example.com:8443")).toBe("allow");
    expect(judge("POST", "Origin", "https://admin.example.com:8443", "Sec-Fetch-Site", "cross-site")).toBe("allow");
  });
});

describe("codes by time", () => {
  it("count in the order of their steps, within one step of now, and no clock that strays moves that", async () => {
    const step = fc.record({ wait: fc.integer({ min: 0, max: 3 }), offset: fc.integer({ min: -3, max: 3 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 20 }), async (tries) => {
        const authenticator = totp({
          issuer: "Folio",
          store: memoryTotp(),
          sealer: { seal: (text) => text, open: (text) => text },
        });
        const { secret } = await authenticator.begin("u", "a@example.com", NOW);
        await authenticator.confirm("u", totpCode(secret, totpStep(NOW), 6), NOW);
        let last = totpStep(NOW);
        let nowMs = NOW;
        for (const { wait, offset } of tries) {
          nowMs += wait * 30_000;
          const wanted = totpStep(nowMs) + offset;
          const right = Math.abs(offset) <= 1 && wanted > last;
          const code = totpCode(secret, wanted, 6);
          // Another step may have the same six digits by chance.
          fc.pre(
            right ||
              [-1, 0, 1].every(
                (other) => totpCode(secret, totpStep(nowMs) + other, 6) !== code || totpStep(nowMs) + other <= last,
              ),
          );
          expect((await authenticator.verify("u", code, nowMs)) !== undefined).toBe(right);
          if (right) last = wanted;
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("attempts", () => {
  const LIMIT = { failures: 3, minutes: 15 };
  const PLENTY = { failures: 1000, minutes: 15 };
  function throttled(account = LIMIT, client = PLENTY) {
    let nowMs = NOW;
    const now = (): number => nowMs;
    const throttle = signInThrottle({
      keys,
      store: memorySignInThrottle({ now }),
      now,
      account,
      client,
      network: PLENTY,
    });
    const fail = async (who: string, ip = "192.0.2.1"): Promise<string> => {
      const begun = await throttle.begin({ account: who, request: sketchExchange({ client: ip, nowMs }) });
      if (begun.kind === "proceed") await begun.ticket.failed();
      return begun.kind;
    };
    return { fail, pass: (ms: number) => void (nowMs += ms) };
  }

  it("at one name and address are never those at another that reads alike when they are put together", async () => {
    const { fail } = throttled();
    for (let count = 0; count < 3; count += 1) await fail("bob", "11.2.3.4");
    expect(await fail("bob", "1.2.3.4")).toBe("wait");
    expect(await fail("bob1", "1.2.3.4")).toBe("proceed");
    for (let count = 0; count < 3; count += 1) await fail("1.2.3.4", "192.0.2.9");
    expect(await fail("carol", "1.2.3.4")).toBe("proceed");
    for (let count = 0; count < 3; count += 1) await fail('x","y', "192.0.2.10");
    expect(await fail("x", "192.0.2.10")).toBe("proceed");
  });

  it("that are refused make nobody wait longer, and the wait is over when it was said to be", async () => {
    const { fail, pass } = throttled();
    for (let count = 0; count < 3; count += 1) expect(await fail("ada")).toBe("proceed");
    for (let minute = 0; minute < 15; minute += 1) {
      expect(await fail("ada")).toBe("wait");
      pass(60_000 - (minute === 14 ? 1 : 0));
    }
    expect(await fail("ada")).toBe("wait");
    pass(1);
    expect(await fail("ada")).toBe("proceed");
  });
});
