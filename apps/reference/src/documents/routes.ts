import { hasRole, tenantScope, type Control, type Exchange, type IdentifiedFacts, type User } from "glacis";
import { access, requestOf } from "glacis/hono";
import { rateLimit, type RateLimitStore } from "glacis/network";
import type { Hono } from "hono";
import { notFound, paramsOf } from "../input.ts";
import { forPeople } from "../page-access.ts";
import { frameOf, noticeOf, userOf, type Services } from "../services.ts";
import { BLANK, stateOf, type FormState } from "../views/form.ts";
import type { Document } from "./documents.ts";
import {
  DocumentForm,
  DocumentPage,
  DocumentPath,
  FIRST_PAGE,
  ListPage,
  NewDocumentForm,
  ShareForm,
  SharePath,
} from "./input.ts";
import { listPage } from "./list-page.ts";
import { deletePage, documentPage, editPage, type DocumentView } from "./pages.ts";
import { mayWith, WRITERS, type DocumentAction } from "./policy.ts";

const reader = forPeople();
const writer = forPeople(hasRole(...WRITERS));

/** The pages of documents. Each form answers with a redirect, or with itself and what is wrong. */
export function documentRoutes(app: Hono, services: Services): void {
  const { documents } = services;

  app.get("/documents", access(reader, { input: ListPage }), async (c) => {
    const request = requestOf(c);
    const taken = ListPage.of(request);
    // A link with a mistake in it shows the list as it is, rather than a wall; the API names the mistake.
    const asked = taken.ok ? taken.value.query : FIRST_PAGE;
    const page = await documents.list(userOf(request), asked);
    const frame = await frameOf(services, request);
    const view = { query: asked, page, mayWrite: mayWrite(request), notice: noticeOf(request) };
    return c.html(String(listPage(frame, view)), taken.ok ? 200 : 422);
  });

  app.get("/documents/new", access(writer), async (c) =>
    c.html(String(editPage(await frameOf(services, requestOf(c)), undefined, BLANK))),
  );

  app.post("/documents", access(writer, { input: NewDocumentForm }), async (c) => {
    const request = requestOf(c);
    const sent = NewDocumentForm.of(request);
    if (!sent.ok) {
      return c.html(String(editPage(await frameOf(services, request), undefined, stateOf(sent))), 422);
    }
    const id = await documents.create(userOf(request), sent.value.form);
    return c.redirect(`/documents/${id}?notice=created`, 303);
  });

  app.get("/documents/:id", access(reader, { input: DocumentPage }), async (c) => {
    const request = requestOf(c);
    const { id } = paramsOf(DocumentPage.of(request));
    return c.html(await viewPage(services, request, await demandDocument(services, request, id)));
  });

  app.get("/documents/:id/edit", access(writer, { input: DocumentPath }), async (c) => {
    const request = requestOf(c);
    const document = await demandPermitted(services, request, DocumentPath.of(request).params.id, "change");
    return c.html(String(editPage(await frameOf(services, request), document, valuesOf(document))));
  });

  app.post("/documents/:id", access(writer, { input: DocumentForm }), async (c) => {
    const request = requestOf(c);
    const sent = DocumentForm.of(request);
    const document = await demandPermitted(services, request, paramsOf(sent).id, "change");
    const again = async (state: FormState): Promise<string> =>
      String(editPage(await frameOf(services, request), document, state));
    if (!sent.ok) return c.html(await again(stateOf(sent)), 422);
    const { version, ...change } = sent.value.form;
    const result = await documents.change(userOf(request), document.id, change, version);
    if (result.kind === "not_found") return notFound();
    if (result.kind === "changed") return c.redirect(`/documents/${document.id}?notice=saved`, 303);
    const values = { ...textsOf(change), version: String(result.current.version) };
    const errors = {
      "": "Somebody else saved this document while you were writing. Your text is below; saving again replaces theirs.",
    };
    return c.html(await again({ values, errors }), 409);
  });

  const asking = { controls: [previewRate(services.limitStore)], input: DocumentPath };
  app.post("/documents/:id/preview", access(reader, asking), async (c) => {
    const request = requestOf(c);
    const document = await demandDocument(services, request, DocumentPath.of(request).params.id);
    const preview = document.link === null ? notFound() : await services.previews.read(document.link);
    return c.html(await viewPage(services, request, document, { preview }));
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

  app.get("/documents/:id/delete", access(writer, { input: DocumentPath }), async (c) => {
    const request = requestOf(c);
    const document = await demandPermitted(services, request, DocumentPath.of(request).params.id, "remove");
    return c.html(String(deletePage(await frameOf(services, request), document)));
  });

  app.post("/documents/:id/delete", access(writer, { input: DocumentPath }), async (c) => {
    const request = requestOf(c);
    const { id } = await demandPermitted(services, request, DocumentPath.of(request).params.id, "remove");
    if (!(await removeDocument(services, userOf(request), id))) notFound();
    return c.redirect("/documents?notice=deleted", 303);
  });

  app.post("/documents/:id/shares", access(writer, { input: ShareForm }), async (c) => {
    const request = requestOf(c);
    const sent = ShareForm.of(request);
    const document = await demandPermitted(services, request, paramsOf(sent).id, "share");
    if (!sent.ok) return c.html(await viewPage(services, request, document, { shareState: stateOf(sent) }), 422);
    const result = await documents.share(userOf(request), document.id, sent.value.form);
    if (result === "shared") return c.redirect(`/documents/${document.id}?notice=shared`, 303);
    const shareState = { values: {}, errors: { userId: "Choose a colleague." } };
    return c.html(await viewPage(services, request, document, { shareState }), 422);
  });

  app.post("/documents/:id/shares/:userId/remove", access(writer, { input: SharePath }), async (c) => {
    const request = requestOf(c);
    const { params } = SharePath.of(request);
    const { id } = await demandPermitted(services, request, params.id, "share");
    if (!(await documents.unshare(userOf(request), id, params.userId))) notFound();
    return c.redirect(`/documents/${id}?notice=unshared`, 303);
  });
}

async function demandDocument(services: Services, request: Exchange, id: string): Promise<Document> {
  return (await services.documents.read(userOf(request), id)) ?? notFound(id);
}

/** Readers of a shared document know that it exists; for them and for strangers alike there is nothing to do here. */
export async function demandPermitted(
  services: Services,
  request: Exchange,
  id: string,
  action: DocumentAction,
): Promise<Document> {
  const document = await demandDocument(services, request, id);
  return mayWith(userOf(request), action, document) ? document : notFound(id);
}

export async function viewPage(
  services: Services,
  request: Exchange,
  document: Document,
  result: Pick<DocumentView, "shareState" | "attachmentState" | "preview"> = {},
): Promise<string> {
  const user = userOf(request);
  const shares = mayWith(user, "audience", document) ? await services.documents.shares(user, document.id) : undefined;
  const everybody = shares === undefined ? [] : await services.accounts.people(tenantScope(user));
  const sharing = shares && { shares, colleagues: everybody.filter(({ id }) => id !== user.id) };
  const files = (await services.attachments.list(user, document.id)) ?? [];
  const frame = await frameOf(services, request);
  const notice = Object.keys(result).length === 0 ? noticeOf(request) : undefined;
  const view = { document, sharing, files, mayWrite: mayWrite(request), notice, ...result };
  return String(documentPage(frame, view));
}

function mayWrite(request: Exchange): boolean {
  const { roles, actor } = userOf(request);
  // Support reads.
  return actor === undefined && roles.some((role) => (WRITERS as readonly string[]).includes(role));
}

function valuesOf({ title, body, link, version }: Document): FormState {
  return { values: { title, body, link: link ?? "", version: String(version) }, errors: {} };
}

function textsOf(change: { readonly title: string; readonly body: string; readonly link?: string | null | undefined }) {
  return { title: change.title, body: change.body, link: change.link ?? "" };
}
