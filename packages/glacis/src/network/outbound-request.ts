/** A request as the caller wrote it, made ready for the wire, and what of it survives a redirect. */
import { Readable } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import type { WireRequest } from "./outbound-connection.ts";
import { OutboundError } from "./outbound-error.ts";

/** What fetch takes beside the URL. Members that are not named here mean nothing on a server and are ignored. */
export interface OutboundInit {
  readonly method?: string | undefined;
  readonly headers?: RequestInit["headers"] | undefined;
  readonly body?: RequestInit["body"] | null | undefined;
  readonly signal?: AbortSignal | null | undefined;
  /** `manual` returns a redirect as it is; `error` follows none. */
  readonly redirect?: "follow" | "manual" | "error" | undefined;
}

/** The header block's bound (ASVS 5 4.2.5). */
const MOST_HEADER_BYTES = 16_384;
/** Framing and routing are the connection's business: a caller that sets them smuggles, by intent or by accident. */
const FORBIDDEN = /^(?:host|transfer-encoding|te|trailer|upgrade|expect|http2-settings|proxy-.*)$/u;
/** Set anew for every connection; what a caller copied from elsewhere is dropped. */
const REPLACED = ["connection", "keep-alive", "content-length"];
/** What may follow a redirect to another origin. Any other header may be a credential under a name of its own. */
const TRAVELS = new Set(["accept", "accept-encoding", "accept-language", "user-agent"]);

/**
 * Checks and completes a request.
 *
 * @throws TypeError for what the programmer must change: a method or header that fetch does not send
 */
export function wireRequest(init: OutboundInit): WireRequest {
  if ("dispatcher" in init || "agent" in init)
    throw new TypeError("outbound() chooses its connections itself. Remove the dispatcher or agent.");
  const method = (init.method ?? "GET").toUpperCase();
  if (!/^[A-Z]{1,32}$/u.test(method) || ["CONNECT", "TRACE", "TRACK"].includes(method))
    throw new TypeError("outbound() sends no such method. Use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.");
  const headers = new Headers(init.headers ?? undefined);
  for (const name of REPLACED) headers.delete(name);
  const { content, contentType } = readBody(init.body ?? null);
  if (content !== null && (method === "GET" || method === "HEAD"))
    throw new TypeError(`outbound() sends no body with ${method}. Use POST, or move the values to the query.`);
  if (contentType !== undefined && !headers.has("content-type")) headers.set("content-type", contentType);
  if (!headers.has("accept")) headers.set("accept", "*/*");
  if (!headers.has("accept-encoding")) headers.set("accept-encoding", "gzip, br");
  return { method, headers: plainHeaders(headers), body: content };
}

function plainHeaders(headers: Headers): Readonly<Record<string, string>> {
  const plain: Record<string, string> = {};
  let bytes = 0;
  for (const [name, value] of headers) {
    if (FORBIDDEN.test(name))
      throw new TypeError(`outbound() does not send the header ${name}: the connection decides it. Remove it.`);
    bytes += name.length + value.length + 4;
    plain[name] = value;
  }
  if (bytes > MOST_HEADER_BYTES)
    throw new TypeError(`outbound() sends at most ${MOST_HEADER_BYTES} bytes of headers, and these are ${bytes}.`);
  return plain;
}

interface ReadBody {
  readonly content: WireRequest["body"];
  readonly contentType?: string | undefined;
}

function readBody(body: NonNullable<OutboundInit["body"]> | null): ReadBody {
  if (body === null) return { content: null };
  if (typeof body === "string") return { content: body, contentType: "text/plain;charset=UTF-8" };
  if (body instanceof Uint8Array) return { content: body };
  // Everything rarer is read as the platform reads it, boundary of a form included.
  const read = new Response(body as ConstructorParameters<typeof Response>[0]);
  if (read.body === null) return { content: null };
  const content = Readable.fromWeb(read.body as NodeReadableStream<Uint8Array>);
  return { content, contentType: read.headers.get("content-type") ?? undefined };
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Where a response redirects to, or undefined. */
export function redirectTarget(status: number, location: string | readonly string[] | undefined): string | undefined {
  return REDIRECTS.has(status) && typeof location === "string" ? location : undefined;
}

/**
 * The request that follows a redirect: without its body, and without anything that could be a credential once the origin changes.
 *
 * @throws OutboundError when following it would hand the body to a destination that the server chose
 */
export function redirectedRequest(request: WireRequest, status: number, from: URL, to: URL): WireRequest {
  const reads = request.method === "GET" || request.method === "HEAD";
  if (!reads && (status === 307 || status === 308)) throw new OutboundError("redirect-refused", from.hostname);
  const same = from.origin === to.origin;
  const kept = Object.entries(request.headers).filter(
    ([name]) => (same || TRAVELS.has(name)) && (reads || !name.startsWith("content-")),
  );
  return { method: reads ? request.method : "GET", headers: Object.fromEntries(kept), body: null };
}
