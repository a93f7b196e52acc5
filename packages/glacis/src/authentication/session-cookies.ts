import { hash, randomBytes } from "node:crypto";
import type { HeaderPair } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import type { RequestFacts } from "../core/facts.ts";
import { serializeCookie, serializeCookieDeletion, type CookieAttributes } from "../primitives/set-cookie.ts";

/** A request that is still able to put headers on its response: what an adapter's `admitted()` returns. */
export interface Responding extends RequestFacts {
  addResponseHeaders(headers: readonly HeaderPair[]): void;
  /** Leaves an event for the log. */
  note(event: AuditEvent): void;
}

const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/u;

/** 256 random bits for a browser, and what the store knows of them. */
export interface MintedToken {
  readonly token: string;
  readonly id: string;
}

export function mintToken(): MintedToken {
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  return { token, id: idOfToken(token) };
}

function idOfToken(token: string): string {
  return hash("sha256", token, "base64url");
}

/** One cookie that holds an opaque token. */
export interface TokenCookie {
  readonly name: string;
  /** The store's id of what the request brought, or undefined when it brought none that could be ours. */
  idIn(request: RequestFacts): string | undefined;
  set(token: string): HeaderPair;
  readonly cleared: HeaderPair;
}

export function tokenCookie(name: string, attributes: CookieAttributes): TokenCookie {
  const { maxAgeSeconds: _, ...identity } = attributes;
  return {
    name,
    idIn(request) {
      const token = request.cookies.get(name);
      return token !== undefined && TOKEN.test(token) ? idOfToken(token) : undefined;
    },
    set: (token) => ["set-cookie", serializeCookie(name, token, attributes)],
    cleared: ["set-cookie", serializeCookieDeletion(name, identity)],
  };
}
