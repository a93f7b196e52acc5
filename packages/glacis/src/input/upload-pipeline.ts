/** One request's files on their way: reserved, received, judged, scanned, stored; all of them or none. */
import type { Control } from "../core/control.ts";
import type { Decision } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import type { Exchange } from "../core/exchange.ts";
import { controlFailed } from "../core/pipeline.ts";
import { verdictOn, type MalwareScanner } from "./malware-scan.ts";
import { fault } from "./upload-fault.ts";
import { uploadIntake, type IncomingFile, type UploadIntake, type UploadQuarantine } from "./upload-intake.ts";
import type { UploadKindName } from "./upload-kind.ts";
import type { UploadLimits } from "./upload-limits.ts";
import type { QuotaReservation, UploadQuota } from "./upload-quota.ts";
import { infected, notMultipart, quotaExceeded, refusedFile, unscanned } from "./upload-refusal.ts";
import type { UploadType } from "./upload-type.ts";

/** Where files go. `localStorage` and `s3Storage` of `glacis/data` are such stores. */
export interface UploadStore {
  readonly control: Control;
  newKey(tenantId: string | undefined): string;
  quarantine(): Promise<UploadQuarantine>;
  read(key: string): Promise<NodeJS.ReadableStream>;
  remove(key: string): Promise<boolean>;
}

export interface ReceiveOptions {
  /**
   * Judges the token in the form's first field `csrf_token`, before anything else of the form is looked at: `(token) => csrf.verify(request, token)`.
   * For routes that say with `csrfExempt` that the token is there; others have had it in a header.
   */
  readonly csrf?: (token: unknown) => Decision;
}

/** A stored file. `key` is how it is called; everything else is to be kept as data beside it. */
export interface StoredUpload {
  readonly field: string;
  readonly key: string;
  /** As the client called it: to show and to save under, never a path. */
  readonly originalName: string;
  readonly kind: UploadKindName;
  readonly mediaType: string;
  /** Of the file as it is kept, as the hash is. */
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
  /** `pending` where the scanner had no answer and `unscanned: "keep"` is set: nobody may have the file before `rescan` says that it is clean. */
  readonly scan: "clean" | "none" | "pending";
}

export interface ReceivedUpload {
  readonly files: readonly StoredUpload[];
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

export interface PipelineParts {
  readonly storage: UploadStore;
  readonly type: UploadType;
  readonly limits: UploadLimits;
  readonly scan: MalwareScanner | undefined;
  readonly unscanned: "refuse" | "keep";
  readonly quota: UploadQuota | undefined;
}

/** What strangers keep together. No tenant has an empty id. */
export const NO_TENANT = "";
/** A reservation outlives any request by so much. */
const RESERVED_AFTER_SECONDS = 600;

export function uploadPipeline(
  parts: PipelineParts,
): (request: Exchange, options: ReceiveOptions) => Promise<ReceivedUpload> {
  const { storage } = parts;
  return async (request, { csrf }) => {
    const body = bodyOf(request);
    const intake = uploadIntake({ ...parts, csrf });
    const stored: StoredUpload[] = [];
    const reservation = await reserve(parts, request);
    try {
      await intake.read(body, request.header("content-type") ?? "");
      const files = await intake.complete();
      if (files.length === 0) throw refusedFile(fault("file_missing"));
      const judged: (readonly [IncomingFile, StoredUpload["scan"]])[] = [];
      for (const arrived of files) {
        const file = await judge(parts.type, intake, arrived);
        judged.push([file, await scanned(parts, file)]);
      }
      const tenantId = tenantOf(request);
      for (const [file, scan] of judged) stored.push(await store(storage, tenantId, file, scan));
      await reservation?.settle(stored.reduce((sum, { bytes }) => sum + bytes, 0));
      return { files: stored, fields: intake.fields };
    } catch (error) {
      for (const { key } of stored) await storage.remove(key);
      await reservation?.settle(0);
      throw error;
    } finally {
      await intake.discard();
    }
  };
}

async function reserve({ quota, limits }: PipelineParts, request: Exchange): Promise<QuotaReservation | undefined> {
  if (quota === undefined) return undefined;
  const most = limits.maxFiles * limits.maxBytes;
  const bytes = Math.min(Number(request.header("content-length") ?? most), most);
  const lifeMs = (limits.maxSeconds + RESERVED_AFTER_SECONDS) * 1000;
  const reservation = await quota.reserve(tenantOf(request) ?? NO_TENANT, bytes, lifeMs);
  if (reservation === undefined) throw quotaExceeded(quota.bytes);
  return reservation;
}

/** @returns the file as it is to be kept */
async function judge(type: UploadType, intake: UploadIntake, file: IncomingFile): Promise<IncomingFile> {
  const found = (await type.judge(file, file.expected)) ?? (await type.keep(file, file.expected));
  if (found === undefined) return file;
  if ("code" in found) throw refusedFile(found);
  return intake.rewrite(file, found.bytes());
}

/** What is kept is what was scanned. */
async function scanned({ scan, unscanned: rule }: PipelineParts, file: IncomingFile): Promise<StoredUpload["scan"]> {
  if (scan === undefined) return "none";
  const verdict = await verdictOn(scan, file);
  if (verdict.kind === "infected") throw infected(scan.name);
  if (verdict.kind === "clean") return "clean";
  if (rule === "keep") return "pending";
  throw "error" in verdict ? new Refusal(controlFailed("malware-scan", verdict.error)) : unscanned(verdict.cause);
}

async function store(
  storage: UploadStore,
  tenantId: string | undefined,
  file: IncomingFile,
  scan: StoredUpload["scan"],
): Promise<StoredUpload> {
  const { field, size: bytes, sha256, expected, quarantine } = file;
  const key = storage.newKey(tenantId);
  if (!(await quarantine.commit(key, { bytes, sha256 }))) throw new Error("A new key was taken already.");
  return {
    field,
    key,
    originalName: expected.original,
    kind: expected.kind,
    mediaType: expected.mediaType,
    bytes,
    sha256,
    scan,
  };
}

function tenantOf({ principal }: Exchange): string | undefined {
  return principal.kind === "anonymous" ? undefined : principal.tenantId;
}

function bodyOf({ mediaType, wire }: Exchange): NodeJS.ReadableStream {
  if (mediaType !== "multipart/form-data" || wire.body === undefined) throw notMultipart();
  return wire.body;
}
