import { describe, expect, it } from "vitest";
import type { Mode } from "../core/control.ts";
import { machineIdentity, type MachineCredential } from "./machine-identity.ts";

function found(
  credentials: readonly MachineCredential[],
  variables: readonly (readonly [string, string])[] = [],
  mode: Mode = "production",
) {
  const deployment = { mode, nodeVersion: "24.0.0", variables: new Map(variables), nodeOptions: [], nowMs: 0 };
  return machineIdentity({ credentials })
    .check(deployment)
    .map(({ rule, detail }) => [rule.id.split("/")[1], detail]);
}

describe("machineIdentity", () => {
  it("finds nothing where every backend is reached by an identity that ends by itself", () => {
    expect(
      found([
        { backend: "postgres", account: "folio_app", kind: "iam-role" },
        { backend: "s3", kind: "oidc" },
        {
          backend: "mail",
          account: "folio_mail",
          kind: "static",
          reason: "SMTP knows nothing else",
          rotatedEveryDays: 90,
        },
      ]),
    ).toEqual([]);
  });

  it("finds static credentials that nobody replaces, and accounts that two backends share", () => {
    expect(
      found([
        { backend: "mail", account: "shared", kind: "static", reason: "SMTP" },
        { backend: "search", account: "shared", kind: "static", reason: "old", rotatedEveryDays: 365 },
      ]),
    ).toEqual([
      ["static-credential", "never"],
      ["static-credential", "every 365 days"],
      ["shared-account", "as mail"],
    ]);
  });

  it("finds an AWS key that does not expire, in production alone, and never quotes it", () => {
    const key = ["AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"] as const;
    expect(found([], [key])).toEqual([["long-lived-cloud-key", undefined]]);
    expect(found([], [key], "development")).toEqual([]);
    expect(found([], [["AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"]])).toEqual([]);
  });

  it("asks for the reason of a static credential", () => {
    expect(() => found([{ backend: "mail", kind: "static", reason: " " }])).toThrow(/reason/u);
    expect(() => found([{ backend: "mail", kind: "password" } as never])).toThrow(/credentials/u);
    expect(() => found([{ backend: "mail", kind: "oidc", reasn: "x" } as never])).toThrow(/reasn/u);
  });
});
