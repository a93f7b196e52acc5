/** The control of every storage, and the short-lived links to what lies there (catalog private-storage). */
import type { ControlMeta } from "../core/control.ts";
import type { Rule } from "../core/finding.ts";
import type { KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { isStorageKey } from "./storage.ts";
import { signer } from "./signed-value.ts";

export const PRIVATE_STORAGE_META: ControlMeta = {
  id: "private-storage",
  title: "Object storage private with short signed URLs",
  layer: "data",
  guide: ["File uploads", "checklist: File storage is private by default"],
  owasp2021: ["A01", "A05"],
  owasp2025: ["A01", "A02"],
  asvs: [],
  cwe: ["CWE-552", "CWE-732", "CWE-668"],
};

export const STORAGE_OPEN_TO_OTHERS: Rule = {
  id: "private-storage/open-to-others",
  severity: "error",
  what: "The folder of users' files can be entered by other users of the machine.",
  why: "Whoever else runs there reads every tenant's files.",
  fix: "chmod 700, and run the application as a user of its own.",
};
export const STORAGE_IN_APPLICATION: Rule = {
  id: "private-storage/in-application",
  severity: "warning",
  what: "The folder of users' files lies inside the application's.",
  why: "One static route above it publishes the files; one write into it can become code.",
  fix: "Put the files elsewhere, such as /srv/files, on a disk that is mounted noexec.",
};
export const STORAGE_UNVERIFIED: Rule = {
  id: "private-storage/unverified",
  severity: "warning",
  what: "Nobody has asked the bucket whether it is private.",
  why: "A bucket that was opened by hand serves every tenant's files to anybody who knows or lists a key.",
  fix: "Call await storage.verify() at start; it needs s3:GetBucketPublicAccessBlock and s3:GetBucketPolicyStatus.",
};
export const STORAGE_PUBLIC: Rule = {
  id: "private-storage/public",
  severity: "error",
  what: "The bucket may be public: it has no complete public access block.",
  why: "A policy or an access list, made once by hand, serves every tenant's files to anybody.",
  fix: "Turn on all four settings of the bucket's public access block.",
};

const MOST_SECONDS = 300;
const INITIAL_SECONDS = 60;
const LONGEST_NAME = 255;

/** What a link lets its holder fetch. */
export interface DownloadTicket {
  readonly key: string;
  /** The name to save it under; data of a user. */
  readonly filename: string;
}

export interface DownloadLinksOptions {
  readonly keys: KeySource;
  /** How long a link lives. 60 seconds; at most 300. */
  readonly seconds?: number;
  /** The time in milliseconds. `Date.now`. */
  readonly now?: () => number;
}

export interface DownloadLinks {
  /** A text for the path of a URL. Ask whether the user may have the file before you mint. @param holder such as the session's user */
  mint(ticket: DownloadTicket, holder?: string): string;
  /** The ticket, or undefined for whatever is changed, too old, or held by somebody else. Never throws on input. */
  redeem(text: unknown, holder?: string): DownloadTicket | undefined;
}

/**
 * Links that carry their permission: key and name are signed, so that neither can be exchanged. A link for a holder works for that holder
 * alone, whoever else it is sent to.
 *
 * @throws TypeError on an unknown option or a life above 300 seconds.
 * @example
 * const links = downloadLinks({ keys });
 * const href = `/files/${links.mint({ key, filename }, userId)}`;
 */
export function downloadLinks(options: DownloadLinksOptions): DownloadLinks {
  rejectUnknownOptions("downloadLinks", options, ["keys", "seconds", "now"]);
  const { keys, seconds = INITIAL_SECONDS, now = Date.now } = options;
  if (!Number.isSafeInteger(seconds) || seconds < 1 || seconds > MOST_SECONDS)
    throw new TypeError(`downloadLinks() needs seconds as a whole number from 1 to ${MOST_SECONDS}.`);
  const signing = signer({ keys, purpose: "download-link", longestSeconds: seconds, now });
  const contextOf = (holder: string | undefined): readonly string[] => (holder === undefined ? [] : [holder]);
  return {
    mint({ key, filename }, holder) {
      if (!isStorageKey(key)) throw new TypeError("A download link needs the key of a stored file.");
      const name = Array.from(filename).slice(0, LONGEST_NAME).join("").toWellFormed();
      return signing.sign(JSON.stringify([key, name]), { expiresInSeconds: seconds, context: contextOf(holder) });
    },
    redeem(text, holder) {
      const payload = signing.verify(text, { context: contextOf(holder) });
      if (payload === undefined) return undefined;
      const [key, filename] = JSON.parse(payload) as [string, string];
      return { key, filename };
    },
  };
}
