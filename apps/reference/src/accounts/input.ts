import { dangerouslyClientDecides, formInput, input } from "glacis/input";
import { z } from "zod";
import { id, line, PATHS } from "../input.ts";
import { ROLE_ORDER } from "./memberships.ts";

const name = line({ min: 1, max: 80, missing: "Enter your name." });
const role = dangerouslyClientDecides(
  z.enum(ROLE_ORDER.roles, `Choose one of ${ROLE_ORDER.roles.join(", ")}.`),
  "nobody gives a role above his own, which is judged again where it is given",
);
const invitation = { email: z.string("Enter an e-mail address.").min(1, "Enter an e-mail address.").max(508), role };

export const ProfileForm = formInput({ form: { name } });
export const ProfileBody = input({ body: { name } });

export const PersonPath = input({ params: { id } }, PATHS);
export const RoleForm = input({ params: { id }, form: { role } }, PATHS);
export const RoleBody = input({ params: { id }, body: { role } }, PATHS);

export const InvitationForm = formInput({ form: invitation });
export const InvitationBody = input({ body: invitation });

export const CodeForm = input({ form: { code: z.string().max(64) } });

/** What the page's script sends: the library reads the answer itself. */
const answer = z.unknown();
export const NewPasskey = input({ body: { answer, name: z.string().max(1000).optional() } });
/** Where somebody was on the way to; the library says whether it is a place of ours. */
const next = z.string().max(2000).optional();
export const PasskeyAnswer = input({ body: { answer }, query: { next } });
export const PasskeyForm = input({
  form: { id: dangerouslyClientDecides(z.string().min(1).max(1400), "which of one's own passkeys") },
});

export const Nothing = input({});

export const ACCESS_NAMES = { read: "Read documents", write: "Read and write documents" } as const;

export const LIFETIME_NAMES = { "30": "30 days", "90": "90 days", "365": "A year" } as const;

export const ApiKeyForm = formInput({
  form: {
    name: line({ min: 1, max: 100, missing: "Say what the key is for." }),
    access: z.enum(["read", "write"], "Choose what the key may do."),
    days: z.enum(["30", "90", "365"], "Choose how long the key is good."),
  },
});

export const ApiKeyPath = input({ params: { id: z.string().regex(/^[0-9A-Za-z]{1,64}$/u) } }, PATHS);

export const PolicyForm = input({ form: { second_factor: z.enum(["required", "optional"], "Choose one.") } });
