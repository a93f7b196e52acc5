import { Field } from "../views/form.tsx";
import { Icon } from "../views/icons.tsx";
import { Layout, type Frame } from "../views/layout.tsx";
import { Time } from "../views/time.tsx";
import type { Access, DocumentSummary, Page } from "./documents.ts";
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
