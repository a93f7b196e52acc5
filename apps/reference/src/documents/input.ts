import { z } from "zod";
import { line, prose } from "../input.ts";

/** A web address that is safe to put behind a link: http or https, and written as the URL parser writes it. */
const link = z
  .string()
  .trim()
  .max(2000, "Use at most 2000 characters.")
  .transform((text, context) => {
    if (text === "") return null;
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url !== undefined && /^https?:$/u.test(url.protocol) && url.username === "" && url.password === "")
      return url.href;
    context.addIssue({ code: "custom", message: "Enter a full web address that starts with https:// or http://." });
    return z.NEVER;
  });

const title = line({ min: 1, max: 200, missing: "Enter a title." });
const body = prose({ max: 50_000 });

export const NewDocument = z.strictObject({ title, body: body.default(""), link: link.nullish() });
export type NewDocument = z.output<typeof NewDocument>;

/** What an API client may change, each field by itself. */
export const DocumentPatch = z.strictObject({ title: title.optional(), body: body.optional(), link: link.nullish() });

/** The edit form sends everything, and the version that the writer had seen. */
export const DocumentForm = z.strictObject({ title, body, link, version: z.coerce.number().int().positive() });

export interface DocumentChange {
  readonly title?: string;
  readonly body?: string;
  readonly link?: string | null;
}

export const DocumentId = z.uuid();

export const ShareInput = z.strictObject({
  userId: z.uuid("Choose a colleague."),
  permission: z.enum(["view", "edit"], "Choose what they may do."),
});

export type ShareInput = z.output<typeof ShareInput>;

export const PreviewInput = z.strictObject({
  url: z.string().trim().min(1, "Enter a web address.").max(2000, "Use at most 2000 characters."),
});

export const SORTS = ["updated", "created", "title"] as const;

/** What may stand in the query of a list. A sort that is not on the list is refused, not guessed. */
export const ListQuery = z.strictObject({
  q: line({ min: 0, max: 200 }).default(""),
  sort: z.enum(SORTS, `Sort by ${SORTS.join(", ")}.`).default("updated"),
  after: z.uuid().optional(),
  notice: z.string().max(40).optional(),
});
export type ListQuery = z.output<typeof ListQuery>;
