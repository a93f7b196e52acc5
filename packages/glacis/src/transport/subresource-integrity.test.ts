import { hash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { currentDeployment } from "../primitives/deployment.ts";
import { pageTags } from "./page-tags.ts";
import { externalAssets, type ExternalAsset } from "./subresource-integrity.ts";

const integrityOf = (text: string): string => `sha384-${hash("sha384", text, "base64")}`;
const chart: ExternalAsset = {
  url: "https://cdn.example/chart-4.4.1.js",
  integrity: integrityOf("chart"),
  reason: "its licence forbids copies",
};
const assets = externalAssets([chart]);

function found(body: string): readonly string[] {
  const headers = [["content-type", "text/html; charset=utf-8"]] as const;
  const page = { url: "https://app.example.com/a", scheme: "https", status: 200, headers, body } as const;
  return (assets.control.observe?.(page) ?? []).map(({ rule }) => rule.id.split("/")[1] ?? "");
}

describe("externalAssets", () => {
  it("finds code of other origins that is not pinned, or not as it is listed", () => {
    const { url, integrity } = chart;
    expect(found(`<script src="${url}" integrity="${integrity}" crossorigin></script>`)).toEqual([]);
    expect(found(`<script src="${url}"></script>`)).toEqual(["unpinned"]);
    expect(found(`<SCRIPT SRC='${url}' integrity="${integrity}"></SCRIPT>`)).toEqual(["unpinned"]);
    expect(found(`<script src=//cdn.example/x.js></script>`)).toEqual(["unpinned"]);
    expect(found(`<script src="${url}" integrity="${integrityOf("x")}" crossorigin></script>`)).toEqual(["unlisted"]);
    expect(found(`<link rel="preload stylesheet" href="https://cdn.example/a.css">`)).toEqual(["unpinned"]);
    expect(found(`<link rel=icon href="https://cdn.example/a.png"><img src="https://cdn.example/a.png">`)).toEqual([]);
    expect(found(`<script src="/own.js"></script><script src="https://app.example.com/own.js"></script>`)).toEqual([]);
  });

  it("is not misled by comments, texts and tags that do not end", () => {
    const bad = '<script src="https://evil.test/x.js"></script>';
    expect(found(`<!-- ${bad} --><script>const text = '<script src="https://evil.test/y.js">';</script>`)).toEqual([]);
    for (const whole of ["<!-->", "<!--->"]) expect(found(`${whole}${bad}<!-- -->`)).toEqual(["unpinned"]);
    expect(found(`<a title="${"<".repeat(3)}">${bad}`)).toEqual(["unpinned"]);
    expect(found(`<script src="https://evil.test/x.js"`)).toEqual([]);
    for (const hostile of [
      "<script ".repeat(100_000),
      "<a b='".repeat(100_000),
      "<".repeat(500_000),
      "<!--".repeat(200_000),
    ]) {
      const began = performance.now();
      expect([...pageTags(hostile)].length).toBeLessThan(2);
      expect(performance.now() - began).toBeLessThan(1500);
    }
  });

  it("gives the tag what it needs, and throws for what is not listed", () => {
    expect(assets.attributes(chart.url)).toEqual({
      url: chart.url,
      integrity: chart.integrity,
      crossorigin: "anonymous",
    });
    expect(() => assets.attributes("https://cdn.example/other.js")).toThrow("not listed");
    expect(assets.origins).toEqual(["https://cdn.example"]);
  });

  it("warns of an address that moves", () => {
    const check = (url: string): number =>
      externalAssets([{ ...chart, url }]).control.check(currentDeployment("production")).length;
    expect(check("https://cdn.example/npm/chart@4.4.1/chart.js")).toBe(0);
    expect(check("https://cdn.example/npm/chart@latest/chart.js")).toBe(1);
    expect(check("https://cdn.example/chart.js")).toBe(1);
  });

  it("refuses a list that pins nothing", () => {
    const bad: readonly Partial<ExternalAsset>[] = [
      { integrity: "" },
      { integrity: "sha384-abc" },
      { integrity: `md5-${"a".repeat(43)}=` },
      { url: "http://cdn.example/chart-4.4.1.js" },
      { url: "//cdn.example/chart-4.4.1.js" },
      { reason: " " },
    ];
    for (const change of bad) expect(() => externalAssets([{ ...chart, ...change }])).toThrow(TypeError);
    expect(() => externalAssets([chart, chart])).toThrow(/twice/u);
  });

  it("finds a file that has changed where it comes from", async () => {
    let content = "chart";
    const server = createServer((_, response) => response.end(content)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const get = (url: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${new URL(url).pathname}`);
    expect(await assets.verify(get)).toEqual([]);
    content = "chart; and more";
    expect((await assets.verify(get)).map(({ rule }) => rule.id)).toEqual(["subresource-integrity/changed"]);
    server.close();
  });
});
