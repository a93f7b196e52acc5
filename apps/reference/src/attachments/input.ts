import { formInput, input } from "glacis/input";
import { z } from "zod";
import { id, PATHS } from "../input.ts";

export const AttachmentPath = input({ params: { id } }, PATHS);
export const AttachmentOfDocument = input({ params: { id, attachmentId: z.uuid() } }, PATHS);
/** A link that was altered shows nothing, whatever was done to it. */
export const FileLink = formInput({ query: { link: z.string().max(2000) } });
