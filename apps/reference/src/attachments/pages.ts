import { html, url, type SafeHtml } from "glacis/input";
import { csrfField, fileField, type FormState } from "../views/form.ts";
import { layout, type Frame } from "../views/layout.ts";
import { time } from "../views/time.ts";
import { FILE_FIELD } from "./actions.ts";
import type { Attachment } from "./attachments.ts";
import { KINDS, LARGEST_BYTES } from "./file-store.ts";

export interface FilesView {
  readonly files: readonly Attachment[];
  /** Whether the reader may add and remove files. */
  readonly editable: boolean;
  readonly state: FormState;
}

/** The part of a document's page that shows its files. */
export function filesSection(frame: Frame, documentId: string, { files, editable, state }: FilesView): SafeHtml {
  return html`
    <section class="sheet stack" aria-labelledby="files-title">
      <h2 id="files-title">Files</h2>
      ${
        files.length === 0
          ? html`<p class="hint">No files yet.</p>`
          : html`<ul class="rows">${files.map((file) => fileRow(file, editable))}</ul>`
      }
      ${editable && addForm(frame, documentId, state)}
    </section>`;
}

function fileRow({ id, documentId, name, bytes, scan, addedBy, createdAt }: Attachment, editable: boolean): SafeHtml {
  const address = url`/documents/${documentId}/attachments/${id}`;
  const open = scan === "clean" || scan === "none";
  return html`
    <li>
      <div>
        ${open ? html`<a href="${address}">${name}</a>` : html`<strong>${name}</strong>`}
        <p class="hint">${sizeOf(bytes)}${addedBy !== null && `, from ${addedBy}`}, ${time(createdAt)}${SCANS[scan]}</p>
      </div>
      ${
        editable &&
        html`<a class="link-button warn" href="${url`/documents/${documentId}/attachments/${id}/remove`}">Remove<span class="visually-hidden"> ${name}</span></a>`
      }
    </li>`;
}

const SCANS: Readonly<Record<Attachment["scan"], string>> = {
  clean: "",
  none: "",
  pending: ". It is being checked and can be downloaded soon.",
  infected: ". It was found to be harmful and cannot be downloaded.",
};

/** The token comes first: nothing of a form is looked at before it. */
function addForm(frame: Frame, documentId: string, state: FormState): SafeHtml {
  return html`
    <form class="stack" method="post" action="${url`/documents/${documentId}/attachments`}" enctype="multipart/form-data">
      ${csrfField(frame.csrfToken)}
      ${fileField({
        state,
        name: FILE_FIELD,
        prefix: "attachment-",
        label: "Add a file",
        hint: RULES,
        accept: ACCEPT,
      })}
      <button class="button quiet" type="submit">Add file</button>
    </form>`;
}

const ACCEPT = [...KINDS, "jpeg"].map((kind) => `.${kind}`).join(",");
/** What a person may send, in one sentence. */
export const RULES: string = `PDF, Word, Excel, PowerPoint, text, CSV or an image, at most ${LARGEST_BYTES / 1024 / 1024} MB.`;

export function removePage(frame: Frame, { id, documentId, name }: Attachment): SafeHtml {
  const document = url`/documents/${documentId}`;
  return layout(
    frame,
    { title: `Remove ${name}`, section: "/documents" },
    html`
      <div class="sheet stack narrow">
        <h1>Remove this file?</h1>
        <p><strong class="wrap">${name}</strong> will be gone for everybody who can see the document. This cannot be undone.</p>
        <form class="actions" method="post" action="${url`/documents/${documentId}/attachments/${id}/remove`}">
          ${csrfField(frame.csrfToken)}
          <button class="button danger" type="submit">Remove for good</button>
          <a class="button quiet" href="${document}">Keep it</a>
        </form>
      </div>`,
  );
}

export function sizeOf(bytes: number): string {
  if (bytes < 1000) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  const [value, unit] = bytes < 1_000_000 ? [bytes / 1000, "kB"] : [bytes / 1_000_000, "MB"];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}
