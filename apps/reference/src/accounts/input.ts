import { z } from "zod";
import { line } from "../input.ts";
import { ROLE_ORDER } from "./memberships.ts";

const name = line({ min: 1, max: 80, missing: "Enter your name." });

export const ProfileInput = z.strictObject({ name });

export const PersonId = z.uuid();

const role = z.enum(ROLE_ORDER.roles, `Choose one of ${ROLE_ORDER.roles.join(", ")}.`);

export const RoleInput = z.strictObject({ role });

export const InvitationInput = z.strictObject({ email: z.string().min(1, "Enter an e-mail address.").max(508), role });

export const CodeInput = z.strictObject({ code: z.string().max(64) });

/** What the page's script sends: the library reads the answer itself. */
export const PasskeyInput = z.strictObject({ answer: z.unknown(), name: z.string().max(1000).optional() });

export const Nothing = z.strictObject({});

export const PasskeyId = z.strictObject({ id: z.string().min(1).max(1400) });
