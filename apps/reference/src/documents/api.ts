import { authenticated, hasRole } from "glacis";
import { access, requestOf } from "glacis/hono";
import type { Context, Hono } from "hono";
import { demand, notFound, readBody, readQuery } from "../input.ts";
import { userOf, type Services } from "../services.ts";
import type { Document, DocumentSummary } from "./documents.ts";
import { DocumentId, DocumentPatch, ListQuery, NewDocument, PreviewInput, ShareInput } from "./input.ts";
import { WRITERS } from "./policy.ts";
import { previewRate, removeDocument } from "./routes.ts";

const reader = access(authenticated(), { kind: "api" });
const writer = access(hasRole(...WRITERS), { kind: "api" });

/** The same operations for programs: JSON in, JSON out, problem documents for what is refused. */
export function documentApi(app: Hono, services: Services): void {
  const { documents } = services;

  app.get("/api/documents", reader, async (c) => {
    const request = requestOf(c);
    const page = await documents.list(userOf(request), demand(readQuery(request, ListQuery)));
    return c.json({ documents: page.documents.map(summaryJson), next: page.next ?? null });
  });

  app.post("/api/documents", writer, async (c) => {
    const request = requestOf(c);
    const id = await documents.create(userOf(request), demand(readBody(request, NewDocument)));
    return c.json({ id }, 201, { location: `/api/documents/${id}` });
  });

  app.get("/api/documents/:id", reader, async (c) => {
    const found = await documents.read(userOf(requestOf(c)), idOf(c));
    return found === undefined ? notFound() : c.json(documentJson(found));
  });

  const update = async (c: Context): Promise<Response> => {
    const request = requestOf(c);
    const { title, body, link } = demand(readBody(request, DocumentPatch));
    const change = {
      ...(title !== undefined && { title }),
      ...(body !== undefined && { body }),
      ...(link !== undefined && { link }),
    };
    const result = await documents.change(userOf(request), idOf(c), change);
    return result.kind === "changed" ? c.json({ ok: true, version: result.version }) : notFound();
  };
  app.put("/api/documents/:id", writer, (c) => update(c));
  app.patch("/api/documents/:id", writer, (c) => update(c));

  app.delete("/api/documents/:id", writer, async (c) =>
    (await removeDocument(services, userOf(requestOf(c)), idOf(c))) ? c.json({ ok: true }) : notFound(),
  );

  app.get("/api/documents/:id/shares", reader, async (c) => {
    const shares = await documents.shares(userOf(requestOf(c)), idOf(c));
    return shares === undefined ? notFound() : c.json({ shares });
  });

  app.post("/api/documents/:id/shares", writer, async (c) => {
    const request = requestOf(c);
    const result = await documents.share(userOf(request), idOf(c), demand(readBody(request, ShareInput)));
    if (result === "not_found") notFound();
    if (result === "unknown_colleague") {
      demand({ ok: false, errors: { userId: "There is no such colleague." }, values: {} });
    }
    return c.json({ ok: true }, 201);
  });

  app.delete("/api/documents/:id/shares/:userId", writer, async (c) =>
    (await documents.unshare(userOf(requestOf(c)), idOf(c), idOf(c, "userId"))) ? c.json({ ok: true }) : notFound(),
  );
}

/** Asks for what stands behind a link. */
export function previewApi(app: Hono, { previews, limitStore }: Services): void {
  app.post("/api/preview", access(authenticated(), { kind: "api", controls: [previewRate(limitStore)] }), async (c) => {
    const preview = await previews.read(demand(readBody(requestOf(c), PreviewInput)).url);
    if (preview === "refused") demand({ ok: false, errors: { url: "This address cannot be asked for." }, values: {} });
    if (preview !== "no_answer") return c.json(preview);
    const problem = { type: "about:blank", title: "The site gave no answer.", status: 502, code: "no_answer" };
    return c.json(problem, 502, { "content-type": "application/problem+json" });
  });
}

function idOf(c: Context, name: "id" | "userId" = "id"): string {
  const id = DocumentId.safeParse(c.req.param(name));
  return id.success ? id.data : notFound();
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
