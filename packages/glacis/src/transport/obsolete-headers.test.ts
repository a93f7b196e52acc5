import { describe, expect, it } from "vitest";
import type { Control } from "../core/control.ts";
import { compileHead } from "../core/head.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchResponse, type ResponseSketch } from "../testing/response.ts";
import { obsoleteHeaders } from "./obsolete-headers.ts";

function emit(control: Control, response: ResponseSketch): Readonly<Record<string, string>> {
  const draft = sketchResponse(response);
  compileHead([control], () => undefined)(sketchExchange(), draft);
  return draft.headers();
}

describe("obsoleteHeaders", () => {
  it("removes banners and dropped headers, and switches the XSS filter off", () => {
    const headers = emit(obsoleteHeaders(), {
      headers: {
        server: "Apache/2.4.1",
        "x-powered-by": "Express",
        "x-aspnet-version": "4",
        "x-runtime": "0.1",
        "expect-ct": "max-age=1",
        "public-key-pins": "x",
        pragma: "no-cache",
        "feature-policy": "camera *",
        "x-xss-protection": "1; mode=block",
        "content-type": "text/html",
      },
    });
    expect(headers).toEqual({ "x-xss-protection": "0", "content-type": "text/html" });
  });

  it("finds what a proxy puts back", () => {
    const judge = (...headers: readonly (readonly [string, string])[]): readonly string[] | undefined =>
      obsoleteHeaders()
        .observe?.({ url: "https://app.test/", scheme: "https", status: 404, headers })
        .map(({ rule }) => rule.id);
    expect(judge(["server", "nginx/1.25.3"], ["x-powered-by", "PHP"])).toEqual([
      "obsolete-headers/disclosing",
      "obsolete-headers/disclosing",
    ]);
    expect(judge(["server", "cloudflare"])).toEqual([]);
    expect(judge(["x-xss-protection", "1"], ["p3p", "x"])).toEqual([
      "obsolete-headers/dropped",
      "obsolete-headers/xss-filter",
    ]);
  });
});
