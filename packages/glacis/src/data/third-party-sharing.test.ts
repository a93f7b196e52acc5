import { describe, expect, it } from "vitest";
import { thirdPartySharing, type Processor } from "./third-party-sharing.ts";

function judge(...destinations: readonly Processor[]): readonly string[] {
  const deployment = {
    mode: "production",
    nodeVersion: "24.4.0",
    variables: new Map(),
    nodeOptions: [],
    nowMs: 0,
  } as const;
  return thirdPartySharing({ destinations })
    .check(deployment)
    .map(({ rule, detail }) => `${rule.id} ${detail}`);
}

describe("thirdPartySharing", () => {
  it("asks of each destination what it receives, and of personal data where it goes", () => {
    expect(judge({ host: "a.example" })).toEqual(["third-party-sharing/undeclared a.example"]);
    expect(judge({ host: "a.example", data: [] }, { host: "b.example", data: ["public", "internal"] })).toEqual([]);
    expect(judge({ host: "a.example", data: ["internal", "personal"] })).toEqual([
      "third-party-sharing/no-region a.example",
    ]);
    expect(judge({ host: "a.example", data: ["sensitive"], region: "EU" })).toEqual([]);
  });

  it("finds a destination that receives secrets, wherever it is", () => {
    expect(judge({ host: "a.example", data: ["secret"], region: "EU" })).toEqual([
      "third-party-sharing/secret a.example",
    ]);
  });

  it("refuses a misspelt option", () => {
    expect(() => thirdPartySharing({ destination: [] } as never)).toThrow(/Did you mean "destinations"/u);
  });
});
