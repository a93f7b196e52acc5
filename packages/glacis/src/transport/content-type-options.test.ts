import { describe, expect, it } from "vitest";
import { compileHead } from "../core/head.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchResponse } from "../testing/response.ts";
import { contentTypeOptions } from "./content-type-options.ts";

describe("contentTypeOptions", () => {
  const head = (headers: Readonly<Record<string, string>>, status = 200): Readonly<Record<string, string>> => {
    const draft = sketchResponse({ status, headers });
    compileHead([contentTypeOptions()], () => undefined)(sketchExchange(), draft);
    return draft.headers();
  };

  it("serves a body without a type as a download", () => {
    expect(head({})).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": "attachment",
      "x-content-type-options": "nosniff",
    });
    expect(head({ "content-type": "  " })).toMatchObject({ "content-type": "application/octet-stream" });
    expect(head({}, 404)).toMatchObject({ "content-disposition": "attachment" });
  });

  it.each([
    [204, {}],
    [205, {}],
    [304, {}],
    [101, {}],
    [302, { location: "/next" }],
    [200, { "content-length": "0" }],
  ])("gives a %i without a body no type", (status, headers) => {
    expect(head(headers, status)).not.toHaveProperty("content-type");
  });

  it.each([
    ["text/html", "text/html; charset=utf-8"],
    ["text/html;", "text/html; charset=utf-8"],
    ["text/plain; format=flowed", "text/plain; format=flowed; charset=utf-8"],
    ["image/svg+xml", "image/svg+xml; charset=utf-8"],
    ["application/xml", "application/xml; charset=utf-8"],
    ["text/html; Charset=ISO-8859-1", "text/html; Charset=ISO-8859-1"],
    ["application/json", "application/json"],
    ["image/png", "image/png"],
  ])("turns %s into %s", (type, expected) => {
    expect(head({ "content-type": type })["content-type"]).toBe(expected);
  });

  it.each([
    [[["content-type", "text/html"]], ["nosniff/missing", "nosniff/no-charset"]],
    [[["x-content-type-options", "nosniff"]], ["nosniff/no-content-type"]],
    [
      [
        ["x-content-type-options", "nosniff, nosniff"],
        ["content-type", "application/json"],
      ],
      ["nosniff/missing"],
    ],
    [
      [
        ["x-content-type-options", "nosniff"],
        ["x-content-type-options", "nosniff"],
        ["content-type", "image/png"],
      ],
      ["nosniff/missing"],
    ],
    [
      [
        ["x-content-type-options", " NOSNIFF "],
        ["content-type", "application/json"],
      ],
      [],
    ],
  ] as const)("judges %j", (headers, ids) => {
    const observation = { url: "https://app.test/", scheme: "https", status: 200, headers } as const;
    expect(
      contentTypeOptions()
        .observe?.(observation)
        .map(({ rule }) => rule.id),
    ).toEqual(ids);
  });
});
