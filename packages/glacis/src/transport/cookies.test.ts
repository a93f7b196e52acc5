import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AuditEvent } from "../core/event.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchResponse } from "../testing/response.ts";
import { cookies, type CookieOptions } from "./cookies.ts";

const production = {
  mode: "production",
  nodeVersion: "22.0.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: Date.parse("2026-11-26"),
} as const;

type Deployment = Parameters<ReturnType<typeof cookies>["check"]>[0];

function send(
  lines: readonly string[],
  options: CookieOptions = {},
  request: Parameters<typeof sketchExchange>[0] = {},
): { readonly sent: readonly string[]; readonly events: readonly AuditEvent[] } {
  const draft = sketchResponse({ setCookies: lines });
  const events = cookies(options).head?.(draft, sketchExchange(request)) ?? [];
  return { sent: draft.setCookies, events };
}

const rulesOf = (lines: readonly string[], options: CookieOptions = {}, url = "https://app.test/"): readonly string[] =>
  (
    cookies(options).observe?.({
      url,
      scheme: url.startsWith("https") ? "https" : "http",
      status: 200,
      headers: lines.map((line) => ["set-cookie", line] as const),
    }) ?? []
  ).map(({ rule }) => rule.id);

describe("cookies", () => {
  it("observes a cookie for every site that is not kept apart by the site that embeds", () => {
    const control = cookies({ registry: { widget: { purpose: "preference", sameSite: "None", reason: "embedded" } } });
    const seen = (line: string): readonly string[] | undefined =>
      control
        .observe?.({ url: "https://app.test/", scheme: "https", status: 200, headers: [["set-cookie", line]] })
        .map(({ rule }) => rule.id);
    expect(seen("widget=1; Path=/; Secure; HttpOnly; SameSite=None")).toEqual(["cookies/same-site-none"]);
    expect(seen("widget=1; Path=/; Secure; HttpOnly; SameSite=None; Partitioned")).toEqual([]);
  });

  it.each([
    ["adds every missing attribute", "a=1", "a=1; Path=/; Secure; HttpOnly; SameSite=Lax"],
    ["keeps what is stricter", "a=1; Path=/; SameSite=Strict", "a=1; Path=/; Secure; HttpOnly; SameSite=Strict"],
    ["keeps a narrower path", "a=1; Path=/admin", "a=1; Path=/admin; Secure; HttpOnly; SameSite=Lax"],
    ["replaces a path that is none", "a=1; Path=admin", "a=1; Path=/; Secure; HttpOnly; SameSite=Lax"],
    ["turns SameSite=None into Lax", "a=1; SameSite=None; Secure", "a=1; Path=/; Secure; HttpOnly; SameSite=Lax"],
    ["replaces an unknown SameSite", "a=1; SameSite=Loose", "a=1; Path=/; Secure; HttpOnly; SameSite=Lax"],
    ["takes away a Domain", "a=1; Domain=example.com", "a=1; Path=/; Secure; HttpOnly; SameSite=Lax"],
    [
      "keeps lifetime and priority",
      "a=1; max-age=60; expires=Thu, 26 Nov 2099 00:00:00 GMT; priority=High",
      "a=1; Max-Age=60; Expires=Thu, 26 Nov 2099 00:00:00 GMT; Priority=High; Path=/; Secure; HttpOnly; SameSite=Lax",
    ],
    ["keeps a partition", "a=1; Partitioned", "a=1; Path=/; Secure; HttpOnly; SameSite=Lax; Partitioned"],
    [
      "repairs a __Host- cookie that browsers would drop",
      "__Host-a=1; Domain=example.com; Path=/admin",
      "__Host-a=1; Path=/; Secure; HttpOnly; SameSite=Lax",
    ],
    [
      "repairs it in whatever capitals the prefix is written",
      "__HOST-a=1; Path=/x",
      "__HOST-a=1; Path=/; Secure; HttpOnly; SameSite=Lax",
    ],
    [
      "reads attributes without case and the last of several, as browsers do",
      "a=1; SECURE; SAMESITE=lax; samesite=strict; PATH=/x; path=/y",
      "a=1; Path=/y; Secure; HttpOnly; SameSite=Strict",
    ],
    [
      "takes the Domain from the deletion of a __Host- cookie, which the browser would not look at with it",
      "__Host-a=; Max-Age=0; Domain=example.com",
      "__Host-a=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax",
    ],
    [
      "leaves the Domain of a deletion, which would delete nothing without it",
      "a=; Domain=example.com; Max-Age=0",
      "a=; Max-Age=0; Domain=example.com; Path=/; Secure; HttpOnly; SameSite=Lax",
    ],
  ])("%s", (_, line, expected) => {
    expect(send([line]).sent).toEqual([expected]);
  });

  it("leaves a strict line exactly as it is, and says nothing", () => {
    const line = "__Host-session=abc; SameSite=Lax; HttpOnly; Secure; Path=/";
    expect(send([line])).toEqual({ sent: [line], events: [] });
  });

  it.each([
    ["without a name", "=x; Secure"],
    ["that is a bare word", "x"],
    ["imitating a prefixed one behind an empty name", "=__Host-session=evil"],
    ["with a space in the name", "a b=1"],
    ["with a control character", "a=1\u0000; Secure"],
    ["longer than browsers take", `a=${"x".repeat(4096)}`],
  ])("drops a cookie %s, with an event", (_, line) => {
    const { sent, events } = send([line, "b=1; Path=/; Secure; HttpOnly; SameSite=Lax"]);
    expect(sent).toEqual(["b=1; Path=/; Secure; HttpOnly; SameSite=Lax"]);
    expect(events).toMatchObject([{ event: "sys_cookie_dropped", status: "refused" }]);
  });

  it("sends no cookie over plain HTTP, except on this very machine", () => {
    expect(send(["a=1"], {}, { scheme: "http" })).toMatchObject({
      sent: [],
      events: [{ detail: "insecure_transport", resource_id: "a" }],
    });
    for (const host of ["localhost:3000", "LOCALHOST", "app.localhost", "127.0.0.1:80", "[::1]:3000"]) {
      expect(send(["a=1"], {}, { scheme: "http", host }).sent).toHaveLength(1);
    }
    for (const host of ["localhost.evil.test", "127.0.0.1.evil.test", "evil-localhost", "10.0.0.1", ""]) {
      expect(send(["a=1"], {}, { scheme: "http", host }).sent).toEqual([]);
    }
  });

  it("reports each change once per name, without the value", () => {
    const control = cookies();
    const head = (line: string): readonly AuditEvent[] =>
      control.head?.(sketchResponse({ setCookies: [line] }), sketchExchange()) ?? [];
    const first = head("theme=verysecretvalue; Path=/; HttpOnly; SameSite=Lax");
    expect(first).toMatchObject([{ event: "sys_cookie_tightened", detail: "secure", resource_id: "theme" }]);
    expect(JSON.stringify(first)).not.toContain("verysecretvalue");
    expect(head("theme=other; Path=/; HttpOnly; SameSite=Lax")).toEqual([]);
    expect(head("lang=other; Path=/; HttpOnly; SameSite=Lax")).toHaveLength(1);
  });

  it("loosens only what the registry says, and only as far as the application asks", () => {
    const registry = {
      theme: { purpose: "preference", scriptReadable: true },
      embedded: { purpose: "preference", sameSite: "None", reason: "shown inside partners' pages" },
      "__Secure-sso": { purpose: "device", domain: "example.com", reason: "shared with the help centre" },
      "__Host-device": { purpose: "device", sameSite: "Strict" },
    } as const;
    expect(
      send(
        [
          "theme=dark",
          "theme=dark; HttpOnly",
          "embedded=1; SameSite=None",
          "embedded=1",
          "embedded=; Max-Age=0",
          "__Secure-sso=1; Domain=.example.com",
          "__Secure-sso=1; Domain=other.example.com",
          "__Host-device=1; SameSite=Lax",
        ],
        { registry },
      ).sent,
    ).toEqual([
      "theme=dark; Path=/; Secure; SameSite=Lax",
      "theme=dark; Path=/; Secure; HttpOnly; SameSite=Lax",
      "embedded=1; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
      "embedded=1; Path=/; Secure; HttpOnly; SameSite=Lax",
      "embedded=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax; Partitioned",
      "__Secure-sso=1; Domain=.example.com; Path=/; Secure; HttpOnly; SameSite=Lax",
      "__Secure-sso=1; Path=/; Secure; HttpOnly; SameSite=Lax",
      "__Host-device=1; Path=/; Secure; HttpOnly; SameSite=Strict",
    ]);
  });

  it("drops an unregistered cookie when told to, but never the library's own", () => {
    const own = "__Host-session=1; Path=/; Secure; HttpOnly; SameSite=Lax";
    const { sent, events } = send(["a=1", own], { unregistered: "drop" });
    expect(sent).toEqual([own]);
    expect(events).toMatchObject([{ detail: "unregistered", resource_id: "a", status: "refused" }]);
  });

  it("fails the response in a test that sets an unregistered cookie, when told to", () => {
    expect(() => send(["a=1"], { unregistered: "refuse" })).toThrow(/"a" is not in cookies/u);
  });

  it.each([
    [{ regsitry: {} }, /Did you mean "registry"/u],
    [{ unregistered: "allow" }, /tighten, drop, refuse/u],
    [{ registry: { "a b": { purpose: "preference" } } }, /token/u],
    [{ registry: { a: { purpose: "sesion" } } }, /Did you mean "session"/u],
    [{ registry: { a: { purpose: "session", scriptReadable: true } } }, /no script may read/u],
    [{ registry: { a: { purpose: "csrf", scriptReadable: true } } }, /no script may read/u],
    [{ registry: { a: { purpose: "session", sameSite: "None" } } }, /reason/u],
    [{ registry: { a: { purpose: "session", sameSite: "lax" } } }, /"Strict", "Lax" or "None"/u],
    [{ registry: { a: { purpose: "session", domain: "example.com", reason: "x" } } }, /__Secure-/u],
    [{ registry: { "__Host-a": { purpose: "session", domain: "example.com", reason: "x" } } }, /__Secure-/u],
    [{ registry: { "__Secure-a": { purpose: "session", domain: "example.com" } } }, /reason/u],
    [{ registry: { "__host-a": { purpose: "session" } } }, /__Host-/u],
    [{ registry: { a: { purpose: "session", secure: false } } }, /no option "secure"/u],
  ])("refuses %j at construction", (options, message) => {
    expect(() => cookies(options as never)).toThrow(message);
  });

  it("finds secrets without a prefix, and that unregistered cookies go out", () => {
    const ids = (options: CookieOptions): readonly string[] =>
      cookies(options)
        .check(production as unknown as Deployment)
        .map(({ rule }) => rule.id);
    expect(ids({})).toEqual(["cookies/unregistered-allowed"]);
    expect(ids({ unregistered: "drop" })).toEqual([]);
    expect(ids({ unregistered: "drop", registry: { sid: { purpose: "session" } } })).toEqual([
      "cookies/prefix-missing",
    ]);
    expect(ids({ unregistered: "drop", registry: { theme: { purpose: "preference" } } })).toEqual([]);
  });

  it.each([
    ["a strict session", ["__Host-session=1; Path=/; Secure; HttpOnly; SameSite=Lax"], []],
    [
      "a session of another framework",
      ["connect.sid=1; Path=/; HttpOnly"],
      ["cookies/not-secure", "cookies/same-site-missing", "cookies/prefix-missing"],
    ],
    ["a token that script can read", ["__Host-token=1; Path=/; Secure; SameSite=Lax"], ["cookies/secret-readable"]],
    ["a preference that script can read", ["theme=1; Path=/; Secure; SameSite=Lax"], ["cookies/script-readable"]],
    ["SameSite=None", ["theme=1; Path=/; Secure; HttpOnly; SameSite=None"], ["cookies/same-site-none"]],
    ["a broken __Host- prefix", ["__Host-a=1; Path=/x; Secure; HttpOnly; SameSite=Lax"], ["cookies/prefix-broken"]],
    [
      "a __Host- prefix with a domain",
      ["__Host-a=1; Path=/; Domain=a.test; Secure; HttpOnly; SameSite=Lax"],
      ["cookies/prefix-broken", "cookies/domain-wide"],
    ],
    ["a prefix in other capitals", ["__HOST-a=1; Path=/; Secure; HttpOnly; SameSite=Lax"], ["cookies/prefix-broken"]],
    [
      "a script-readable __Http- cookie",
      ["__Http-a=1; Path=/; Secure; SameSite=Lax"],
      ["cookies/script-readable", "cookies/prefix-broken"],
    ],
    [
      "a cookie for every subdomain",
      ["a=1; Path=/; Domain=a.test; Secure; HttpOnly; SameSite=Lax"],
      ["cookies/domain-wide"],
    ],
    ["no name", ["=1; Secure"], ["cookies/malformed"]],
    ["a DEL", ["a=\u007f; Path=/; Secure; HttpOnly; SameSite=Lax"], ["cookies/malformed"]],
    ["too many bytes", [`a=${"x".repeat(4096)}; Path=/; Secure; HttpOnly; SameSite=Lax`], ["cookies/too-large"]],
    [
      "the deletion of an old session",
      ["connect.sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; SameSite=Lax"],
      [],
    ],
  ])("observes %s", (_, lines, expected) => {
    expect(rulesOf(lines)).toEqual(expected);
  });

  it("observes cookies over plain HTTP", () => {
    const line = "__Host-session=1; Path=/; Secure; HttpOnly; SameSite=Lax";
    expect(rulesOf([line], {}, "http://app.test/")).toEqual(["cookies/insecure-transport"]);
    expect(rulesOf([line], {}, "http://localhost:3000/")).toEqual([]);
    expect(rulesOf([], {}, "http://app.test/")).toEqual([]);
  });

  it("sends only what its own observation finds nothing in, whatever the application writes", () => {
    const part = fc.constantFrom(
      ..."; |;|=| |Secure|HttpOnly|SameSite=None|SameSite=Lax|SameSite|Path=/|Path=x|Path=/x|Max-Age=0|Partitioned|a|__Host-a|theme|%41|\t|Expires=Thu, 01 Jan 1970 00:00:00 GMT".split(
        "|",
      ),
    );
    const options: CookieOptions = { registry: { theme: { purpose: "preference", scriptReadable: true } } };
    fc.assert(
      fc.property(fc.array(part, { maxLength: 14 }), (parts) => {
        const { sent } = send([parts.join("")], options);
        expect(sent.length).toBeLessThanOrEqual(1);
        expect(rulesOf(sent, options)).toEqual([]);
        expect(send(sent, options)).toEqual({ sent, events: [] });
      }),
      { numRuns: 2000 },
    );
  });
});
