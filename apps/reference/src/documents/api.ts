import { authenticated, hasRole } from "glacis";
import { access, requestOf } from "glacis/hono";
import type { Input } from "glacis/input";
import type { Context, Hono } from "hono";
import { invalid, notFound } from "../input.ts";
import { callerOf, userOf, type Services } from "../services.ts";
import type { Document, DocumentSummary } from "./documents.ts";
import {
  DocumentPatch,
  DocumentPath,
  ListQuery,
  NewDocumentBody,
  PreviewInput,
  ShareBody,
  SharePath,
} from "./input.ts";
import { WRITERS } from "./policy.ts";
import { previewRate, removeDocument } from "./routes.ts";

const reader = (input: Input<unknown>) => access(authenticated(), { kind: "api", input });
const writer = (input: Input<unknown>) => access(hasRole(...WRITERS), { kind: "api", input });

/** The same operations for programs: JSON in, JSON out, problem documents for what is refused. */
export function documentApi(app: Hono, services: Services): void {
  const { documents } = services;

  app.get("/api/documents", reader(ListQuery), async (c) => {
    const request = requestOf(c);
    const page = await documents.list(callerOf(request), ListQuery.of(request).query);
    return c.json({ documents: page.documents.map(summaryJson), next: page.next ?? null });
  });

  const creating = access(hasRole(...WRITERS), { kind: "api", controls: [services.once], input: NewDocumentBody });
  app.post("/api/documents", creating, async (c) => {
    const request = requestOf(c);
    const id = await documents.create(callerOf(request), NewDocumentBody.of(request).body);
    return c.json({ id }, 201, { location: `/api/documents/${id}` });
  });

  app.get("/api/documents/:id", reader(DocumentPath), async (c) => {
    const request = requestOf(c);
    const { id } = DocumentPath.of(request).params;
    const found = await documents.read(callerOf(request), id);
    return found === undefined ? notFound(id) : c.json(documentJson(found));
  });

  const update = async (c: Context): Promise<Response> => {
    const request = requestOf(c);
    const { params, body: sent } = DocumentPatch.of(request);
    const { title, body, link } = sent;
    const change = {
      ...(title !== undefined && { title }),
      ...(body !== undefined && { body }),
      ...(link !== undefined && { link }),
    };
    const result = await documents.change(callerOf(request), params.id, change);
    return result.kind === "changed" ? c.json({ ok: true, version: result.version }) : notFound(params.id);
  };
  app.put("/api/documents/:id", writer(DocumentPatch), (c) => update(c));
  app.patch("/api/documents/:id", writer(DocumentPatch), (c) => update(c));

  app.delete("/api/documents/:id", writer(DocumentPath), async (c) => {
    const request = requestOf(c);
    const { id } = DocumentPath.of(request).params;
    const removed = await removeDocument(services, callerOf(request), id);
    return removed ? c.json({ ok: true }) : notFound(id);
  });

  app.get("/api/documents/:id/shares", reader(DocumentPath), async (c) => {
    const request = requestOf(c);
    const shares = await documents.shares(userOf(request), DocumentPath.of(request).params.id);
    return shares === undefined ? notFound() : c.json({ shares });
  });

  app.post("/api/documents/:id/shares", writer(ShareBody), async (c) => {
    const request = requestOf(c);
    const { params, body } = ShareBody.of(request);
    const result = await documents.share(userOf(request), params.id, body);
    if (result === "not_found") notFound(params.id);
    if (result === "unknown_colleague") invalid("body", "userId", "There is no such colleague.");
    return c.json({ ok: true }, 201);
  });

  app.delete("/api/documents/:id/shares/:userId", writer(SharePath), async (c) => {
    const request = requestOf(c);
    const { id, userId } = SharePath.of(request).params;
    return (await documents.unshare(userOf(request), id, userId)) ? c.json({ ok: true }) : notFound();
  });
}

/** Asks for what stands behind a link. */
export function previewApi(app: Hono, { previews, limitStore }: Services): void {
  const asking = { kind: "api", controls: [previewRate(limitStore)], input: PreviewInput } as const;
  app.post("/api/preview", access(authenticated(), asking), async (c) => {
    const preview = await previews.read(PreviewInput.of(requestOf(c)).body.url);
    if (preview === "refused") invalid("body", "url", "This address cannot be asked for.");
    if (preview !== "no_answer") return c.json(preview);
    const problem = { type: "about:blank", title: "The site gave no answer.", status: 502, code: "no_answer" };
    return c.json(problem, 502, { "content-type": "application/problem+json" });
  });
}

/** Each field by name: a column that is added later does not appear by itself. */
function summaryJson(document: DocumentSummary) {
  const { id, title, excerpt, ownerId, ownerName, access: granted, createdAt, updatedAt } = document;
  return { id, title, excerpt, owner: { id: ownerId, name: ownerName }, access: granted, createdAt, updatedAt };
}

function documentJson(document: Document) {
  const { id, title, body, link, version, ownerId, ownerName, access: granted, createdAt, updatedAt } = document;
  return {
    id,
    title,
    body,
    link,
    version,
    owner: { id: ownerId, name: ownerName },
    access: granted,
    createdAt,
    updatedAt,
  };
}
