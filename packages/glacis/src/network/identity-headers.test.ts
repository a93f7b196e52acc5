import { describe, expect, it } from "vitest";
import { identityClaims, IDENTITY_HEADERS } from "./identity-headers.ts";

const claims = identityClaims(IDENTITY_HEADERS);

describe("identityClaims", () => {
  it("finds every header that claims an identity, in any capitals and as often as it stands there", () => {
    const headers = ["Host", "a", "X-User-Id", "1", "X-TENANT-ID", "t", "x-user-id", "2", "Remote-User", "root"];
    expect(claims(headers)).toEqual(["x-user-id", "x-tenant-id", "x-user-id", "remote-user"]);
  });

  it("finds nothing in what browsers and proxies send", () => {
    const headers = [
      "X-Forwarded-For",
      "a",
      "X-Requested-With",
      "b",
      "X-CSRF-Token",
      "c",
      "Referer",
      "d",
      "X-User",
      "e",
    ];
    expect(claims(headers)).toBeUndefined();
    expect(identityClaims([])(["X-User-Id", "1"])).toBeUndefined();
  });

  it.each([[""], ["*"], ["X-User-*"], ["x-*-id"], ["x user"], [7]])("refuses %j as a name", (name) => {
    expect(() => identityClaims([name as string])).toThrow(/identityHeaders as names in lower case/u);
  });
});
