import { formInput, input } from "glacis/input";
import { id, line, PATHS } from "../input.ts";

/** Whether it may be called is for the guarded way out to say. */
export const WebhookForm = formInput({
  form: { endpoint: line({ min: 1, max: 2000, missing: "Enter the address that is to be called." }) },
});

export const WebhookPath = input({ params: { id } }, PATHS);
