import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { isSafeRedirect, MAX_REDIRECT_LENGTH, safeRedirect, type SafeRedirectOptions } from "./safe-redirect.ts";

const ORIGIN = "https://app.example.com";
const PARTNER = "https://login.partner.example";
const options: SafeRedirectOptions = { origin: ORIGIN, allow: [PARTNER], fallback: "/home" };

describe("safeRedirect", () => {
  it("follows 2048 characters, and no more", () => {
    const longest = `/${"a".repeat(MAX_REDIRECT_LENGTH - 1)}`;
    expect(safeRedirect(longest, options).location).toBe(longest);
    expect(safeRedirect(`${longest}a`, options)).toMatchObject({ location: "/home", event: { detail: "too_long" } });
  });

  it("knows the port that a scheme has by itself, and no other scheme's", () => {
    const local = { origin: "http://localhost" };
    expect(safeRedirect("http://localhost:80/x", local).location).toBe("/x");
    expect(safeRedirect("http://localhost:443/x", local).location).toBe("/");
    expect(safeRedirect("https://app.example.com:443/x", options).location).toBe("/x");
  });

  it.each([
    ["/", "/"],
    ["/dashboard", "/dashboard"],
    ["/a/../b/./c", "/b/c"],
    ["/a b?c=d e#f", "/a%20b?c=d%20e#f"],
    ["/caf\u00e9", "/caf%C3%A9"],
    ["/x?next=https://evil.test", "/x?next=https://evil.test"],
    ["/x?next=//evil.test\\", "/x?next=//evil.test\\"],
    ["/x?q=\u202eevil", "/x?q=%E2%80%AEevil"],
    ["/@evil.test", "/@evil.test"],
    ["/:80", "/:80"],
    ["/a//b", "/a//b"],
    ["/javascript:alert(1)", "/javascript:alert(1)"],
    ["https://app.example.com", "/"],
    ["https://app.example.com/x?y#z", "/x?y#z"],
    ["HTTPS://APP.example.com:443/x", "/x"],
    ["https://login.partner.example/start?to=x", "https://login.partner.example/start?to=x"],
    ["https://login.partner.example", "https://login.partner.example/"],
  ])("follows %j to %j", (target, location) => {
    expect(safeRedirect(target, options)).toEqual({ location, event: undefined });
    expect(isSafeRedirect(target, options)).toBe(true);
  });

  it.each([
    [undefined, "not_text"],
    [null, "not_text"],
    [["/a"], "not_text"],
    [{ toString: (): string => "/a" }, "not_text"],
    ["", "not_text"],
    ["/".padEnd(MAX_REDIRECT_LENGTH + 1, "a"), "too_long"],
    ["dashboard", "not_absolute"],
    ["?q", "not_absolute"],
    ["./a", "not_absolute"],
    ["@evil.test", "not_absolute"],
    ["https:evil.test", "not_absolute"],
    ["https:/evil.test", "not_absolute"],
    ["https:/app.example.com/", "not_absolute"],
    ["javascript:alert(1)", "not_absolute"],
    ["JaVaScRiPt://app.example.com/%0aalert(1)", "not_absolute"],
    ["data:text/html,x", "not_absolute"],
    ["blob:https://app.example.com/x", "not_absolute"],
    ["%2f%2fevil.test", "encoded_slash"],
    ["//evil.test", "scheme_relative"],
    ["///evil.test", "scheme_relative"],
    ["//app.example.com/", "scheme_relative"],
    ["/\\evil.test", "backslash"],
    ["\\\\evil.test", "backslash"],
    ["/a\\b", "backslash"],
    ["https://app.example.com\\@evil.test", "backslash"],
    ["/\t/evil.test", "hidden_character"],
    ["/\n/evil.test", "hidden_character"],
    ["/x\r\nSet-Cookie: a=1", "hidden_character"],
    ["/x?a=\nb", "hidden_character"],
    ["/\u0000", "hidden_character"],
    [" /x", "hidden_character"],
    ["/x\u00a0", "hidden_character"],
    ["\u3000//evil.test", "hidden_character"],
    ["/\u200b/evil.test", "hidden_character"],
    ["/\u202e/evil.test", "hidden_character"],
    ["/\ud800", "hidden_character"],
    ["/%2fevil.test", "encoded_slash"],
    ["/%5Cevil.test", "encoded_slash"],
    ["/.//evil.test", "encoded_slash"],
    ["/..//evil.test", "encoded_slash"],
    ["/%2e//evil.test", "encoded_slash"],
    ["/a/..//evil.test", "encoded_slash"],
    ["/./%2fevil.test", "encoded_slash"],
    ["/%09/evil.test", "encoded_slash"],
    ["/%0D%0a%2fevil.test", "encoded_slash"],
    ["https://app.example.com//evil.test", "encoded_slash"],
    ["/\uff0fevil.test", "encoded_slash"],
    ["\uff0f\uff0fevil.test", "encoded_slash"],
    ["/\u2044evil.test", "encoded_slash"],
    ["https://user@app.example.com/", "user_info"],
    ["https://app.example.com@evil.test/", "user_info"],
    ["https://app.example.com:pw@evil.test/", "user_info"],
    ["https://[::1", "unparsable"],
    ["https://app.example.com:99999/", "unparsable"],
    ["https:///evil.test", "origin_not_allowed"],
    ["https://evil.test", "origin_not_allowed"],
    ["https://evil.test#app.example.com", "origin_not_allowed"],
    ["https://evil.test?app.example.com", "origin_not_allowed"],
    ["https://app.example.com.evil.test/", "origin_not_allowed"],
    ["https://evilapp.example.com/", "origin_not_allowed"],
    ["https://app.example.com./", "origin_not_allowed"],
    ["https://app.example.com:8443/", "origin_not_allowed"],
    ["https://app%2eexample.com/", "origin_not_allowed"],
    ["https://app\u3002example.com/", "origin_not_allowed"],
    ["https://\uff41pp.example.com/", "origin_not_allowed"],
    ["http://app.example.com/", "origin_not_allowed"],
    ["http://login.partner.example/", "origin_not_allowed"],
    ["https://partner.example/", "origin_not_allowed"],
  ])("sends %j to the fallback", (target, detail) => {
    const { location, event } = safeRedirect(target, options);
    expect(location).toBe("/home");
    expect(event).toMatchObject({ event: "open_redirect", status: "refused", detail });
    expect(isSafeRedirect(target, options)).toBe(false);
  });

  it("says nothing of the target in the event", () => {
    expect(JSON.stringify(safeRedirect("https://evil.test/?token=secret", options).event)).not.toMatch(/evil|secret/u);
  });

  it("works for a development origin", () => {
    const local = { origin: "http://localhost:3000" };
    expect(safeRedirect("http://localhost:3000/x", local).location).toBe("/x");
    expect(safeRedirect("http://localhost:3001/x", local).location).toBe("/");
  });

  it.each([
    [{ origin: "app.example.com" }, /takes origins such as/u],
    [{ origin: "https://app.example.com/" }, /without a path/u],
    [{ origin: ORIGIN, allow: ["*"] }, /no wildcard/u],
    [{ origin: ORIGIN, allow: ["https://*.example.com"] }, /no wildcard/u],
    [{ origin: ORIGIN, allow: ["http://partner.example"] }, /https origins only/u],
    [{ origin: ORIGIN, allow: PARTNER }, /array/u],
    [{ origin: ORIGIN, fallback: "home" }, /fallback as a path/u],
    [{ origin: ORIGIN, fallback: "//evil.test" }, /fallback as a path/u],
    [{ origin: ORIGIN, allow: [PARTNER], fallback: PARTNER }, /fallback as a path/u],
    [{ origin: ORIGIN, allowed: [] }, /Did you mean "allow"/u],
  ])("refuses the options %o", (wrong, message) => {
    expect(() => safeRedirect("/", wrong as never)).toThrow(message);
  });

  it("always leads to the own origin or a listed one, from an https and from an http page, decoded once or not", () => {
    const piece = fc.constantFrom(
      ..."/ // \\ . .. : @ ? # % %2f %5c %2e %09 http: https: javascript: app.example.com login.partner.example evil.test a [::1] \t \n \u0000 \u200b \u3002 \uff0f \u00a0".split(
        " ",
      ),
      " ",
    );
    const target = fc.oneof(
      fc.array(piece, { maxLength: 8 }).map((parts) => parts.join("")),
      fc.webUrl(),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(target, (text) => {
        const { location } = safeRedirect(text, options);
        expect(/^[\x21-\x7e]+$/u.test(location)).toBe(true);
        for (const page of ["https://app.example.com/a/b", "http://app.example.com/a/b"]) {
          for (const read of [location, location.replaceAll(/%2f/giu, "/").replaceAll(/%5c/giu, "\\")]) {
            const { origin } = new URL(read, page);
            if (![new URL(page).origin, ORIGIN, PARTNER].includes(origin))
              expect(read).toBe("a location of a listed origin");
          }
        }
        expect(safeRedirect(location, options).location).toBe(location);
      }),
      { numRuns: 2000 },
    );
  });
});

