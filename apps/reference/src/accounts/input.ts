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

/** What the page's script sends of an authenticator's answer; the library judges what it means. An id has 1023 bytes at most (WebAuthn section 4). */
const base64url = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[\w-]+$/u, "Send base64url.");
const credential = <Response extends z.ZodRawShape>(response: Response) =>
  z.strictObject({
    id: base64url(1364),
    rawId: base64url(1364),
    type: z.literal("public-key"),
    clientExtensionResults: z.strictObject({}),
    response: z.strictObject({ clientDataJSON: base64url(8192), ...response }),
  });
const created = credential({
  attestationObject: base64url(16_384),
  transports: z.array(z.string().max(32)).max(16).optional(),
});
const signed = credential({
  authenticatorData: base64url(4096),
  signature: base64url(4096),
  userHandle: base64url(86).optional(),
});
export const NewPasskey = input({ body: { answer: created, name: z.string().max(1000).optional() } });
/** Where somebody was on the way to; the library says whether it is a place of ours. */
const next = z.string().max(2000).optional();
export const PasskeyAnswer = input({ body: { answer: signed }, query: { next } });
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

export const ApiKeyPath = input(
  {
    params: {
      id: z
        .string()
        .max(64)
        .regex(/^[0-9A-Za-z]+$/u),
    },
  },
  PATHS,
);

export const PolicyForm = input({ form: { second_factor: z.enum(["required", "optional"], "Choose one.") } });
