/** Images are bounded by what a decoder would hold (catalog image-processing; ASVS 5.2.6; CWE-400). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { ImageLimits } from "./upload-image.ts";

const META: ControlMeta = {
  id: "image-processing",
  title: "Images bounded by pixels and frames before anybody decodes them",
  layer: "input",
  guide: ["File uploads"],
  owasp2021: ["A04", "A02"],
  owasp2025: ["A06", "A04"],
  asvs: ["v5.0.0-5.2.6"],
  cwe: ["CWE-400", "CWE-770"],
};

export const IMAGE_TOO_GENEROUS: Rule = {
  id: "image-processing/too-generous",
  severity: "warning",
  what: "Images may be very large when decoded.",
  why: "A decoder holds four bytes for each pixel of each frame, whatever the file's size.",
  fix: "Keep 50 million pixels and 100 frames.",
};

const INITIAL: ImageLimits = { maxPixels: 50_000_000, maxFrames: 100 };
const GENEROUS: ImageLimits = { maxPixels: 500_000_000, maxFrames: 1000 };
const NAMES = Object.keys(INITIAL) as readonly (keyof ImageLimits)[];

/** @throws TypeError on an unknown option or a bound that is no whole number above zero. */
export function imageProcessing(options: Partial<ImageLimits> = {}): {
  readonly limits: ImageLimits;
  readonly control: Control;
} {
  rejectUnknownOptions("uploads image", options, NAMES);
  const limits: ImageLimits = { ...INITIAL, ...options };
  for (const name of NAMES) {
    if (!Number.isSafeInteger(limits[name]) || limits[name] < 1)
      throw new TypeError(`uploads() needs image.${name} as a whole number above zero.`);
  }
  return {
    limits,
    control: {
      meta: META,
      rules: [IMAGE_TOO_GENEROUS],
      check: () =>
        NAMES.filter((name) => limits[name] > GENEROUS[name]).map((name) =>
          finding(IMAGE_TOO_GENEROUS, { kind: "setting", name: `uploads image.${name}` }, String(limits[name])),
        ),
    },
  };
}
