import { describe, expect, it } from "vitest";
import { keyRing, newKey } from "./key-ring.ts";
import { downloadLinks } from "./private-storage.ts";

const keys = keyRing(newKey("k1"));
const key = `acme/${"a".repeat(32)}`;

describe("a download link", () => {
  it("carries key and name for its holder, for a minute", () => {
    let now = 1_000_000;
    const links = downloadLinks({ keys, now: () => now });
    const link = links.mint({ key, filename: "r\u00e9sum\u00e9.pdf" }, "ada");
    expect(links.redeem(link, "ada")).toEqual({ key, filename: "r\u00e9sum\u00e9.pdf" });
    expect(links.redeem(link, "eve")).toBeUndefined();
    expect(links.redeem(link)).toBeUndefined();
    now += 61_000;
    expect(links.redeem(link, "ada")).toBeUndefined();
  });

  it("is worthless once a character is changed, and of another key", () => {
    const links = downloadLinks({ keys });
    const link = links.mint({ key, filename: "a" });
    for (let at = 0; at < link.length; at += 1) {
      const changed = link.slice(0, at) + (link[at] === "A" ? "B" : "A") + link.slice(at + 1);
      expect(links.redeem(changed)).toBeUndefined();
    }
    expect(downloadLinks({ keys: keyRing(newKey("k1")) }).redeem(link)).toBeUndefined();
  });

  it.each([[undefined], [null], [1], [{}], [""], ["x".repeat(100_000)]])("takes %j for no link", (text) => {
    expect(downloadLinks({ keys }).redeem(text)).toBeUndefined();
  });

  it("refuses what is no key, and a life above five minutes", () => {
    expect(() => downloadLinks({ keys }).mint({ key: "../x", filename: "a" })).toThrow(TypeError);
    expect(() => downloadLinks({ keys, seconds: 301 })).toThrow(TypeError);
    expect(() => downloadLinks({ keys, minutes: 1 } as never)).toThrow(/minutes/u);
  });

  it("keeps half a surrogate pair from breaking the link", () => {
    const links = downloadLinks({ keys });
    expect(links.redeem(links.mint({ key, filename: "a\ud800" }))?.filename).toBe("a\ufffd");
  });
});
