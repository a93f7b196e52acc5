import { authenticated, hasRole } from "glacis";
import { access, requestOf } from "glacis/hono";
import type { Hono } from "hono";
import { DocumentPath } from "../documents/input.ts";
import { mayWith, WRITERS } from "../documents/policy.ts";
import { notFound } from "../input.ts";
import { userOf, type Services } from "../services.ts";
import { attach, detach, handOut } from "./actions.ts";
import type { Attachment } from "./attachments.ts";
import { AttachmentPath } from "./input.ts";
import { fileResponse } from "./routes.ts";

const reader = access(authenticated(), { kind: "api", input: DocumentPath });
const writer = access(hasRole(...WRITERS), { kind: "api", input: AttachmentPath });

/** Files of a document, for programs: one file in the field `file` of a multipart form, the token in the header. */
export function attachmentApi(app: Hono, services: Services): void {
  const { attachments, documents, files } = services;
  const { rate, upload } = files;
  const receiving = access(hasRole(...WRITERS), {
    kind: "api",
    bodyBytes: upload.bodyBytes,
    controls: [rate],
    input: DocumentPath,
  });
  const handing = access(authenticated(), { kind: "download", input: AttachmentPath });

  app.get("/api/documents/:id/attachments", reader, async (c) => {
    const request = requestOf(c);
    const list = (await attachments.list(userOf(request), DocumentPath.of(request).params.id)) ?? notFound();
    return c.json({ attachments: list.map(attachmentJson) });
  });

  app.post("/api/documents/:id/attachments", receiving, async (c) => {
    const request = requestOf(c);
    const document = await documents.read(userOf(request), DocumentPath.of(request).params.id);
    if (document === undefined || !mayWith(userOf(request), "change", document)) return notFound();
    const added = await attach(services, request, document.id);
    return c.json(attachmentJson(added), 201, { location: `/api/attachments/${added.id}` });
  });

  app.get("/api/attachments/:id", handing, async (c) => {
    const request = requestOf(c);
    const file = (await attachments.find(userOf(request), AttachmentPath.of(request).params.id)) ?? notFound();
    return fileResponse(c, await handOut(services, request, file));
  });

  app.delete("/api/attachments/:id", writer, async (c) => {
    const request = requestOf(c);
    return (await detach(services, request, AttachmentPath.of(request).params.id)) ? c.json({ ok: true }) : notFound();
  });
}

/** Each field by name: where a file lies is nobody's business. */
function attachmentJson({ id, documentId, name, mediaType, bytes, sha256, scan, addedBy, createdAt }: Attachment) {
  return { id, documentId, name, mediaType, bytes, sha256, scan, addedBy, createdAt };
}
