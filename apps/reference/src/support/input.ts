import { dangerouslyClientDecides, formInput } from "glacis/input";
import { z } from "zod";
import { line } from "../input.ts";

/** How long a workspace lets support look in. */
export const CONSENT_HOURS = ["1", "24", "168"] as const;

export const ConsentForm = formInput({ form: { hours: z.enum(CONSENT_HOURS, "Choose for how long.") } });

export const VisitForm = formInput({
  form: {
    tenantId: dangerouslyClientDecides(z.uuid("Choose a workspace."), "one of those that let support look in"),
    purpose: line({ min: 10, max: 200, missing: "Say in ten characters or more what the visit is for." }),
  },
});
