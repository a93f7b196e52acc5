/** What the mails say. Plain sentences with one link; nothing that anybody else has typed stands in them unescaped. */
import { escapeText } from "../core/problem.ts";
import type { MailMessage } from "./mail-transport.ts";

/** Every mail of the flows. */
export type MailKind =
  | "sign_up"
  | "sign_up_existing"
  | "password_reset"
  | "invitation"
  | "email_change"
  | "email_change_taken"
  | "deletion_scheduled"
  | SecurityChange;

/** What somebody is told that happened to his account. */
export type SecurityChange =
  | "password_changed"
  | "password_reset_done"
  | "email_change_requested"
  | "email_changed"
  | "second_factor_added"
  | "second_factor_removed"
  | "recovery_code_used"
  | "recovery_codes_created"
  | "passkey_added"
  | "passkey_removed"
  | "identity_linked"
  | "identity_unlinked"
  | "new_device"
  | "api_key_created"
  | "account_disowned"
  | "account_deleted"
  | "deletion_cancelled";

export interface MailFacts {
  /** The product's name. */
  readonly application: string;
  /** The one link, on the configured origin. */
  readonly link?: string;
  readonly atMs: number;
  /** The browser, such as `Firefox on Linux`. */
  readonly device?: string;
  /** The new address, shortened, where the mail goes to the former one. */
  readonly address?: string;
  /** How the API keys of the account begin that still work. */
  readonly apiKeys?: readonly string[];
}

/** Replaces the words of a mail. */
export type MailWords = (facts: MailFacts) => { readonly subject: string; readonly lines: readonly string[] };

const IGNORE = "If this was not you, ignore this mail: nothing changes without the link.";
const DISOWN = "If this was not you, open the link and confirm: it ends every session and voids the password.";

const WORDS: Readonly<Record<MailKind, MailWords>> = {
  sign_up: ({ application }) => ({
    subject: `Confirm your address for ${application}`,
    lines: ["Confirm this address to finish signing up. The link works once, for 24 hours.", IGNORE],
  }),
  sign_up_existing: ({ application }) => ({
    subject: `You already have an account at ${application}`,
    lines: [
      "Somebody, probably you, signed up with this address. It already has an account, and nothing about it has changed.",
      "The link leads to a page where you can ask for a new password if you have forgotten yours.",
    ],
  }),
  password_reset: ({ application }) => ({
    subject: `Choose a new password for ${application}`,
    lines: ["Choose a new password. The link works once, for 30 minutes.", IGNORE],
  }),
  invitation: ({ application }) => ({
    subject: `You are invited to ${application}`,
    lines: ["You are invited. The link works once, for seven days.", "If you did not expect this, ignore this mail."],
  }),
  email_change: ({ application }) => ({
    subject: `Confirm your new address for ${application}`,
    lines: ["Confirm that this address is yours. The link works once, for one hour.", IGNORE],
  }),
  email_change_taken: ({ application }) => ({
    subject: `Your address at ${application}`,
    lines: [
      "Somebody asked to use this address for another account. It already has one, and nothing about it has changed.",
    ],
  }),
  deletion_scheduled: ({ application }) => ({
    subject: `Your account at ${application} will be deleted`,
    lines: ["You asked to delete your account. Open the link and confirm if you want to keep it."],
  }),
  password_changed: change("Your password was changed", DISOWN),
  password_reset_done: change("Your password was reset by a link that was mailed to you", DISOWN),
  email_change_requested: change("A change of your address was requested", DISOWN),
  email_changed: change("The address of your account was changed", DISOWN),
  second_factor_added: change("A second factor was added to your account", DISOWN),
  second_factor_removed: change("A second factor was removed from your account", DISOWN),
  recovery_code_used: change("A recovery code was used to sign in", DISOWN),
  recovery_codes_created: change("New recovery codes were made; the former ones are void", DISOWN),
  passkey_added: change("A passkey was added to your account", DISOWN),
  passkey_removed: change("A passkey was removed from your account", DISOWN),
  identity_linked: change("An identity provider opens your account from now on", DISOWN),
  identity_unlinked: change("An identity provider does not open your account any more", DISOWN),
  new_device: change("Your account was used to sign in from a new device", DISOWN),
  api_key_created: change("An API key was made in your name", DISOWN),
  account_disowned: change(
    "Every session was ended and the password is void, because somebody with a mail of ours said that a change was not theirs",
    "Ask for a new password on the sign-in page.",
  ),
  account_deleted: change("Your account was deleted", "There is nothing more to do."),
  deletion_cancelled: change("Your account will not be deleted", DISOWN),
};

function change(what: string, then: string): MailWords {
  return ({ application, atMs, device, address, apiKeys = [] }) => ({
    subject: `${application}: ${what.length > 60 ? "a change of your account" : what.toLowerCase()}`,
    lines: [
      `${what}${address === undefined ? "" : ` (${address})`}.`,
      `When: ${new Date(atMs).toISOString().slice(0, 16).replace("T", " ")} UTC${device === undefined ? "" : `. From: ${device}`}.`,
      ...(apiKeys.length === 0
        ? []
        : [`API keys that you made still work: ${apiKeys.join(", ")}. End those that you do not know.`]),
      then,
    ],
  });
}

/** The words of `kind`, or your own, as a message to one address. */
export function mailMessage(
  kind: MailKind,
  to: string,
  facts: MailFacts,
  words: Partial<Record<MailKind, MailWords>> = {},
): MailMessage {
  const { subject, lines } = (words[kind] ?? WORDS[kind])(facts);
  const { link } = facts;
  const linked = link === undefined ? [] : [link];
  const paragraphs = lines.map((line) => `<p>${escapeText(line)}</p>`).join("");
  const anchor =
    link === undefined ? "" : `<p><a href="${escapeText(link)}" rel="noreferrer">${escapeText(link)}</a></p>`;
  return {
    to,
    subject: subject.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").slice(0, 150),
    text: `${[...lines, ...linked].join("\n\n")}\n`,
    html: `<!doctype html><html lang="en"><head><meta charset="utf-8"></head><body>${paragraphs}${anchor}</body></html>`,
  };
}

/** Enough of an address for its owner to know it, and too little for anybody else. */
export function shortenAddress(email: string): string {
  const at = email.lastIndexOf("@");
  return `${email.slice(0, 1)}***${email.slice(at)}`;
}
