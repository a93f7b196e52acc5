import { html, type SafeHtml } from "glacis/input";
import type { Person } from "../accounts/accounts.ts";
import { filesSection } from "../attachments/pages.ts";
import type { Attachment } from "../attachments/attachments.ts";
import { BLANK, csrfField, errorSummary, field, hasErrors, select, textArea, type FormState } from "../views/form.ts";
import { icon } from "../views/icons.ts";
import { layout, type Frame } from "../views/layout.ts";
import { time } from "../views/time.ts";
import type { Document } from "./documents.ts";
import type { Preview, PreviewFault } from "./preview.ts";
import type { Share } from "./sharing.ts";

/** @param document undefined for a new one */
export function editPage(
  frame: Frame,
  document: Pick<Document, "id" | "title"> | undefined,
  state: FormState,
): SafeHtml {
  const back = document === undefined ? "/documents" : `/documents/${document.id}`;
  const title = document === undefined ? "New document" : `Edit ${document.title}`;
  return layout(
    frame,
    { title, section: "/documents", failed: hasErrors(state) },
    html`
      ${backLink(back, document === undefined ? "All documents" : "Back without saving")}
      <div class="page-head"><h1>${title}</h1></div>
      ${errorSummary(state.errors)}
      <form class="sheet stack" method="post" action="${back}" novalidate data-guard="${frame.viewer?.id}">
        ${csrfField(frame.csrfToken)}
        ${document !== undefined && html`<input type="hidden" name="version" value="${state.values["version"]}">`}
        ${field({ state, name: "title", label: "Title", maxlength: 200, required: true, autofocus: document === undefined })}
        ${textArea({ state, name: "body", label: "Text" })}
        ${field({ state, name: "link", label: "Link (optional)", type: "url", hint: "A web page that belongs to it, such as https://example.com/plan." })}
        <div class="actions">
          <button class="button" type="submit">${document === undefined ? "Create document" : "Save changes"}</button>
          <a class="button quiet" href="${back}">Cancel</a>
        </div>
      </form>`,
  );
}

function backLink(href: string, label: string): SafeHtml {
  return html`<a class="crumb" href="${href}">${icon("back")} ${label}</a>`;
}

export interface DocumentView {
  readonly document: Document;
  /** Undefined unless the reader owns it. */
  readonly sharing: { readonly shares: readonly Share[]; readonly colleagues: readonly Person[] } | undefined;
  readonly mayWrite: boolean;
  readonly files: readonly Attachment[];
  readonly shareState?: FormState;
  readonly attachmentState?: FormState;
  /** What was found behind the document's link, just now. */
  readonly preview?: Preview | PreviewFault;
  readonly notice: string | undefined;
}

export function documentPage(frame: Frame, view: DocumentView): SafeHtml {
  const { document, files, mayWrite, shareState = BLANK, attachmentState = BLANK, notice } = view;
  const editable = mayWrite && document.access !== "view";
  const failed = shareState !== BLANK || attachmentState !== BLANK;
  return layout(
    frame,
    { title: document.title, section: "/documents", notice, failed },
    html`
      ${backLink("/documents", "All documents")}
      ${errorSummary(shareState.errors, "share-")}
      ${errorSummary(attachmentState.errors, "attachment-")}
      <div class="page-head">
        <h1 dir="auto">${document.title}</h1>
        ${editable && actions(document)}
      </div>
      <div class="columns">
        <div class="stack">
          <article class="sheet" aria-label="Text">
            ${
              document.body === ""
                ? html`<p class="lead">No text yet.</p>`
                : html`<div class="prose" dir="auto">${document.body}</div>`
            }
          </article>
          ${filesSection(frame, document.id, { files, editable, state: attachmentState })}
        </div>
        <aside class="stack" aria-label="About this document">
          ${facts(document)}
          ${document.link !== null && linkSection(frame, document, view.preview)}
          ${sharingSection(frame, view)}
        </aside>
      </div>`,
  );
}

function actions({ id, access }: Document): SafeHtml {
  return html`
    <div class="actions">
      <a class="button" href="/documents/${id}/edit">Edit</a>
      ${access === "owner" && html`<a class="button quiet" href="/documents/${id}/delete">Delete</a>`}
    </div>`;
}

