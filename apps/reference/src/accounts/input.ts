import { z } from "zod";
import { line } from "../input.ts";
import { canonicalEmail } from "./email.ts";
import { ROLE_ORDER } from "./memberships.ts";

/** NIST SP 800-63B-4 section 3.1.1.2: a password that is the only factor has 15 characters or more, any characters, no composition rules. */
export const SHORTEST_PASSWORD = 15;
/** Above what anybody types; bounds the work of one request. */
export const LONGEST_PASSWORD = 256;

const email = z
  .string()
  .max(508)
  .transform((text, context) => {
    const canonical = canonicalEmail(text);
    if (canonical !== undefined) return canonical;
    context.addIssue({ code: "custom", message: "Enter an e-mail address such as name@example.com." });
    return z.NEVER;
  });

const newPassword = z
  .string()
  .refine((text) => !text.includes("\0"), "Remove characters that cannot be typed.")
  .refine(
    (text) => [...text].length >= SHORTEST_PASSWORD,
    `Use at least ${SHORTEST_PASSWORD} characters. Several words make a good one.`,
  )
  .refine((text) => [...text].length <= LONGEST_PASSWORD, `Use at most ${LONGEST_PASSWORD} characters.`);

const name = line({ min: 1, max: 80, missing: "Enter your name." });

export const SignUpInput = z
  .strictObject({
    workspace: line({ min: 1, max: 80, missing: "Enter a name for the workspace." }),
    name,
    email,
    password: newPassword,
  })
  .superRefine(({ workspace, name: own, email: address, password }, context) => {
    const lower = password.toLowerCase();
    const guessable = [address, address.split("@")[0] ?? "", own.toLowerCase(), workspace.toLowerCase()];
    if (guessable.some((word) => word.length >= 4 && lower.replaceAll(word, "").length < 6)) {
      context.addIssue({
        code: "custom",
        path: ["password"],
        message: "Choose something that is not your name or address.",
      });
    }
  });

/** What was typed at sign-in is compared, never judged: a malformed address fails like a wrong password. */
export const SignInInput = z.strictObject({
  email: z.string().max(1000),
  password: z.string().max(4096),
  next: z.string().max(2000).optional(),
});

export const ProfileInput = z.strictObject({ name });

export const PersonId = z.uuid();

export const RoleInput = z.strictObject({
  role: z.enum(ROLE_ORDER.roles, `Choose one of ${ROLE_ORDER.roles.join(", ")}.`),
});

export const PasswordInput = z
  .strictObject({ current: z.string().min(1, "Enter your present password.").max(4096), password: newPassword })
  .refine(({ current, password }) => current !== password, {
    path: ["password"],
    message: "Choose a password that differs from the present one.",
  });
