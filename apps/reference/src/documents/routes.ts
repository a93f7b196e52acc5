import {
  authenticated,
  hasRole,
  signInFirst,
  tenantScope,
  type Control,
  type IdentifiedFacts,
  type User,
} from "glacis";
import { access, requestOf } from "glacis/hono";
import { rateLimit, type RateLimitStore } from "glacis/network";
import type { Context, Hono } from "hono";
import { notFound, readBody, readQuery, type Read } from "../input.ts";
import { frameOf, noticeOf, userOf, type Services } from "../services.ts";
import { BLANK, type FormState } from "../views/form.ts";
import type { Document } from "./documents.ts";
import { DocumentForm, DocumentId, ListQuery, NewDocument, ShareInput } from "./input.ts";
import { listPage } from "./list-page.ts";
import { deletePage, documentPage, editPage, type DocumentView } from "./pages.ts";
import { mayWith, WRITERS, type DocumentAction } from "./policy.ts";

const reader = signInFirst("/sign-in", authenticated());
const writer = signInFirst("/sign-in", hasRole(...WRITERS));

/** The pages of documents. Each form answers with a redirect, or with itself and what is wrong. */
export function documentRoutes(app: Hono, services: Services): void {
  const { documents } = services;

  app.get("/documents", access(reader), async (c) => {
    const request = requestOf(c);
    const query = readQuery(request, ListQuery);
    // A link with a mistake in it shows the list as it is, rather than a wall; the API names the mistake.
    const asked = query.ok ? query.value : ListQuery.parse({});
    const page = await documents.list(userOf(request), asked);
    const frame = await frameOf(services, request);
    const view = { query: asked, page, mayWrite: mayWrite(c), notice: noticeOf(request) };
    return c.html(String(listPage(frame, view)), query.ok ? 200 : 422);
  });

  app.get("/documents/new", access(writer), async (c) =>
    c.html(String(editPage(await frameOf(services, requestOf(c)), undefined, BLANK))),
  );

  app.post("/documents", access(writer), async (c) => {
    const request = requestOf(c);
    const form = readBody(request, NewDocument);
    if (!form.ok) {
      return c.html(String(editPage(await frameOf(services, request), undefined, form)), 422);
    }
    const id = await documents.create(userOf(request), form.value);
    return c.redirect(`/documents/${id}?notice=created`, 303);
  });

  app.get("/documents/:id", access(reader), async (c) =>
    c.html(await viewPage(services, c, await demandDocument(services, c))),
  );

  app.get("/documents/:id/edit", access(writer), async (c) => {
    const document = await demandPermitted(services, c, "change");
    return c.html(String(editPage(await frameOf(services, requestOf(c)), document, stateOf(document))));
  });

  app.post("/documents/:id", access(writer), async (c) => {
    const request = requestOf(c);
    const document = await demandPermitted(services, c, "change");
    const form = readBody(request, DocumentForm);
    const again = async (state: FormState): Promise<string> =>
      String(editPage(await frameOf(services, request), document, state));
    if (!form.ok) return c.html(await again(form), 422);
    const { version, ...change } = form.value;
    const result = await documents.change(userOf(request), document.id, change, version);
    if (result.kind === "not_found") return notFound();
    if (result.kind === "changed") return c.redirect(`/documents/${document.id}?notice=saved`, 303);
    const values = { ...textsOf(change), version: String(result.current.version) };
    const errors = {
      "": "Somebody else saved this document while you were writing. Your text is below; saving again replaces theirs.",
    };
    return c.html(await again({ values, errors }), 409);
  });

  app.post("/documents/:id/preview", access(reader, { controls: [previewRate(services.limitStore)] }), async (c) => {
    const document = await demandDocument(services, c);
    const preview = document.link === null ? notFound() : await services.previews.read(document.link);
    return c.html(await viewPage(services, c, document, { preview }));
  });

  ownerRoutes(app, services);
}

