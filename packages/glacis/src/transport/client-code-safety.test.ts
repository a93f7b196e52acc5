import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { currentDeployment } from "../primitives/deployment.ts";
import { clientCodeSafety, onMessage, type MessageTarget } from "./client-code-safety.ts";

const folder = mkdtempSync(join(tmpdir(), "glacis-client-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const production = currentDeployment("production");

function found(code: string): readonly string[] {
  writeFileSync(join(folder, "page.js"), code);
  return clientCodeSafety({ folder })
    .check(production)
    .map(({ rule }) => rule.id.split("/")[1] ?? "");
}

describe("clientCodeSafety", () => {
  it("finds who listens to everyone and who speaks to everyone", () => {
    expect(found('addEventListener("message", (e) => run(e.data))')).toEqual(["from-anyone"]);
    expect(found("window.onmessage = (e) => run(e.data)")).toEqual(["from-anyone"]);
    expect(found('parent.postMessage({ a: [1, 2] }, "*")')).toEqual(["to-anyone"]);
    expect(found("parent.postMessage(x, { targetOrigin: '*' })")).toEqual(["to-anyone"]);
    expect(found("document.domain = 'example.com'; new ActiveXObject('x')")).toEqual(["obsolete", "obsolete"]);
  });

  it("leaves checked receivers, own channels and named origins alone", () => {
    expect(found('addEventListener("message", (e) => { if (e.origin === ours) run(e.data); })')).toEqual([]);
    expect(found('worker.addEventListener("message", run); port1.onmessage = run; socket.onmessage = run')).toEqual([]);
    expect(found('parent.postMessage(x, "https://app.example.com"); worker.postMessage("*")')).toEqual([]);
    expect(found('// addEventListener("message", x)\nif (document.domain == y) z()')).toEqual([]);
  });

  it("finds plug-ins in a page", () => {
    const headers = [["content-type", "text/html"]] as const;
    const body = '<object data="a.swf"></object><embed src=x><p>object</p><!-- <applet> -->';
    const page = { url: "https://x.test/", scheme: "https", status: 200, headers, body } as const;
    expect(
      clientCodeSafety()
        .observe?.(page)
        ?.map(({ detail }) => detail),
    ).toEqual(["<object>", "<embed>"]);
  });

  it("finds nothing in the scripts of the reference application", () => {
    const assets = fileURLToPath(new URL("../../../../apps/reference/assets", import.meta.url));
    expect(clientCodeSafety({ folder: assets }).check(production)).toEqual([]);
  });
});

describe("onMessage", () => {
  it("hears one origin, and what parses, and counts the rest", () => {
    const target = new EventTarget() as unknown as MessageTarget & EventTarget;
    const heard: number[] = [];
    const stop = onMessage(target, {
      origin: "https://widget.example.com",
      parse: (data) => (typeof data === "number" ? data : undefined),
      handle: (height) => void heard.push(height),
    });
    const send = (origin: string, data: unknown): void =>
      void target.dispatchEvent(new MessageEvent("message", { origin, data }));
    send("https://widget.example.com", 7);
    send("https://widget.example.com.evil.test", 8);
    send("http://widget.example.com", 9);
    send("null", 10);
    send("", 11);
    send("https://widget.example.com", "<b>");
    expect(heard).toEqual([7]);
    expect(stop()).toBe(5);
    send("https://widget.example.com", 12);
    expect(heard).toEqual([7]);
  });

  it("never runs without an origin", () => {
    const receiver = { parse: () => 1, handle: () => undefined };
    for (const origin of ["", "*", "null", "https://widget.example.com/", "widget.example.com"])
      expect(() => onMessage(new EventTarget() as unknown as MessageTarget, { ...receiver, origin })).toThrow(
        TypeError,
      );
  });
});
