import { formInput, input } from "glacis/input";
import { z } from "zod";

export const ActivityPage = formInput({
  query: {
    before: z
      .string()
      .max(18)
      .regex(/^[0-9]+$/u)
      .optional(),
  },
});
export const ActivityExport = input({ form: { format: z.enum(["csv", "json"], "Choose a format.") } });
