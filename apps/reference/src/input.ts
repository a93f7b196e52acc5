/** What clients may send, in words that Folio uses often. The reading is the library's: each route declares its `input`. */
import { createHash } from "node:crypto";
import { deny, Refusal } from "glacis";
import { formInput, inputRefusal, type FormOutcome, type InputOptions, type InputPlace } from "glacis/input";
import { z } from "zod";

/** Control characters that no line of text needs; NUL would not even fit into Postgres. */
const CONTROLS = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/u;
/** And those that turn the direction of what stands around a name. */
const LINE_CONTROLS = /[\u0000-\u001F\u007F\u2028\u2029\u202A-\u202E\u2066-\u2069]/u;

interface TextBounds {
  readonly min?: number;
  readonly max: number;
  readonly missing?: string;
}

/** One line of text: trimmed, NFC, without control characters. */
export function line({ min = 0, max, missing = "Fill this in." }: TextBounds) {
  return z
    .string(missing)
    .refine((text) => !LINE_CONTROLS.test(text), "Remove characters that cannot be shown.")
    .transform((text) => text.normalize("NFC").trim())
    .pipe(z.string().min(min, missing).max(max, `Use at most ${max} characters.`));
}

/** Text with line breaks, which browsers send as CRLF. */
export function prose({ max }: TextBounds) {
  return z
    .string()
    .refine((text) => !CONTROLS.test(text), "Remove characters that cannot be shown.")
    .transform((text) => text.replaceAll("\r\n", "\n").normalize("NFC"))
    .pipe(z.string().max(max, `Use at most ${max} characters.`));
}

/** A path that cannot name anything is answered as one that names nothing. */
export const PATHS: InputOptions = { unfitParams: "not_found" };

export const id = z.uuid();

/** A word of a list, by which a page says what has just been done. */
export const notice = z.string().max(40).optional();

/** A page that takes nothing but such a word. Whatever else a link has is left alone. */
export const Page = formInput({ query: { notice } });

/** The parameters of the path, which are right whatever is wrong with the form. */
export function paramsOf<Params extends object>(outcome: FormOutcome<{ readonly params: Params }>): Params {
  return (outcome.ok ? outcome.value.params : outcome.valid.params) ?? notFound();
}

/** @throws Refusal 422 for a field that only the handler could judge */
export function invalid(place: InputPlace, field: string, message: string): never {
  throw inputRefusal([{ in: place, path: [field], message }]);
}

/**
 * @param document what was asked for, so that somebody who tries one id after another is seen
 * @throws Refusal 404, also for what exists and is somebody else's
 */
export function notFound(document?: string): never {
  throw new Refusal(
    deny("not_found", {
      event_type: "authorization_failure",
      status: "refused",
      severity: "info",
      event: "authz_fail",
      reason: "not_found",
      ...(document !== undefined && { resource_type: "document", resource_id: digestOf(document) }),
    }),
  );
}

/** As the log names a row that was not given: nobody learns an id from it. */
function digestOf(id: string): string {
  return createHash("sha256").update(id).digest("base64url");
}
