import { deny, Refusal, type Exchange } from "glacis";
import { download, inputRefusal, type DownloadResponse, type ReceiveOptions, type StoredUpload } from "glacis/input";
import { notFound } from "../input.ts";
import { userOf, type Services } from "../services.ts";
import { MOST_FILES, type AttachedFile, type Attachment } from "./attachments.ts";

/** The one field of the form, beside the token. */
export const FILE_FIELD = "file";

/**
 * Receives a file for a document that the user may edit. It is kept with its row, or not at all.
 *
 * @throws Refusal for whatever the library refuses, 404 where there is no such document any more, 413 where it has enough files
 */
export async function attach(
  services: Services,
  request: Exchange,
  documentId: string,
  options: ReceiveOptions = {},
): Promise<Attachment> {
  const { attachments, files, fileTasks } = services;
  const user = userOf(request);
  const { files: received, fields } = await files.upload.receive(request, options);
  const [file] = received as [StoredUpload];
  try {
    const stray = [...fields.keys(), ...(file.field === FILE_FIELD ? [] : [file.field])];
    if (stray.length > 0)
      throw inputRefusal(stray.map((name) => ({ in: "form", path: [name], message: "This field does not exist." })));
    const added = await attachments.add(user, documentId, file);
    if (added === "not_found") notFound();
    if (added === "full") throw full();
    return added;
  } catch (error) {
    await fileTasks.withdraw(file.key, user.tenantId);
    throw error;
  }
}

/** @returns false when there is nothing that this user may remove */
export async function detach({ attachments, fileTasks }: Services, request: Exchange, id: string): Promise<boolean> {
  const user = userOf(request);
  if (!(await attachments.remove(user, id))) return false;
  await fileTasks.run(user.tenantId);
  return true;
}

/** The file itself, to be saved. Who may have it has been asked. */
export async function handOut(
  { files: { storage } }: Services,
  request: Exchange,
  { storageKey: key, name: filename, scan, id }: AttachedFile,
): Promise<DownloadResponse> {
  const answer = await download(request, storage, { key, filename, scan });
  request.note({
    event_type: "data_access",
    status: "succeeded",
    severity: "info",
    event: "file_downloaded",
    control: "download-safety",
    resource_type: "attachment",
    resource_id: id,
  });
  return answer;
}

function full(): Refusal {
  const event = {
    event_type: "upload",
    status: "refused",
    severity: "warning",
    event: "upload_validation",
    control: "upload-limits",
    reason: "upload_limit_exceeded",
    detail: "filesPerDocument",
    limit: MOST_FILES,
  } as const;
  return new Refusal(
    deny("upload_limit_exceeded", event, { members: { limit_name: "filesPerDocument", limit: MOST_FILES } }),
  );
}
