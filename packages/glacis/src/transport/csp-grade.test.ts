import { describe, expect, it } from "vitest";
import { sketchExchange } from "../testing/exchange.ts";
import { contentSecurityPolicy } from "./content-security-policy.ts";
import { CSP_SEVERITY, gradeCsp } from "./csp-grade.ts";

const GUIDE_A05 =
  "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";
const GUIDE_SECOND =
  "default-src 'self'; script-src 'self' https://cdn.jsdelivr.net; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; font-src 'self' data:; connect-src 'self'; frame-src 'none'; frame-ancestors 'none'; report-uri /csp-report/";
const HELMET =
  "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests";

function emitted(options: Parameters<typeof contentSecurityPolicy>[0] = {}): string {
  const rule = contentSecurityPolicy(options).headers?.find(({ on }) => on === "document");
  if (typeof rule?.value !== "function") throw new Error("a page's policy depends on the nonce");
  return rule.value(sketchExchange());
}

describe("gradeCsp", () => {
  it.each([
    ["the guide's first policy", [GUIDE_A05], "F"],
    ["the guide's second policy, whose host serves everyone's files", [GUIDE_SECOND], "F"],
    ["what a usual header library sends", [HELMET], "C"],
    ["no policy", [], "F"],
    ["a misspelt directive", ["default-src 'none'; scriptsrc 'self'; require-trusted-types-for 'script'"], "D"],
    [
      "a short nonce",
      ["default-src 'none'; script-src 'nonce-abc'; base-uri 'none'; require-trusted-types-for 'script'"],
      "D",
    ],
    ["ours", [emitted()], "A"],
    ["ours without Trusted Types", [emitted({ trustedTypes: false })], "B"],
    [
      "ours with what level 3 has added since",
      [emitted().replace("'strict-dynamic'", "'strict-dynamic' 'trusted-types-eval' 'report-sha256'")],
      "A",
    ],
    ["such a keyword where it means nothing", [emitted().replace("img-src", "img-src 'report-sha256'")], "D"],
    ["a weak policy beside ours, because both apply", [`${GUIDE_A05}, ${emitted()}`], "A"],
    ["a weak policy in a line of its own", [GUIDE_A05, emitted()], "A"],
    ["a misspelt directive in a policy beside ours", [emitted(), "img-srcs 'none'"], "D"],
  ])("grades %s", (_, values, letter) => {
    expect(gradeCsp(values).letter).toBe(letter);
  });

  it("finds nothing in our policy but the missing fallbacks for browsers without nonces", () => {
    const severities = new Set(gradeCsp([emitted()]).weaknesses.map(({ severity }) => severity));
    expect([...severities]).toEqual([CSP_SEVERITY.strictCsp]);
  });
});
