/** Files from users: streamed into quarantine within limits, judged, scanned, and only then given a key (catalog upload-limits, upload-type). */
import { pipeline } from "node:stream/promises";
import type { Control } from "../core/control.ts";
import { Refusal } from "../core/error-reason.ts";
import type { AuditEvent } from "../core/event.ts";
import type { Exchange } from "../core/exchange.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { controlFailed } from "../core/pipeline.ts";
import { archiveSafety } from "./archive-safety.ts";
import { imageProcessing } from "./image-processing.ts";
import { malwareScanControl, verdictOn, type MalwareScanner } from "./malware-scan.ts";
import type { ArchiveLimits } from "./upload-archive.ts";
import type { ImageOptions } from "./upload-image.ts";
import type { UploadKindName } from "./upload-kind.ts";
import { readUploadLimits, UPLOAD_LIMIT_NAMES, uploadLimitsControl, type UploadLimits } from "./upload-limits.ts";
import { MOST_FIELD_BYTES } from "./upload-parts.ts";
import {
  NO_TENANT,
  uploadPipeline,
  type ReceivedUpload,
  type ReceiveOptions,
  type StoredUpload,
  type UploadStore,
} from "./upload-pipeline.ts";
import type { UploadQuarantine } from "./upload-intake.ts";
import type { UploadQuota } from "./upload-quota.ts";
import { uploadType } from "./upload-type.ts";

export interface UploadsOptions extends Partial<UploadLimits> {
  readonly storage: UploadStore;
  /** The kinds to accept, such as `["pdf", "png", "docx"]`. */
  readonly accept: readonly UploadKindName[];
  readonly scan?: MalwareScanner;
  /**
   * What becomes of a file while the scanner has no answer: `refuse` answers 503 and keeps nothing; `keep` stores it as `pending`, which `download`
   * answers with 423 until `rescan` has had an answer.
   */
  readonly unscanned?: "refuse" | "keep";
  readonly quota?: UploadQuota;
  /** Bounds on archives and Office documents: 1000 entries, 100 MiB, ratio 100. */
  readonly archive?: Partial<ArchiveLimits>;
  /** Bounds on images: 50 million pixels, 100 frames. What was recorded beside a picture is removed. */
  readonly image?: Partial<ImageOptions>;
}

export interface Uploads {
  readonly controls: readonly Control[];
  /** The `bodyBytes` of a route that receives: all files and fields at their largest. */
  readonly bodyBytes: number;
  /**
   * Receives the files of one request. All of them are stored, or none.
   *
   * @throws Refusal where a limit, a rule, the scanner or the storage says no; to be let through to the framework
   */
  receive(request: Exchange, options?: ReceiveOptions): Promise<ReceivedUpload>;
  /**
   * Asks the scanner again about a stored file. What it finds infected is to be withdrawn: `download` answers 410 for it.
   *
   * @returns `pending` where there is still no answer, also without a scanner
   * @throws what the storage throws, such as for a file that is not there
   */
  rescan(file: { readonly key: string; readonly bytes: number }): Promise<"clean" | "infected" | "pending">;
  /** Removes a file and gives its room back. */
  remove(file: { readonly key: string; readonly bytes: number }, tenantId?: string): Promise<void>;
}

/**
 * Receives files from multipart forms.
 *
 * @throws TypeError on an unknown option, kind or a limit that is none.
 * @example
 * const upload = uploads({ storage: localStorage({ root: "/srv/files" }), accept: ["pdf", "png", "docx"], scan: clamdScanner({ host: "clamd" }) });
 * app.post("/files", access(authenticated(), { bodyBytes: upload.bodyBytes }), async (request, response) => {
 *   const { files } = await upload.receive(requestOf(request));
 *   response.json(files);
 * });
 */
export function uploads(options: UploadsOptions): Uploads {
  rejectUnknownOptions("uploads", options, [
    ...UPLOAD_LIMIT_NAMES,
    "storage",
    "accept",
    "scan",
    "unscanned",
    "quota",
    "archive",
    "image",
  ]);
  const { storage, accept, scan, unscanned = "refuse", quota } = options;
  if (typeof storage?.quarantine !== "function")
    throw new TypeError('uploads() needs storage, such as localStorage({ root: "/srv/files" }).');
  if (unscanned !== "refuse" && unscanned !== "keep")
    throw new TypeError('uploads() needs unscanned as "refuse" or "keep".');
  const limits = readUploadLimits(options);
  const archive = archiveSafety(options.archive);
  const image = imageProcessing(options.image);
  const type = uploadType(accept, { archive: archive.limits, image: image.limits });
  const receiveAll = uploadPipeline({ storage, type, limits, scan, unscanned, quota });

  return {
    controls: [
      uploadLimitsControl(limits, quota),
      type.control,
      archive.control,
      image.control,
      malwareScanControl(scan),
      storage.control,
    ],
    bodyBytes: limits.maxFiles * (limits.maxBytes + 2048) + limits.maxFields * (MOST_FIELD_BYTES + 2048) + 4096,
    async receive(request, receiveOptions = {}) {
      rejectUnknownOptions("receive", receiveOptions, ["csrf"]);
      requireAdmitted(request, receiveOptions.csrf !== undefined);
      try {
        const received = await receiveAll(request, receiveOptions);
        for (const file of received.files) request.note(storedEvent(file));
        return received;
      } catch (error) {
        request.wire.body?.resume();
        throw error instanceof Refusal ? error : new Refusal(controlFailed("upload-limits", error));
      }
    },
    rescan: (file) => rescan(storage, scan, file),
    async remove({ key, bytes }, tenantId) {
      if (await storage.remove(key)) await quota?.release(tenantId ?? NO_TENANT, bytes);
    },
  };
}

/** Nothing may be written for a request that no rule has let in, nor for a form that another site could have sent. */
function requireAdmitted(request: Exchange, verifies: boolean): void {
  if (!request.entered || !request.decided)
    throw new Error("receive() runs in the handler of a route with an access rule, on requestOf(request).");
  if (request.route.csrfExempt !== undefined && request.session !== undefined && !verifies)
    throw new Error("This route is exempt from CSRF and the request has a session: pass csrf to receive().");
}

function storedEvent({ key, bytes, scan }: StoredUpload): AuditEvent {
  return {
    event_type: "upload",
    status: "succeeded",
    severity: scan === "pending" ? "warning" : "info",
    event: scan === "pending" ? "upload_pending" : "upload_stored",
    control: "upload-limits",
    resource_type: "file",
    resource_id: key,
    count: bytes,
  };
}

/** From a copy in quarantine, where a scanner finds a file as it found the first one, wherever the storage is. */
async function rescan(
  storage: UploadStore,
  scanner: MalwareScanner | undefined,
  { key, bytes: size }: { readonly key: string; readonly bytes: number },
): Promise<"clean" | "infected" | "pending"> {
  if (scanner === undefined) return "pending";
  const copy = await storage.quarantine();
  try {
    await pipeline(await storage.read(key), copy.stream);
    const { path } = copy;
    const read: UploadQuarantine["read"] = (position, length) =>
      copy.read(position, Math.max(0, Math.min(length, size - position)));
    const { kind } = await verdictOn(scanner, { path, size, read });
    return kind === "failed" ? "pending" : kind;
  } finally {
    await copy.discard();
  }
}
