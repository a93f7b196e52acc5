import { dangerouslyClientDecides, formInput, input, integerText } from "glacis/input";
import { z } from "zod";
import { id, line, notice, PATHS, prose } from "../input.ts";

/** A web address that is safe to put behind a link: http or https, and written as the URL parser writes it. */
const link = z
  .string()
  .trim()
  .max(2000, "Use at most 2000 characters.")
  .transform((text, context) => {
    if (text === "") return null;
    const url = parsed(text);
    if (url !== undefined && /^https?:$/u.test(url.protocol) && url.username === "" && url.password === "")
      return url.href;
    context.addIssue({ code: "custom", message: "Enter a full web address that starts with https:// or http://." });
    return z.NEVER;
  });

/** Not by `URL.canParse`, which in Node 20 refuses letters beyond ASCII once it has been asked often. */
function parsed(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

const title = line({ min: 1, max: 200, missing: "Enter a title." });
const body = prose({ max: 50_000 });

const newDocument = { title, body: body.default(""), link: link.nullish() };

export const NewDocumentForm = formInput({ form: newDocument });
export const NewDocumentBody = input({ body: newDocument });

export interface NewDocument {
  readonly title: string;
  readonly body: string;
  readonly link?: string | null | undefined;
}

/** What an API client may change, each field by itself. */
export const DocumentPatch = input(
  { params: { id }, body: { title: title.optional(), body: body.optional(), link: link.nullish() } },
  PATHS,
);

/** The edit form sends everything, and the version that the writer had seen. */
export const DocumentForm = formInput(
  { params: { id }, form: { title, body, link, version: integerText({ min: 1, max: 2_147_483_647 }) } },
  PATHS,
);

export interface DocumentChange {
  readonly title?: string;
  readonly body?: string;
  readonly link?: string | null;
}

export const DocumentPath = input({ params: { id } }, PATHS);
export const DocumentPage = formInput({ params: { id }, query: { notice } }, PATHS);

const share = {
  userId: z.uuid("Choose a colleague."),
  permission: dangerouslyClientDecides(
    z.enum(["view", "edit"], "Choose what they may do."),
    "only the owner of a document shares it, and it is his to give",
  ),
};

export const ShareForm = formInput({ params: { id }, form: share }, PATHS);
export const ShareBody = input({ params: { id }, body: share }, PATHS);
export const SharePath = input({ params: { id, userId: z.uuid() } }, PATHS);

export const PreviewInput = input({
  body: { url: z.string().trim().min(1, "Enter a web address.").max(2000, "Use at most 2000 characters.") },
});

export const SORTS = ["updated", "created", "title"] as const;

/** What may stand in the query of a list. A sort that is not on the list is refused, not guessed. */
const list = {
  q: line({ min: 0, max: 200 }).default(""),
  sort: z.enum(SORTS, `Sort by ${SORTS.join(", ")}.`).default("updated"),
  after: z.uuid().optional(),
};

export const ListQuery = input({ query: list });
export const ListPage = formInput({ query: { ...list, notice } });

export interface ListQuery {
  readonly q: string;
  readonly sort: (typeof SORTS)[number];
  readonly after?: string | undefined;
}

export const FIRST_PAGE: ListQuery = { q: "", sort: "updated" };
