/** Links that prove an address and count once: resets, invitations, confirmations (catalog activation-tokens; ASVS 5 section 6.4.1; guide A04). */
import { hash, randomBytes } from "node:crypto";
import type { OneTimeLink, OneTimeLinkStore } from "./one-time-link-store.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** What a link is for. No link of one purpose ever serves another. */
export type LinkPurpose =
  | "sign_up"
  | "password_reset"
  | "email_change"
  | "invitation"
  | "invited"
  | "disown"
  | "deletion"
  | "setup";

/** How long a link lives. */
export const LINK_LIFETIMES_MS: Readonly<Record<LinkPurpose, number>> = {
  sign_up: DAY_MS,
  password_reset: 30 * MINUTE_MS,
  email_change: HOUR_MS,
  invitation: 7 * DAY_MS,
  /** Opens nothing. While it lives, the invitation may be mailed. */
  invited: 7 * DAY_MS,
  /** "This was not me": it has to outlive a holiday's unread mail. */
  disown: 7 * DAY_MS,
  deletion: 30 * DAY_MS,
  setup: 15 * MINUTE_MS,
};

const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/u;

export interface OneTimeLinks {
  /**
   * A new token of 256 bits, to be mailed and never stored or logged; the former one of this purpose and subject is void from now on.
   *
   * @param subject whom it is about: a user's id, or an address that has no account yet
   * @param detail what it will be about once it is redeemed, at most 4000 characters as JSON
   */
  mint(purpose: LinkPurpose, subject: string, nowMs: number, detail?: OneTimeLink["detail"]): Promise<string>;
  /** Looks without using it up: for a page that a mail scanner may open too. Undefined for whatever is not a live link of this purpose. */
  read(purpose: LinkPurpose, token: unknown, nowMs: number): Promise<OneTimeLink | undefined>;
  /** Uses it up. Of any number at once exactly one gets the link; undefined for everything else, of whatever type. */
  redeem(purpose: LinkPurpose, token: unknown, nowMs: number): Promise<OneTimeLink | undefined>;
  /** Voids what is outstanding. */
  void(purposes: readonly LinkPurpose[], subject: string): Promise<void>;
  /** Voids what somebody has sent to others: links whose detail names him as `invitedBy`. */
  voidSent(purposes: readonly LinkPurpose[], invitedBy: string): Promise<void>;
}

/**
 * One-time links over a store that knows only SHA-256 of each token: 256 random bits need no slower hash (ASVS 5 section 6.5.2), and the look-up
 * by hash leaves nothing to compare in time.
 *
 * @example
 * const links = oneTimeLinks(memoryOneTimeLinks());
 * const token = await links.mint("password_reset", user.id, Date.now());
 */
export function oneTimeLinks(store: OneTimeLinkStore): OneTimeLinks {
  return {
    async mint(purpose, subject, nowMs, detail = {}) {
      if (subject === "") throw new TypeError("A one-time link needs a subject.");
      const token = randomBytes(TOKEN_BYTES).toString("base64url");
      const endsAtMs = nowMs + LINK_LIFETIMES_MS[purpose];
      await store.put({ id: idOf(token), purpose, subject, detail, createdAtMs: nowMs, endsAtMs });
      return token;
    },
    async read(purpose, token, nowMs) {
      return isToken(token) ? store.read(idOf(token), purpose, nowMs) : undefined;
    },
    async redeem(purpose, token, nowMs) {
      return isToken(token) ? store.take(idOf(token), purpose, nowMs) : undefined;
    },
    void: async (purposes, subject) => store.void(purposes, subject),
    voidSent: async (purposes, invitedBy) => store.voidSent(purposes, invitedBy),
  };
}

function isToken(token: unknown): token is string {
  return typeof token === "string" && TOKEN.test(token);
}

function idOf(token: string): string {
  return hash("sha256", token, "base64url");
}
