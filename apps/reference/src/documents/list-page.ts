import { html, type SafeHtml } from "glacis/input";
import { field } from "../views/form.ts";
import { icon } from "../views/icons.ts";
import { layout, type Frame } from "../views/layout.ts";
import { time } from "../views/time.ts";
import type { DocumentSummary, Page } from "./documents.ts";
import { SORTS, type ListQuery } from "./input.ts";

const SORT_LABELS = { updated: "Last changed", created: "Newest", title: "Title" } as const;

export interface ListView {
  readonly query: ListQuery;
  readonly page: Page;
  readonly mayWrite: boolean;
  readonly notice: string | undefined;
}

export function listPage(frame: Frame, { query, page, mayWrite, notice }: ListView): SafeHtml {
  const searching = query.q !== "";
  return layout(
    frame,
    { title: "Documents", section: "/documents", notice },
    html`
      <div class="page-head">
        <div>
          <h1>Documents</h1>
          <p class="lead">What you have written, and what colleagues share with you.</p>
        </div>
        ${mayWrite && NEW_BUTTON}
      </div>
      ${toolbar(query)}
      ${
        page.documents.length === 0
          ? empty(searching, mayWrite)
          : html`
              <ul class="list" aria-label="${searching ? `Documents that contain ${query.q}` : "Documents"}">
                ${page.documents.map(row)}
              </ul>`
      }
      ${pager(query, page.next)}`,
  );
}

const NEW_BUTTON = html`<a class="button" href="/documents/new">${icon("plus")} New document</a>`;

function toolbar({ q, sort }: ListQuery): SafeHtml {
  return html`
    <form class="toolbar" method="get" action="/documents" role="search">
      ${field({ state: { values: { q }, errors: {} }, name: "q", label: "Search", type: "search", maxlength: 200 })}
      <div class="field sort">
        <label for="sort">Sort by</label>
        <select id="sort" name="sort">
          ${SORTS.map((each) => html`<option value="${each}" ?selected="${each === sort}">${SORT_LABELS[each]}</option>`)}
        </select>
      </div>
      <button class="button quiet" type="submit">${icon("search")} Show</button>
    </form>`;
}

function row(document: DocumentSummary): SafeHtml {
  return html`
    <li>
      <div>
        <h2 dir="auto"><a href="/documents/${document.id}">${document.title}</a></h2>
        <p class="excerpt" ?dir="${document.excerpt !== "" && "auto"}">${document.excerpt === "" ? "No text yet" : document.excerpt}</p>
      </div>
      <div class="meta">
        <p>${accessBadge(document)}</p>
        <p>${time(document.updatedAt)}</p>
      </div>
    </li>`;
}

function accessBadge({ access, ownerName }: DocumentSummary): SafeHtml {
  if (access === "owner") return html`<span class="badge plain">Yours</span>`;
  return html`<span class="badge">${ownerName} · ${access === "edit" ? "can edit" : "can view"}</span>`;
}

function empty(searching: boolean, mayWrite: boolean): SafeHtml {
  if (searching)
    return html`
      <div class="sheet empty stack">
        ${icon("sheet")}
        <h2>Nothing matches</h2>
        <p class="lead narrow">Try fewer or other words.</p>
        <a class="button quiet" href="/documents">Show all documents</a>
      </div>`;
  return html`
    <div class="sheet empty stack">
      ${icon("sheet")}
      <h2>A clean desk</h2>
      <p class="lead narrow">There is nothing here yet. Write the first document, or wait for a colleague to share one.</p>
      ${mayWrite && NEW_BUTTON}
    </div>`;
}

function pager(query: ListQuery, next: string | undefined): SafeHtml | undefined {
  if (next === undefined && query.after === undefined) return undefined;
  const to = (after: string | undefined): string => {
    const parameters = new URLSearchParams({ q: query.q, sort: query.sort, ...(after !== undefined && { after }) });
    return `/documents?${parameters}`;
  };
  return html`
    <nav class="pager" aria-label="Pages">
      ${
        query.after === undefined
          ? html`<span></span>`
          : html`<a class="button quiet" href="${to(undefined)}">Back to the first page</a>`
      }
      ${next !== undefined && html`<a class="button quiet" href="${to(next)}" rel="next">Next page</a>`}
    </nav>`;
}
