/** What a refused upload becomes: one reason for the client with the limit's name and number, one event for the log. */
import { auditEvent } from "../core/event-entry.ts";
import { deny } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import type { EventKey } from "../core/event.ts";
import type { Reason } from "../core/reasons.ts";
import type { UploadFault, UploadLimit } from "./upload-fault.ts";

export function refusedFile({ code, limit }: UploadFault): Refusal {
  const control = code.startsWith("archive_")
    ? "archive-safety"
    : code.startsWith("image_")
      ? "image-processing"
      : "upload-type";
  return refuse("upload_refused", control, code, limit);
}

export function limitExceeded(name: string, value: number): Refusal {
  return refuse("upload_limit_exceeded", "upload-limits", name, { name, value });
}

export function quotaExceeded(value: number): Refusal {
  return refuse("upload_quota_exceeded", "upload-limits", "quota", { name: "quota.bytes", value });
}

export function tooSlow(name: string, value: number): Refusal {
  return refuse("request_timeout", "upload-limits", name, { name, value });
}

export function malformed(detail: string): Refusal {
  return refuse("body_malformed", "upload-limits", detail);
}

/** The client went away. Nobody reads the answer; the log shows what became of it. */
export function aborted(): Refusal {
  return refuse("body_malformed", "upload-limits", "aborted");
}

export function notMultipart(): Refusal {
  return refuse("media_type_unsupported", "upload-limits", "media_type");
}

export function infected(scanner: string): Refusal {
  return refuse("upload_infected", "malware-scan", scanner);
}

/** The scanner has no answer: nobody may have the file, and the client may try again. */
export function unscanned(cause: string): Refusal {
  return refuse("control_failed", "malware-scan", cause);
}

function refuse(reason: Reason, control: string, detail: string, limit?: UploadLimit): Refusal {
  const event = auditEvent(keyOf(reason), {
    control,
    reason,
    detail,
    ...(limit !== undefined && { limit: limit.value }),
  });
  const members = limit === undefined ? {} : { members: { limit_name: limit.name, limit: limit.value } };
  return new Refusal(deny(reason, event, { why: `The upload was refused by ${control}: ${detail}.`, ...members }));
}

function keyOf(reason: Reason): EventKey {
  if (reason === "upload_infected") return "upload/malicious_upload/refused";
  return reason === "control_failed" ? "upload/upload_validation/failed" : "upload/upload_validation/refused";
}
