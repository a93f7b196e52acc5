/** Files from users: streamed into quarantine within limits, judged, scanned, and only then given a key (catalog upload-limits, upload-type). */
import type { Control } from "../core/control.ts";
import { Refusal } from "../core/error-reason.ts";
import type { AuditEvent } from "../core/event.ts";
import type { Exchange } from "../core/exchange.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { controlFailed } from "../core/pipeline.ts";
import { archiveSafety } from "./archive-safety.ts";
import { imageProcessing } from "./image-processing.ts";
import { malwareScanControl, type MalwareScanner } from "./malware-scan.ts";
import type { ArchiveLimits } from "./upload-archive.ts";
import type { ImageLimits } from "./upload-image.ts";
import type { UploadKindName } from "./upload-kind.ts";
import { readUploadLimits, UPLOAD_LIMIT_NAMES, uploadLimitsControl, type UploadLimits } from "./upload-limits.ts";
import { MOST_FIELD_BYTES } from "./upload-parts.ts";
import {
  NO_TENANT,
  uploadPipeline,
  type ReceivedUpload,
  type ReceiveOptions,
  type UploadStore,
} from "./upload-pipeline.ts";
import type { UploadQuota } from "./upload-quota.ts";
import { uploadType } from "./upload-type.ts";

export interface UploadsOptions extends Partial<UploadLimits> {
  readonly storage: UploadStore;
  /** The kinds to accept, such as `["pdf", "png", "docx"]`. */
  readonly accept: readonly UploadKindName[];
  readonly scan?: MalwareScanner;
  readonly quota?: UploadQuota;
  /** Bounds on archives and Office documents: 1000 entries, 100 MiB, ratio 100. */
  readonly archive?: Partial<ArchiveLimits>;
  /** Bounds on images: 50 million pixels, 100 frames. */
  readonly image?: Partial<ImageLimits>;
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
    "quota",
    "archive",
    "image",
  ]);
  const { storage, accept, scan, quota } = options;
  if (typeof storage?.quarantine !== "function")
    throw new TypeError('uploads() needs storage, such as localStorage({ root: "/srv/files" }).');
  const limits = readUploadLimits(options);
  const archive = archiveSafety(options.archive);
  const image = imageProcessing(options.image);
  const type = uploadType(accept, { archive: archive.limits, image: image.limits });
  const receiveAll = uploadPipeline({ storage, type, limits, scan, quota });

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
        for (const { key, bytes } of received.files) request.note(storedEvent(key, bytes));
        return received;
      } catch (error) {
        request.wire.body?.resume();
        throw error instanceof Refusal ? error : new Refusal(controlFailed("upload-limits", error));
      }
    },
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

function storedEvent(key: string, bytes: number): AuditEvent {
  return {
    event_type: "upload",
    status: "succeeded",
    severity: "info",
    event: "upload_stored",
    control: "upload-limits",
    resource_type: "file",
    resource_id: key,
    count: bytes,
  };
}
