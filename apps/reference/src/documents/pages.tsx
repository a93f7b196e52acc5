import type { Person } from "../accounts/accounts.ts";
import { BLANK, CsrfField, ErrorSummary, Field, Select, TextArea, type FormState } from "../views/form.tsx";
import { Icon } from "../views/icons.tsx";
import { Layout, type Frame } from "../views/layout.tsx";
import { Time } from "../views/time.tsx";
import type { Access, Document, DocumentSummary, Page, Share } from "./documents.ts";
import { SORTS, type ListQuery } from "./input.ts";

const SORT_LABELS = { updated: "Last changed", created: "Newest", title: "Title" } as const;

export interface ListPageProps {
  readonly frame: Frame;
  readonly query: ListQuery;
  readonly page: Page;
  readonly mayWrite: boolean;
  readonly notice: string | undefined;
}

export function ListPage({ frame, query, page, mayWrite, notice }: ListPageProps) {
  const searching = query.q !== "";
  return (
    <Layout frame={frame} title="Documents" section="/documents" notice={notice}>
      <div class="page-head">
        <div>
          <h1>Documents</h1>
          <p class="lead">What you have written, and what colleagues share with you.</p>
        </div>
        {mayWrite && <NewButton />}
      </div>
      <form class="toolbar" method="get" action="/documents" role="search">
        <Field state={{ values: { q: query.q }, errors: {} }} name="q" label="Search" type="search" maxlength={200} />
        <div class="field sort">
          <label for="sort">Sort by</label>
          <select id="sort" name="sort">
            {SORTS.map((sort) => (
              <option value={sort} selected={sort === query.sort}>
                {SORT_LABELS[sort]}
              </option>
            ))}
          </select>
        </div>
        <button class="button quiet" type="submit">
          <Icon name="search" />
          Show
        </button>
      </form>
      {page.documents.length === 0 ? (
        <Empty searching={searching} mayWrite={mayWrite} />
      ) : (
        <ul class="list" aria-label={searching ? `Documents that contain ${query.q}` : "Documents"}>
          {page.documents.map((document) => (
            <Row document={document} />
          ))}
        </ul>
      )}
      <Pager query={query} next={page.next} />
    </Layout>
  );
}

function NewButton() {
  return (
    <a class="button" href="/documents/new">
      <Icon name="plus" />
      New document
    </a>
  );
}

function Row({ document }: { document: DocumentSummary }) {
  return (
    <li>
      <div>
        <h2>
          <a href={`/documents/${document.id}`}>{document.title}</a>
        </h2>
        <p class="excerpt">{document.excerpt === "" ? "No text yet" : document.excerpt}</p>
      </div>
      <div class="meta">
        <p>
          <AccessBadge access={document.access} ownerName={document.ownerName} />
        </p>
        <p>
          <Time at={document.updatedAt} />
        </p>
      </div>
    </li>
  );
}

function AccessBadge({ access, ownerName }: { access: Access; ownerName: string }) {
  if (access === "owner") return <span class="badge plain">Yours</span>;
  return <span class="badge">{`${ownerName} · ${access === "edit" ? "can edit" : "can view"}`}</span>;
}

function Empty({ searching, mayWrite }: { searching: boolean; mayWrite: boolean }) {
  return (
    <div class="sheet empty stack">
      <Icon name="sheet" />
      <h2>{searching ? "Nothing matches" : "A clean desk"}</h2>
      <p class="lead narrow">
        {searching
          ? "Try fewer or other words."
          : "There is nothing here yet. Write the first document, or wait for a colleague to share one."}
      </p>
      {searching ? (
        <a class="button quiet" href="/documents">
          Show all documents
        </a>
      ) : (
        mayWrite && <NewButton />
      )}
    </div>
  );
}

function Pager({ query, next }: { query: ListQuery; next: string | undefined }) {
  if (next === undefined && query.after === undefined) return null;
  const to = (after: string | undefined): string => {
    const parameters = new URLSearchParams({ q: query.q, sort: query.sort, ...(after !== undefined && { after }) });
    return `/documents?${parameters}`;
  };
  return (
    <nav class="pager" aria-label="Pages">
      {query.after === undefined ? (
        <span />
      ) : (
        <a class="button quiet" href={to(undefined)}>
          Back to the first page
        </a>
      )}
      {next !== undefined && (
        <a class="button quiet" href={to(next)} rel="next">
          Next page
        </a>
      )}
    </nav>
  );
}

export interface EditPageProps {
  readonly frame: Frame;
  /** Undefined for a new one. */
  readonly document: Pick<Document, "id" | "title"> | undefined;
  readonly state: FormState;
}

export function EditPage({ frame, document, state }: EditPageProps) {
  const back = document === undefined ? "/documents" : `/documents/${document.id}`;
  const title = document === undefined ? "New document" : `Edit ${document.title}`;
  return (
    <Layout frame={frame} title={title} section="/documents" failed={Object.keys(state.errors).length > 0}>
      <Back href={back} label={document === undefined ? "All documents" : "Back without saving"} />
      <div class="page-head">
        <h1>{title}</h1>
      </div>
      <ErrorSummary errors={state.errors} />
      <form class="sheet stack" method="post" action={document === undefined ? "/documents" : back} novalidate>
        <CsrfField token={frame.csrfToken} />
        {document !== undefined && <input type="hidden" name="version" value={state.values["version"]} />}
        <Field state={state} name="title" label="Title" maxlength={200} required autofocus={document === undefined} />
        <TextArea state={state} name="body" label="Text" />
        <Field
          state={state}
          name="link"
          label="Link (optional)"
          type="url"
          hint="A web page that belongs to it, such as https://example.com/plan."
        />
        <div class="actions">
          <button class="button" type="submit">
            {document === undefined ? "Create document" : "Save changes"}
          </button>
          <a class="button quiet" href={back}>
            Cancel
          </a>
        </div>
      </form>
    </Layout>
  );
}

