import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { merkleFrontier } from "./merkle-frontier.ts";

/** RFC 6962 section 2.1, as it is written there. */
function treeHash(leaves: readonly Buffer[]): Buffer {
  const sha = (...parts: readonly Buffer[]): Buffer =>
    createHash("sha256")
      .update(Buffer.concat([...parts]))
      .digest();
  if (leaves.length === 0) return sha();
  if (leaves.length === 1) return sha(Buffer.from([0]), leaves[0] as Buffer);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha(Buffer.from([1]), treeHash(leaves.slice(0, split)), treeHash(leaves.slice(split)));
}

describe("merkleFrontier", () => {
  it("has the root of RFC 6962 at every size, also when it is taken up in between", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 70 }), fc.nat(70), (data, pause) => {
        const leaves = data.map((bytes) => Buffer.from(bytes));
        let frontier = merkleFrontier();
        for (const [index, leaf] of leaves.entries()) {
          if (index === pause) frontier = merkleFrontier(frontier.size(), frontier.export());
          frontier.add(leaf.toString("base64url"));
        }
        expect(frontier.root()).toBe(treeHash(leaves).toString("base64"));
      }),
    );
  });

  it("refuses hashes that do not fit the size", () => {
    expect(() => merkleFrontier(3, [])).toThrow(/does not fit/u);
    for (const length of [0, 31, 33])
      expect(() => merkleFrontier(1, [Buffer.alloc(length).toString("base64url")])).toThrow(/does not fit/u);
  });
});
