import { describe, expect, it } from "vitest";
import { isExactHttpsOrigin } from "./embedding.ts";

describe("isExactHttpsOrigin", () => {
  it("takes what a browser would send as Origin, and nothing that could end a header's value", () => {
    for (const origin of ["https://a.example", "https://a.example:8443", "https://xn--bcher-kva.example"])
      expect(isExactHttpsOrigin(origin), origin).toBe(true);
    for (const origin of [
      "https://a.example/",
      "https://A.example",
      "https://a.example:443",
      "http://a.example",
      "https://*.example",
      "https://a;b",
      "https://a,b",
      'https://a"',
      "https://a'b",
      "https://u@a.example",
      "https://",
      "null",
    ])
      expect(isExactHttpsOrigin(origin), origin).toBe(false);
  });
});
