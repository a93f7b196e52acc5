import { authenticated, hasRole, REASONS, Refusal, type Exchange, type Reason } from "glacis";
import { access, requestOf } from "glacis/hono";
import { url } from "glacis/input";
import type { Context, Hono } from "hono";
import { Readable } from "node:stream";
import { notFound } from "../input.ts";
import { DocumentPath } from "../documents/input.ts";
import { WRITERS } from "../documents/policy.ts";
import { demandPermitted, viewPage } from "../documents/routes.ts";
import { forPeople } from "../page-access.ts";
import { frameOf, userOf, type Services } from "../services.ts";
import { attach, detach, FILE_FIELD, handOut } from "./actions.ts";
import type { AttachedFile } from "./attachments.ts";
import { AttachmentOfDocument, FileLink } from "./input.ts";
import { removePage, RULES } from "./pages.ts";

const reader = forPeople();
const writer = forPeople(hasRole(...WRITERS));

/** Files of a document, for people: each form answers with a redirect, or with the document and what is wrong. */
export function attachmentRoutes(app: Hono, services: Services): void {
  const { attachments, csrf, files } = services;
  const receiving = access(writer, {
    bodyBytes: files.upload.bodyBytes,
    controls: [files.rate],
    input: DocumentPath,
    csrfExempt: "the token is the first field of the multipart form, which the handler verifies",
  });

  app.post("/documents/:id/attachments", receiving, async (c) => {
    const request = requestOf(c);
    const document = await demandPermitted(services, request, DocumentPath.of(request).params.id, "change");
    try {
      await attach(services, request, document.id, {
        csrf: (token) => csrf.verify(request, token ?? request.header("x-csrf-token")),
      });
    } catch (error) {
      const problem = problemOf(error, request);
      const attachmentState = { values: {}, errors: { [FILE_FIELD]: problem.message } };
      return c.html(await viewPage(services, request, document, { attachmentState }), problem.status);
    }
    return c.redirect(`/documents/${document.id}?notice=attached`, 303);
  });

  app.get("/documents/:id/attachments/:attachmentId", access(reader, { input: AttachmentOfDocument }), async (c) => {
    const request = requestOf(c);
    const { storageKey: key, name: filename } = await demandFile(services, request);
    const link = files.links.mint({ key, filename }, userOf(request).id);
    return c.redirect(String(url`/files?link=${link}`), 303);
  });

  // A link lives for a minute and works for whom it was made. Whether he may still have the file is asked again.
  app.get("/files", access(authenticated(), { kind: "download", input: FileLink }), async (c) => {
    const request = requestOf(c);
    const user = userOf(request);
    const taken = FileLink.of(request);
    const ticket = (taken.ok && files.links.redeem(taken.value.query.link, user.id)) || notFound();
    const file = (await attachments.findByKey(user, ticket.key)) ?? notFound();
    return fileResponse(c, await handOut(services, request, file));
  });

  app.get(
    "/documents/:id/attachments/:attachmentId/remove",
    access(writer, { input: AttachmentOfDocument }),
    async (c) => {
      const request = requestOf(c);
      const file = await demandRemovable(services, request);
      return c.html(String(removePage(await frameOf(services, request), file)));
    },
  );

  app.post(
    "/documents/:id/attachments/:attachmentId/remove",
    access(writer, { input: AttachmentOfDocument }),
    async (c) => {
      const request = requestOf(c);
      const { id, documentId } = await demandRemovable(services, request);
      if (!(await detach(services, request, id))) notFound();
      return c.redirect(`/documents/${documentId}?notice=detached`, 303);
    },
  );
}

export function fileResponse(c: Context, { status, headers, body }: Awaited<ReturnType<typeof handOut>>): Response {
  const fields = Object.fromEntries(headers);
  if (body === undefined) return c.body(null, status, fields);
  return c.body(Readable.toWeb(body as Readable) as ReadableStream, status, fields);
}

async function demandFile(services: Services, request: Exchange): Promise<AttachedFile> {
  const { id, attachmentId } = AttachmentOfDocument.of(request).params;
  const file = await services.attachments.find(userOf(request), attachmentId);
  return file?.documentId === id ? file : notFound();
}

async function demandRemovable(services: Services, request: Exchange): Promise<AttachedFile> {
  const file = await demandFile(services, request);
  return file.removable ? file : notFound();
}

const MIB = 1024 * 1024;
const inMegabytes = (bytes: number): string => `${Math.floor(bytes / MIB)} MB (${bytes} bytes)`;

const LIMITS: Readonly<Record<string, (limit: number) => string>> = {
  maxBytes: (limit) => `The file is larger than ${inMegabytes(limit)}.`,
  maxFiles: (limit) => `Send ${limit === 1 ? "one file" : `${limit} files`} at a time.`,
  filesPerDocument: (limit) => `A document has room for ${limit} files. Remove one that nobody needs.`,
};

/** What people can put right themselves stands beside the field; everything else is a page of its own. */
const SAID: Partial<Record<Reason, (name: string, limit: number) => string>> = {
  upload_refused: () =>
    `This file is not of a kind that can be added, or it is not what its name says. Choose ${RULES}`,
  upload_infected: () => "This file was found to be harmful. It was not kept.",
  upload_limit_exceeded: (name, limit) => LIMITS[name]?.(limit) ?? `Here ${name} is at most ${limit}.`,
  upload_quota_exceeded: (_, limit) =>
    `There is no room left in your workspace, which has ${inMegabytes(limit)}. Remove files that nobody needs.`,
  input_invalid: () => "Choose one file.",
};

function problemOf(error: unknown, request: Exchange): { readonly message: string; readonly status: 413 | 422 } {
  if (!(error instanceof Refusal)) throw error;
  const { reason, events, members = {} } = error.decision;
  const { limit_name: name = "", limit = 0 } = members as { readonly limit_name?: string; readonly limit?: number };
  const say = SAID[reason];
  if (say === undefined) throw error;
  for (const event of events) request.note(event);
  return { message: say(name, limit), status: REASONS[reason].status as 413 | 422 };
}