function facts({ access, ownerName, updatedAt, createdAt }: Document): SafeHtml {
  return html`
    <section class="sheet">
      <h2 class="visually-hidden">Details</h2>
      <dl class="facts">
        <div><dt>Owner</dt><dd><bdi>${ownerName}</bdi>${access === "owner" && " (you)"}</dd></div>
        <div><dt>Last changed</dt><dd>${time(updatedAt)}</dd></div>
        <div><dt>Created</dt><dd>${time(createdAt)}</dd></div>
        ${
          access !== "owner" &&
          html`<div><dt>You</dt><dd>${access === "edit" ? "can view and edit" : "can view"}</dd></div>`
        }
      </dl>
    </section>`;
}

const FAULTS: Readonly<Record<PreviewFault, string>> = {
  refused: "This address leads to a place that Folio does not ask.",
  no_answer: "The site gave no answer.",
};

function linkSection(frame: Frame, { id, link }: Document, preview: DocumentView["preview"]): SafeHtml {
  return html`
    <section class="sheet stack" aria-labelledby="link-title">
      <h2 id="link-title">Link</h2>
      <p class="wrap"><a href="${link}" rel="noopener noreferrer nofollow">${link}</a></p>
      ${preview === undefined ? previewForm(frame, id) : html`<p role="status">${found(preview)}</p>`}
    </section>`;
}

function previewForm(frame: Frame, id: string): SafeHtml {
  return html`
    <form method="post" action="/documents/${id}/preview">
      ${csrfField(frame.csrfToken)}
      <button class="button quiet" type="submit">Show what is behind it</button>
    </form>`;
}

function found(preview: Preview | PreviewFault): SafeHtml | string {
  if (typeof preview === "string") return FAULTS[preview];
  return html`<strong>${preview.title ?? "A page without a title"}</strong> at ${preview.site}`;
}

function sharingSection(frame: Frame, { document, sharing, mayWrite, shareState = BLANK }: DocumentView) {
  if (sharing === undefined) return undefined;
  const { shares, colleagues } = sharing;
  return html`
    <section class="sheet stack" aria-labelledby="sharing-title">
      <h2 id="sharing-title">Shared with</h2>
      ${
        shares.length === 0
          ? html`<p class="hint">Only you can see this document.</p>`
          : html`<ul class="rows">${shares.map((share) => shareRow(frame, document, share))}</ul>`
      }
      ${mayWrite && shareForm(frame, document, colleagues, shareState)}
    </section>`;
}

function shareRow(frame: Frame, { id }: Document, { userId, name, permission }: Share): SafeHtml {
  return html`
    <li>
      <div>
        <strong>${name}</strong>
        <p class="hint">${permission === "edit" ? "can view and edit" : "can view"}</p>
      </div>
      <form method="post" action="/documents/${id}/shares/${userId}/remove">
        ${csrfField(frame.csrfToken)}
        <button class="link-button warn" type="submit">Stop sharing<span class="visually-hidden"> with ${name}</span></button>
      </form>
    </li>`;
}

function shareForm(frame: Frame, document: Document, colleagues: readonly Person[], state: FormState): SafeHtml {
  if (colleagues.length === 0) return html`<p class="hint">There is nobody else in this workspace yet.</p>`;
  const people = colleagues.map(({ id, name, email }) => [id, `${name} (${email})`] as const);
  const permissions = [
    ["view", "view"],
    ["edit", "view and edit"],
  ] as const;
  return html`
    <form class="stack" method="post" action="/documents/${document.id}/shares">
      ${csrfField(frame.csrfToken)}
      ${select({ state, name: "userId", prefix: "share-", label: "Colleague", options: people })}
      ${select({ state, name: "permission", prefix: "share-", label: "May", options: permissions })}
      <button class="button quiet wide" type="submit">Share</button>
    </form>`;
}

export function deletePage(frame: Frame, { id, title }: Document): SafeHtml {
  return layout(
    frame,
    { title: `Delete ${title}`, section: "/documents" },
    html`
      <div class="sheet stack narrow">
        <h1>Delete this document?</h1>
        <p>
          <strong>${title}</strong> and its files will be gone for you and for everybody it is shared with. This cannot be undone.
        </p>
        <form class="actions" method="post" action="/documents/${id}/delete">
          ${csrfField(frame.csrfToken)}
          <button class="button danger" type="submit">Delete for good</button>
          <a class="button quiet" href="/documents/${id}">Keep it</a>
        </form>
      </div>`,
  );
}
