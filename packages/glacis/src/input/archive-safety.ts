/** Archives are judged before anybody unpacks them (catalog archive-safety; ASVS 5.2.3, 5.2.5, 5.3.3). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { readArchive, type ArchiveLimits } from "./upload-archive.ts";
import { fault, type QuarantinedFile, type UploadFault } from "./upload-fault.ts";

const META: ControlMeta = {
  id: "archive-safety",
  title: "Archives inspected before extraction",
  layer: "input",
  guide: ["File uploads"],
  owasp2021: ["A04", "A01"],
  owasp2025: ["A06", "A10", "A01"],
  asvs: ["v5.0.0-5.2.3", "v5.0.0-5.2.5", "v5.0.0-5.3.3"],
  cwe: ["CWE-409", "CWE-22", "CWE-59"],
};

export const ARCHIVE_TOO_GENEROUS: Rule = {
  id: "archive-safety/too-generous",
  severity: "warning",
  what: "An archive may unpack to very much.",
  why: "Whoever opens it later, a person or a program, holds what a few kilobytes said.",
  fix: "Keep 1000 entries, 100 MiB and a ratio of 100.",
};

const INITIAL: ArchiveLimits = { maxEntries: 1000, maxTotalBytes: 100 * 1024 * 1024, maxRatio: 100 };
const GENEROUS: ArchiveLimits = { maxEntries: 10_000, maxTotalBytes: 1024 * 1024 * 1024, maxRatio: 1000 };
const NAMES = Object.keys(INITIAL) as readonly (keyof ArchiveLimits)[];

const NESTED_NAME =
  /\.(?:zip|jar|war|ear|apk|rar|7z|gz|tgz|bz2|tbz2?|xz|txz|zst|lz|lz4|lzma|tar|cab|iso|img|arj|ace|z|docx?|xlsx?|pptx?|odt|ods|odp|epub)$/iu;
const NESTED_HEADS = [
  "PK\x03\x04",
  "PK\x05\x06",
  "Rar!",
  "7z\xbc\xaf",
  "\x1f\x8b",
  "BZh",
  "\xfd7zXZ",
  "\x28\xb5\x2f\xfd",
  "MSCF",
];

export interface ArchiveSafety {
  readonly limits: ArchiveLimits;
  readonly control: Control;
}

/**
 * The bounds for ZIP archives and everything that is one inside.
 *
 * @throws TypeError on an unknown option or a bound that is no whole number above zero.
 */
export function archiveSafety(options: Partial<ArchiveLimits> = {}): ArchiveSafety {
  rejectUnknownOptions("archiveSafety", options, NAMES);
  const limits: ArchiveLimits = { ...INITIAL, ...options };
  for (const name of NAMES) {
    if (!Number.isSafeInteger(limits[name]) || limits[name] < 1)
      throw new TypeError(`archiveSafety() needs ${name} as a whole number above zero.`);
  }
  return {
    limits,
    control: {
      meta: META,
      rules: [ARCHIVE_TOO_GENEROUS],
      check: () =>
        NAMES.filter((name) => limits[name] > GENEROUS[name]).map((name) =>
          finding(ARCHIVE_TOO_GENEROUS, { kind: "setting", name: `uploads archive.${name}` }, String(limits[name])),
        ),
    },
  };
}

/** Judges a plain archive. An archive inside it is refused: its own bounds would multiply with these. */
export async function judgeArchive(file: QuarantinedFile, limits: ArchiveLimits): Promise<UploadFault | undefined> {
  const contents = await readArchive(file.path, {
    limits,
    keep: () => false,
    judgeEntry: (name, head) => (isArchive(name, head) ? fault("archive_nested", "maxDepth", 1) : undefined),
  });
  if ("code" in contents) return contents;
  // A package of an office program, of Java or of Android is not "a zip", whatever its extension says.
  return contents.names.some((name) =>
    /^(?:\[content_types\]\.xml|mimetype|web-inf\/web\.xml|meta-inf\/manifest\.mf|androidmanifest\.xml)$/iu.test(name),
  )
    ? fault("real_type_differs")
    : undefined;
}

function isArchive(name: string, head: Buffer): boolean {
  const start = head.toString("latin1", 0, 8);
  return (
    NESTED_NAME.test(name) ||
    NESTED_HEADS.some((magic) => start.startsWith(magic)) ||
    head.toString("latin1", 257, 262) === "ustar"
  );
}