interface RedirectCase {
  readonly id: string;
  readonly fn?: string;
  readonly url: string | null | { readonly repeat: string; readonly length: number };
  readonly url_repeat?: { readonly prefix: string; readonly fill: string; readonly length: number };
  readonly allowed_hosts: string | readonly string[] | null;
  readonly safe: boolean;
}

/** Why we refuse on purpose what the recorded function follows. */
function refusalOf(target: string): string | undefined {
  if (/[\p{C}\u2028\u2029]|^\s|\s$/u.test(target))
    return "what cannot be seen and outer blanks are refused, not stripped";
  if (/^[/\\]{2}/u.test(target)) return "two slashes in front are refused even before the own host";
  if (!/^(?:https?:\/)?\//iu.test(target))
    return "what it means depends on the page that it is read from; only paths from the root are followed";
  if (/^http:/iu.test(target)) return "http is never a target of an https application";
  if (/^[^?#]*\\/u.test(target)) return "a backslash is a slash to a browser";
  return /^\/?(?:%2f|%5c|[\u2044\u2215\u29f5\u29f8\u29f9\ufe68\uff0f\uff3c])/iu.test(target)
    ? "an encoded slash or its likeness in second place becomes a host where somebody decodes or folds"
    : undefined;
}

/** Capitals in a host and the port that https implies mean the same origin, and the result is a path. */
function isFollowed(target: string, hosts: readonly string[]): boolean {
  const host = /^https:\/\/([^/?#]+)/iu.exec(target)?.[1]?.toLowerCase() ?? "";
  return hosts.includes(host) || hosts.includes(host.replace(/:443$/u, ""));
}

const cases = (loadVectors<RedirectCase>("redirects")?.cases ?? []).filter(({ fn }) => fn === undefined);

function targetOf({ url, url_repeat: repeat }: RedirectCase): unknown {
  return repeat === undefined ? url : repeat.prefix.padEnd(repeat.length, repeat.fill);
}

/** The recorded hosts as origins; what is no host at all allows nothing there either. */
function optionsOf({ allowed_hosts: hosts }: RedirectCase): SafeRedirectOptions {
  const listed = typeof hosts === "string" ? [hosts] : (hosts ?? []);
  const [first = "base.invalid", ...others] = listed.filter((host) => /^[a-z0-9][a-z0-9.]*(?::\d+)?$/u.test(host));
  return { origin: `https://${first}`, allow: others.map((host) => `https://${host}`), fallback: "/fallback" };
}

describe.skipIf(cases.length === 0)("the recorded redirect targets", () => {
  it.each(cases)("$id: $url", (found) => {
    const target = targetOf(found);
    const hosts = [found.allowed_hosts ?? []].flat();
    const expected =
      typeof target === "string" && (found.safe || isFollowed(target, hosts)) && refusalOf(target) === undefined;
    expect(isSafeRedirect(target, optionsOf(found))).toBe(expected);
  });
});
