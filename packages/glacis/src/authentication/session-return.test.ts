import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import { openAgain } from "./session-return.ts";

const COOKIE = "__Host-session";
const HINT = "__Host-session-here";
const arriving = {
  "sec-fetch-site": "cross-site",
  "sec-fetch-mode": "navigate",
  "sec-fetch-dest": "document",
  cookie: `${HINT}=1`,
};

function bodyOf(sketch: RequestSketch): string | undefined {
  const decision = openAgain(sketchExchange({ headers: arriving, ...sketch }), COOKIE, HINT);
  return decision?.kind === "answer" ? decision.body : undefined;
}

/** Where a browser goes: the attribute decoded, then what stands in quotes after `url=`. */
function addressIn(body: string): string {
  const content = /http-equiv="refresh" content="([^"]*)"/u.exec(body)?.[1] ?? "";
  const decoded = content
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");
  return /^0;url='([^']*)'$/u.exec(decoded)?.[1] ?? "";
}

describe("openAgain", () => {
  it("answers an arrival from another site with a page that opens the same address, not to be stored", () => {
    const decision = openAgain(sketchExchange({ headers: arriving, target: "/documents?q=a&b=%2F" }), COOKIE, HINT);
    expect(decision).toMatchObject({ kind: "answer", status: 200 });
    expect(decision?.kind === "answer" && decision.headers).toContainEqual(["cache-control", "no-store"]);
    expect(addressIn(bodyOf({ target: "/documents?q=a&b=%2F" }) ?? "")).toBe("/documents?q=a&b=%2F");
  });

  it.each<[string, RequestSketch]>([
    ["the same origin", { headers: { ...arriving, "sec-fetch-site": "same-origin" } }],
    ["a sibling", { headers: { ...arriving, "sec-fetch-site": "same-site" } }],
    ["the address bar", { headers: { ...arriving, "sec-fetch-site": "none" } }],
    ["no browser", { headers: { cookie: arriving.cookie } }],
    ["a frame", { headers: { ...arriving, "sec-fetch-dest": "iframe" } }],
    ["a script", { headers: { ...arriving, "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" } }],
    ["a form", { method: "POST" }],
    ["a HEAD", { method: "HEAD" }],
    ["a visitor without the companion", { headers: { ...arriving, cookie: "a=1" } }],
    ["somebody whose session came along", { headers: { ...arriving, cookie: `${HINT}=1; ${COOKIE}=x` } }],
    ["an API", { route: { kind: "api" } }],
    ["a download", { route: { kind: "download" } }],
    ["a page that caches keep", { route: { cacheControl: "public, max-age=60" } }],
    ["another host in the path", { target: "//evil.test/" }],
    ["another host behind a backslash", { target: "/\\evil.test/" }],
    ["a complete URL", { target: "https://evil.test/" }],
  ])("leaves %s alone", (_, sketch) => {
    expect(bodyOf(sketch)).toBeUndefined();
  });

  it("leads to this origin and to the same path for every address, whatever stands in it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        const target = `/${text}`;
        const body = bodyOf({ target });
        if (body === undefined) return;
        const address = new URL(addressIn(body), "https://app.example.com");
        expect(address.origin).toBe("https://app.example.com");
        expect(address.href.replaceAll("'", "%27")).toBe(
          new URL(target, "https://app.example.com").href.replaceAll("'", "%27"),
        );
        expect(body.match(/<(?!!doctype|\/?(?:html|head|meta|title|body|p|a)\b)/giu)).toBeNull();
      }),
      { numRuns: 500 },
    );
  });
});
