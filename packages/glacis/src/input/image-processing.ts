/** Images are bounded by what a decoder would hold, and lose what was recorded beside them (catalog image-processing; ASVS 5.2.6, 14.2.8; CWE-400). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { ImageLimits, ImageOptions } from "./upload-image.ts";

const META: ControlMeta = {
  id: "image-processing",
  title: "Images bounded before anybody decodes them, and stripped of metadata",
  layer: "input",
  guide: ["File uploads"],
  owasp2021: ["A04", "A02"],
  owasp2025: ["A06", "A04"],
  asvs: ["v5.0.0-5.2.6", "v5.0.0-14.2.8"],
  cwe: ["CWE-400", "CWE-770", "CWE-1230"],
};

export const IMAGE_TOO_GENEROUS: Rule = {
  id: "image-processing/too-generous",
  severity: "warning",
  what: "Images may be very large when decoded.",
  why: "A decoder holds four bytes for each pixel of each frame, whatever the file's size.",
  fix: "Keep 50 million pixels and 100 frames.",
};

export const IMAGE_METADATA_KEPT: Rule = {
  id: "image-processing/metadata-kept",
  severity: "warning",
  what: "What was recorded beside a picture stays in it.",
  why: "A photo says where and when it was taken and by which device; whoever may open it reads that, and its sender seldom knows.",
  fix: 'Leave out image.metadata, or keep "keep" where people agreed to it or nobody else ever gets the file.',
};

const INITIAL: ImageOptions = { maxPixels: 50_000_000, maxFrames: 100, metadata: "remove" };
const GENEROUS: ImageLimits = { maxPixels: 500_000_000, maxFrames: 1000 };
const NAMES = Object.keys(GENEROUS) as readonly (keyof ImageLimits)[];

/** @throws TypeError on an unknown option or a bound that is no whole number above zero, and another word for metadata. */
export function imageProcessing(options: Partial<ImageOptions> = {}): {
  readonly limits: ImageOptions;
  readonly control: Control;
} {
  rejectUnknownOptions("uploads image", options, [...NAMES, "metadata"]);
  const limits: ImageOptions = { ...INITIAL, ...options };
  for (const name of NAMES) {
    if (!Number.isSafeInteger(limits[name]) || limits[name] < 1)
      throw new TypeError(`uploads() needs image.${name} as a whole number above zero.`);
  }
  if (limits.metadata !== "remove" && limits.metadata !== "keep")
    throw new TypeError('uploads() needs image.metadata as "remove" or "keep".');
  return {
    limits,
    control: {
      meta: META,
      rules: [IMAGE_TOO_GENEROUS, IMAGE_METADATA_KEPT],
      check: () => [
        ...NAMES.filter((name) => limits[name] > GENEROUS[name]).map((name) =>
          finding(IMAGE_TOO_GENEROUS, { kind: "setting", name: `uploads image.${name}` }, String(limits[name])),
        ),
        ...(limits.metadata === "keep"
          ? [finding(IMAGE_METADATA_KEPT, { kind: "setting", name: "uploads image.metadata" })]
          : []),
      ],
    },
  };
}