function Back({ href, label }: { href: string; label: string }) {
  return (
    <a class="crumb" href={href}>
      <Icon name="back" />
      {label}
    </a>
  );
}

export interface ViewPageProps {
  readonly frame: Frame;
  readonly document: Document;
  /** Undefined unless the reader owns it. */
  readonly sharing: { readonly shares: readonly Share[]; readonly colleagues: readonly Person[] } | undefined;
  readonly mayWrite: boolean;
  readonly shareState?: FormState;
  readonly notice: string | undefined;
}

export function ViewPage(props: ViewPageProps) {
  const { frame, document, sharing, mayWrite, shareState = BLANK, notice } = props;
  return (
    <Layout frame={frame} title={document.title} section="/documents" notice={notice} failed={shareState !== BLANK}>
      <Back href="/documents" label="All documents" />
      <ErrorSummary errors={shareState.errors} prefix="share-" />
      <div class="page-head">
        <h1>{document.title}</h1>
        {mayWrite && document.access !== "view" && (
          <div class="actions">
            <a class="button" href={`/documents/${document.id}/edit`}>
              Edit
            </a>
            {document.access === "owner" && (
              <a class="button quiet" href={`/documents/${document.id}/delete`}>
                Delete
              </a>
            )}
          </div>
        )}
      </div>
      <div class="columns">
        <article class="sheet" aria-label="Text">
          {document.body === "" ? <p class="lead">No text yet.</p> : <div class="prose">{document.body}</div>}
        </article>
        <aside class="stack" aria-label="About this document">
          <Facts document={document} />
          {sharing !== undefined && <Sharing {...{ frame, document, sharing, mayWrite, state: shareState }} />}
        </aside>
      </div>
    </Layout>
  );
}

function Facts({ document }: { document: Document }) {
  return (
    <section class="sheet">
      <h2 class="visually-hidden">Details</h2>
      <dl class="facts">
        <div>
          <dt>Owner</dt>
          <dd>{document.access === "owner" ? `${document.ownerName} (you)` : document.ownerName}</dd>
        </div>
        <div>
          <dt>Last changed</dt>
          <dd>
            <Time at={document.updatedAt} />
          </dd>
        </div>
        <div>
          <dt>Created</dt>
          <dd>
            <Time at={document.createdAt} />
          </dd>
        </div>
        {document.link !== null && (
          <div>
            <dt>Link</dt>
            <dd>
              <a href={document.link} rel="noopener noreferrer nofollow">
                {document.link}
              </a>
            </dd>
          </div>
        )}
        {document.access !== "owner" && (
          <div>
            <dt>You</dt>
            <dd>{document.access === "edit" ? "can view and edit" : "can view"}</dd>
          </div>
        )}
      </dl>
    </section>
  );
}

interface SharingProps {
  readonly frame: Frame;
  readonly document: Document;
  readonly sharing: { readonly shares: readonly Share[]; readonly colleagues: readonly Person[] };
  readonly mayWrite: boolean;
  readonly state: FormState;
}

function Sharing({ frame, document, sharing, mayWrite, state }: SharingProps) {
  const { shares, colleagues } = sharing;
  return (
    <section class="sheet stack" aria-labelledby="sharing-title">
      <h2 id="sharing-title">Shared with</h2>
      {shares.length === 0 ? (
        <p class="hint">Only you can see this document.</p>
      ) : (
        <ul class="rows">
          {shares.map((share) => (
            <li>
              <div>
                <strong>{share.name}</strong>
                <p class="hint">{share.permission === "edit" ? "can view and edit" : "can view"}</p>
              </div>
              <form method="post" action={`/documents/${document.id}/shares/${share.userId}/remove`}>
                <CsrfField token={frame.csrfToken} />
                <button class="link-button warn" type="submit">
                  Stop sharing<span class="visually-hidden">{` with ${share.name}`}</span>
                </button>
              </form>
            </li>
          ))}
        </ul>
      )}
      {mayWrite && <ShareForm {...{ frame, document, colleagues, state }} />}
    </section>
  );
}

function ShareForm(props: { frame: Frame; document: Document; colleagues: readonly Person[]; state: FormState }) {
  const { frame, document, colleagues, state } = props;
  if (colleagues.length === 0) return <p class="hint">There is nobody else in this workspace yet.</p>;
  return (
    <form class="stack" method="post" action={`/documents/${document.id}/shares`}>
      <CsrfField token={frame.csrfToken} />
      <Select
        state={state}
        name="userId"
        prefix="share-"
        label="Colleague"
        options={colleagues.map(({ id, name, email }) => [id, `${name} (${email})`] as const)}
      />
      <Select
        state={state}
        name="permission"
        prefix="share-"
        label="May"
        options={[
          ["view", "view"],
          ["edit", "view and edit"],
        ]}
      />
      <button class="button quiet wide" type="submit">
        Share
      </button>
    </form>
  );
}

export function DeletePage({ frame, document }: { frame: Frame; document: Document }) {
  return (
    <Layout frame={frame} title={`Delete ${document.title}`} section="/documents">
      <div class="sheet stack narrow">
        <h1>Delete this document?</h1>
        <p>
          <strong>{document.title}</strong> will be gone for you and for everybody it is shared with. This cannot be
          undone.
        </p>
        <form class="actions" method="post" action={`/documents/${document.id}/delete`}>
          <CsrfField token={frame.csrfToken} />
          <button class="button danger" type="submit">
            Delete for good
          </button>
          <a class="button quiet" href={`/documents/${document.id}`}>
            Keep it
          </a>
        </form>
      </div>
    </Layout>
  );
}
