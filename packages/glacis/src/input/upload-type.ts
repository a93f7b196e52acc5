/** A file is what its name, its declared type and its content say together, or it is refused (catalog upload-type; ASVS 5.2.2; CWE-434, CWE-646). */
import { fileTypeFromFile } from "file-type";
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Rule } from "../core/finding.ts";
import type { ImagePlan } from "./image-plan.ts";
import { fault, type QuarantinedFile, type UploadFault } from "./upload-fault.ts";
import { judgeUploadName } from "./upload-filename.ts";
import type { ChunkWatch } from "./upload-polyglot.ts";
import { UPLOAD_KINDS, type StructureLimits, type UploadKind, type UploadKindName } from "./upload-kind.ts";

const META: ControlMeta = {
  id: "upload-type",
  title: "Uploads matched on extension, magic bytes and structure",
  layer: "input",
  guide: ["File uploads", "checklist: File uploads validated"],
  owasp2021: ["A04", "A03"],
  owasp2025: ["A06", "A05"],
  asvs: ["v5.0.0-5.1.1", "v5.0.0-5.2.2"],
  cwe: ["CWE-434", "CWE-646", "CWE-351"],
};

export const UPLOAD_TYPE_ACTIVE: Rule = {
  id: "upload-type/active",
  severity: "warning",
  what: "SVG drawings are accepted.",
  why: "A drawing that a browser opens by itself is a document: only the list of what it may hold stands between it and a script.",
  fix: "Accept png or webp, or keep svg and serve it as an attachment, as the downloads here are.",
};

/** Clients that know no type say this or nothing. */
const UNDECLARED = new Set(["", "application/octet-stream"]);

/** What a file has been found to be. */
export interface JudgedType {
  readonly kind: UploadKindName;
  readonly mediaType: string;
  readonly extension: string;
  readonly original: string;
}

export interface UploadType {
  readonly control: Control;
  /** Before a byte is kept: may a file of this name and declared type be one that is accepted? */
  expect(filename: unknown, declaredType: string): ExpectedType | UploadFault;
  /** Looks at the bytes as they arrive, for what a file of that kind must not hold anywhere. */
  watch(expected: ExpectedType): ChunkWatch;
  /** Is the content what was expected? Anything the readers throw refuses too. */
  judge(file: QuarantinedFile, expected: ExpectedType): Promise<UploadFault | undefined>;
  /** What of a judged file is to be kept; `undefined` where that is all of it. */
  keep(file: QuarantinedFile, expected: ExpectedType): Promise<ImagePlan | UploadFault | undefined>;
}

export type ExpectedType = JudgedType;

/**
 * @param accept the kinds to accept, such as `["pdf", "docx"]`
 * @throws TypeError for a kind that is not known, and for none at all
 */
export function uploadType(accept: readonly UploadKindName[], limits: StructureLimits): UploadType {
  const byExtension = new Map<string, UploadKindName>();
  for (const name of accept) {
    if (!Object.hasOwn(UPLOAD_KINDS, name))
      throw new TypeError(`uploads() accepts ${Object.keys(UPLOAD_KINDS).join(", ")}; "${name}" is none of them.`);
    for (const extension of UPLOAD_KINDS[name].extensions) byExtension.set(extension, name);
  }
  if (byExtension.size === 0) throw new TypeError('uploads() needs accept as a list of kinds, such as ["pdf", "png"].');
  return {
    control: {
      meta: META,
      rules: [UPLOAD_TYPE_ACTIVE],
      check: () =>
        accept.includes("svg") ? [finding(UPLOAD_TYPE_ACTIVE, { kind: "setting", name: "uploads accept" })] : [],
    },
    expect(filename, declaredType) {
      const name = judgeUploadName(filename);
      if ("code" in name) return name;
      const kind = byExtension.get(name.extension);
      if (kind === undefined) return fault("extension_refused");
      const { declared, mediaType } = UPLOAD_KINDS[kind];
      const type = (declaredType.split(";")[0] ?? "").trim().toLowerCase();
      if (!UNDECLARED.has(type) && !declared.includes(type)) return fault("declared_type_differs");
      return { kind, mediaType, extension: name.extension, original: name.original };
    },
    watch: ({ kind }) => UPLOAD_KINDS[kind].watch?.() ?? (() => undefined),
    async judge(file, { kind }) {
      if (file.size === 0) return fault("empty");
      const rule: UploadKind = UPLOAD_KINDS[kind];
      // The structure first: what it has bounded cannot exhaust the reader of signatures.
      const found = await rule.judge(file, limits);
      if (found !== undefined) return found;
      const real = await fileTypeFromFile(file.path).catch(() => ({ ext: "unreadable" }));
      if (real?.ext === "unreadable") return fault("real_type_unreadable");
      return rule.signatures.includes(real?.ext) ? undefined : fault("real_type_differs");
    },
    async keep(file, { kind }) {
      const rule: UploadKind = UPLOAD_KINDS[kind];
      if (rule.withoutMetadata === undefined || limits.image.metadata === "keep") return undefined;
      const plan = await rule.withoutMetadata(file);
      if (plan === undefined) return fault("image_malformed");
      return (await plan.isWhole()) ? undefined : plan;
    },
  };
}
