import type { Person } from "../accounts/accounts.ts";
import { BLANK, CsrfField, ErrorSummary, Field, Select, TextArea, type FormState } from "../views/form.tsx";
import { Icon } from "../views/icons.tsx";
import { Layout, type Frame } from "../views/layout.tsx";
import { Time } from "../views/time.tsx";
import type { Document } from "./documents.ts";
import type { Share } from "./sharing.ts";

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
      <form
        class="sheet stack"
        method="post"
        action={document === undefined ? "/documents" : back}
        novalidate
        data-guard
      >
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
