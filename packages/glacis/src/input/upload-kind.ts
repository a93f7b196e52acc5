/** The kinds of files that can be told apart: by name, by declared type, by signature and by structure, all four at once. */
import { judgeArchive } from "./archive-safety.ts";
import { withoutMetadata } from "./image-metadata.ts";
import type { ImagePlan } from "./image-plan.ts";
import type { ArchiveLimits } from "./upload-archive.ts";
import { judgeCsv } from "./upload-csv.ts";
import type { QuarantinedFile, UploadFault } from "./upload-fault.ts";
import { judgeImage, type ImageKind, type ImageOptions } from "./upload-image.ts";
import { judgeOffice, type OfficeKind } from "./upload-ooxml.ts";
import { judgePdf } from "./upload-pdf.ts";
import { judgeActiveBeginning, judgeTrailingArchive, watchActiveContent, type ChunkWatch } from "./upload-polyglot.ts";
import { judgeSvg } from "./upload-svg.ts";
import { judgeText } from "./upload-text.ts";

/** What a structure is held against. */
export interface StructureLimits {
  readonly archive: ArchiveLimits;
  readonly image: ImageOptions;
}

export interface UploadKind {
  readonly extensions: readonly string[];
  /** Types that clients declare for it, besides none at all. */
  readonly declared: readonly string[];
  /** The type that it is stored and handed out with. */
  readonly mediaType: string;
  /** What the signature may say, as file-type names it; `undefined` where a kind has no signature. */
  readonly signatures: readonly (string | undefined)[];
  /** Looks at the bytes as they arrive. */
  readonly watch?: () => ChunkWatch;
  /** Looks at the whole. */
  readonly judge: (file: QuarantinedFile, limits: StructureLimits) => Promise<UploadFault | undefined>;
  /** Says what of the file stays without what was recorded beside its content; `undefined` where it cannot be read to its end. */
  readonly withoutMetadata?: (file: QuarantinedFile) => Promise<ImagePlan | undefined>;
}

export type UploadKindName = OfficeKind | ImageKind | "pdf" | "txt" | "csv" | "svg" | "zip";

const OPENXML = "application/vnd.openxmlformats-officedocument";

/**
 * Not here: the binary formats of Office before 2007, whose macros no small reader finds; HTML, XML and scripts, which are programs for
 * whoever opens them.
 */
export const UPLOAD_KINDS: Readonly<Record<UploadKindName, UploadKind>> = {
  pdf: {
    extensions: ["pdf"],
    declared: ["application/pdf"],
    mediaType: "application/pdf",
    signatures: ["pdf"],
    judge: async (file) =>
      (await judgeTrailingArchive(file)) ?? (await judgeActiveBeginning(file, 1024)) ?? judgePdf(file),
  },
  docx: office("docx", "wordprocessingml.document"),
  xlsx: office("xlsx", "spreadsheetml.sheet"),
  pptx: office("pptx", "presentationml.presentation"),
  png: image("png", ["png"], ["image/png", "image/apng"], ["png", "apng"]),
  jpg: image("jpg", ["jpg", "jpeg"], ["image/jpeg", "image/jpg"], ["jpg"]),
  gif: image("gif", ["gif"], ["image/gif"], ["gif"]),
  webp: image("webp", ["webp"], ["image/webp"], ["webp"]),
  svg: {
    extensions: ["svg"],
    declared: ["image/svg+xml"],
    mediaType: "image/svg+xml",
    signatures: ["xml", undefined],
    judge: judgeSvg,
  },
  txt: text("txt", ["text/plain"], "text/plain", (file) => judgeText(file)),
  csv: text("csv", ["text/csv", "text/plain", "application/csv", "application/vnd.ms-excel"], "text/csv", judgeCsv),
  zip: {
    extensions: ["zip"],
    declared: ["application/zip", "application/x-zip-compressed"],
    mediaType: "application/zip",
    signatures: ["zip"],
    judge: (file, { archive }) => judgeArchive(file, archive),
  },
};

function office(kind: OfficeKind, type: string): UploadKind {
  const mediaType = `${OPENXML}.${type}`;
  return {
    extensions: [kind],
    declared: [mediaType],
    mediaType,
    // The package itself is read by `judgeOffice`, to its main part; a signature sees a ZIP when that part is not at the front.
    signatures: [kind, "zip"],
    judge: (file, { archive }) => judgeOffice(file.path, kind, archive),
  };
}

function image(
  kind: ImageKind,
  extensions: readonly string[],
  declared: readonly string[],
  signatures: readonly string[],
): UploadKind {
  return {
    extensions,
    declared,
    mediaType: declared[0] ?? "",
    signatures,
    judge: async (file, limits) => (await judgeImage(file, kind, limits.image)) ?? judgeTrailingArchive(file),
    watch: watchActiveContent,
    withoutMetadata: (file) => withoutMetadata(file, kind),
  };
}

function text(
  extension: string,
  declared: readonly string[],
  mediaType: string,
  judge: UploadKind["judge"],
): UploadKind {
  return {
    extensions: [extension],
    declared,
    mediaType,
    // A text that begins with BM is no bitmap: the rest of it would not be UTF-8 without control characters.
    signatures: [undefined, "bmp"],
    judge,
  };
}