/** Its files go with it. @returns false when there is nothing that this user may delete */
export async function removeDocument({ documents, fileTasks }: Services, user: User, id: string): Promise<boolean> {
  if (!(await documents.remove(user, id))) return false;
  await fileTasks.run(user.tenantId);
  return true;
}

/** Each preview is a request to somebody else's server. */
export function previewRate(store: RateLimitStore): Control<IdentifiedFacts> {
  return rateLimit({ name: "preview", rates: "30/m", by: "user", store });
}

/** What only the owner of a document may do: delete it, and share it. */
function ownerRoutes(app: Hono, services: Services): void {
  const { documents } = services;

  app.get("/documents/:id/delete", access(writer), async (c) => {
    const document = await demandPermitted(services, c, "remove");
    return c.html(String(deletePage(await frameOf(services, requestOf(c)), document)));
  });

  app.post("/documents/:id/delete", access(writer), async (c) => {
    const { id } = await demandPermitted(services, c, "remove");
    if (!(await removeDocument(services, userOf(requestOf(c)), id))) notFound();
    return c.redirect("/documents?notice=deleted", 303);
  });

  app.post("/documents/:id/shares", access(writer), async (c) => {
    const document = await demandPermitted(services, c, "share");
    const form: Read<ShareInput> = readBody(requestOf(c), ShareInput);
    if (!form.ok) return c.html(await viewPage(services, c, document, { shareState: form }), 422);
    const result = await documents.share(userOf(requestOf(c)), document.id, form.value);
    if (result === "shared") return c.redirect(`/documents/${document.id}?notice=shared`, 303);
    return c.html(
      await viewPage(services, c, document, { shareState: { values: {}, errors: { userId: "Choose a colleague." } } }),
      422,
    );
  });

  app.post("/documents/:id/shares/:userId/remove", access(writer), async (c) => {
    const { id } = await demandPermitted(services, c, "share");
    const userId = DocumentId.safeParse(c.req.param("userId"));
    if (!userId.success || !(await documents.unshare(userOf(requestOf(c)), id, userId.data))) notFound();
    return c.redirect(`/documents/${id}?notice=unshared`, 303);
  });
}

async function demandDocument(services: Services, c: Context): Promise<Document> {
  const id = DocumentId.safeParse(c.req.param("id"));
  const found = id.success ? await services.documents.read(userOf(requestOf(c)), id.data) : undefined;
  return found ?? notFound();
}

/** Readers of a shared document know that it exists; for them and for strangers alike there is nothing to do here. */
export async function demandPermitted(services: Services, c: Context, action: DocumentAction): Promise<Document> {
  const document = await demandDocument(services, c);
  return mayWith(userOf(requestOf(c)), action, document) ? document : notFound();
}

export async function viewPage(
  services: Services,
  c: Context,
  document: Document,
  result: Pick<DocumentView, "shareState" | "attachmentState" | "preview"> = {},
): Promise<string> {
  const request = requestOf(c);
  const user = userOf(request);
  const shares = mayWith(user, "audience", document) ? await services.documents.shares(user, document.id) : undefined;
  const everybody = shares === undefined ? [] : await services.accounts.people(tenantScope(user));
  const sharing = shares && { shares, colleagues: everybody.filter(({ id }) => id !== user.id) };
  const files = (await services.attachments.list(user, document.id)) ?? [];
  const frame = await frameOf(services, request);
  const notice = Object.keys(result).length === 0 ? noticeOf(request) : undefined;
  const view = { document, sharing, files, mayWrite: mayWrite(c), notice, ...result };
  return String(documentPage(frame, view));
}

function mayWrite(c: Context): boolean {
  return userOf(requestOf(c)).roles.some((role) => (WRITERS as readonly string[]).includes(role));
}

function stateOf({ title, body, link, version }: Document): FormState {
  return { values: { title, body, link: link ?? "", version: String(version) }, errors: {} };
}

function textsOf(change: { readonly title: string; readonly body: string; readonly link?: string | null | undefined }) {
  return { title: change.title, body: change.body, link: change.link ?? "" };
}
