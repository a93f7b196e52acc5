import { describe, expect, it } from "vitest";
import { batchedReads } from "./session-batch.ts";

describe("batchedReads", () => {
  it("asks once for everything of one turn, each id once, and gives everybody his own", async () => {
    const asked: (readonly string[])[] = [];
    const read = batchedReads(async (ids) => {
      asked.push(ids);
      return new Map(ids.filter((id) => id !== "gone").map((id) => [id, `value of ${id}`]));
    });
    expect(await Promise.all([read("a"), read("b"), read("a"), read("gone")])).toEqual([
      "value of a",
      "value of b",
      "value of a",
      undefined,
    ]);
    expect(asked).toEqual([["a", "b", "gone"]]);
  });

  it("keeps nothing: what is asked again is read again, also while the first answer is on its way", async () => {
    let version = 0;
    const read = batchedReads(async (ids) => {
      version += 1;
      const seen = version;
      await new Promise((resolve) => setImmediate(resolve));
      return new Map(ids.map((id) => [id, seen]));
    });
    const first = read("a");
    await new Promise((resolve) => setImmediate(resolve));
    expect(await Promise.all([first, read("a")])).toEqual([1, 2]);
    expect(await read("a")).toBe(3);
  });

  it("fails for everybody when the read fails, and works again after it", async () => {
    let down = true;
    const read = batchedReads<string>(async (ids) => {
      if (down) throw new Error("down");
      return new Map(ids.map((id) => [id, id]));
    });
    const settled = await Promise.allSettled([read("a"), read("b")]);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    down = false;
    expect(await read("a")).toBe("a");
  });

  it("divides a crowd", async () => {
    const sizes: number[] = [];
    const read = batchedReads<number>(async (ids) => {
      sizes.push(ids.length);
      return new Map(ids.map((id) => [id, Number(id)]));
    });
    const all = await Promise.all(Array.from({ length: 450 }, (_, index) => read(`${index}`)));
    expect(all).toEqual(Array.from({ length: 450 }, (_, index) => index));
    expect(sizes).toEqual([200, 200, 50]);
  });
});
