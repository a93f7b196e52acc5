import { describe, expect, it } from "vitest";
import { imageProcessing } from "./image-processing.ts";

describe("the bounds on images", () => {
  it("are 50 million pixels and 100 frames, and what was recorded beside a picture goes", () => {
    expect(imageProcessing().limits).toEqual({ maxPixels: 50_000_000, maxFrames: 100, metadata: "remove" });
  });
  it("refuse what is no bound", () => {
    expect(() => imageProcessing({ maxPixels: Number.POSITIVE_INFINITY })).toThrow(TypeError);
    expect(() => imageProcessing({ pixels: 1 } as never)).toThrow(/pixels/u);
    expect(() => imageProcessing({ metadata: false } as never)).toThrow(/"remove" or "keep"/u);
  });
  it("are asked about when they hardly bound", () => {
    const found = imageProcessing({ maxFrames: 10_000 }).control.check({} as never);
    expect(found.map(({ rule }) => rule.id)).toEqual(["image-processing/too-generous"]);
  });
  it("are asked about when a picture keeps what was recorded beside it", () => {
    const found = imageProcessing({ metadata: "keep" }).control.check({} as never);
    expect(found.map(({ rule }) => rule.id)).toEqual(["image-processing/metadata-kept"]);
  });
});
