/**
 * What a request becomes that Node's HTTP parser refused before anybody saw it.
 *
 * Such a request never reaches a framework: the server emits `clientError` with the error and the socket, and whoever listens must answer.
 * Measured on Node 20.20 (llhttp 9.3), strict parser, on raw sockets; `client-error.test.ts` holds it:
 *
 * | refused by the parser, so answered from `clientError` | passed on, so judged by `network/request-shape.ts` |
 * | --- | --- |
 * | obs-fold, space before the colon, empty or non-token header name | two Host lines, an empty Host |
 * | NUL, control bytes, DEL, bare CR or bare LF in a header | bytes above 0x7f in a value (read as Latin-1) |
 * | Content-Length twice, signed, empty, a list, over 2^64 | Content-Length on a GET |
 * | Transfer-Encoding with Content-Length, twice, or not chunked last | `gzip, chunked`; chunked in HTTP/1.0; an empty value beside Content-Length |
 * | an unknown or lower-case method | TRACE, PROPFIND and every other method that llhttp knows |
 * | controls, spaces and bytes above 0x7f in the target | fragment, backslash, quote, absolute form with any authority, `*` |
 * | HTTP/1.2, the HTTP/2 preface | "HTTP/2.0" and "HTTP/0.9" as a version on an HTTP/1 socket |
 *
 * `identity`, `xchunked` and their kind, and broken chunks, are both: the request is passed on and `clientError` follows while the body is
 * read, so the listener must not answer on a socket whose response has begun. It can also fire twice for one socket. Three cases emit no `clientError`: a missing Host, which Node
 * answers itself with a bare 400 unless the server is created with `requireHostHeader: false`; an unknown `Expect`, which Node answers with
 * 417; and CONNECT, whose socket Node closes unless a `connect` listener answers it.
 *
 * `Connection: close` alone does not stop a smuggled request: what arrived in the same segment behind the refused one is still emitted as a
 * request, and its handler would run although nobody reads the answer. Whoever closes must also ignore every later request of that socket.
 */
import type { Reason } from "../core/reasons.ts";

const FRAMING: readonly string[] = [
  "HPE_INVALID_TRANSFER_ENCODING",
  "HPE_INVALID_CONTENT_LENGTH",
  "HPE_UNEXPECTED_CONTENT_LENGTH",
  "HPE_INVALID_CHUNK_SIZE",
  "HPE_CR_EXPECTED",
  "HPE_LF_EXPECTED",
  "HPE_STRICT",
  "HPE_CLOSED_CONNECTION",
];

/** The client ended the connection in the middle of its request: a phone that lost its network does, and means nothing by it (RFC 9112 section 8). */
export const LEFT_EARLY = "HPE_INVALID_EOF_STATE";

const REASON_OF_CODE: ReadonlyMap<string, Reason> = new Map([
  ...FRAMING.map((code) => [code, "framing_ambiguous"] as const),
  ["HPE_INVALID_METHOD", "method_unknown"],
  ["HPE_HEADER_OVERFLOW", "headers_too_large"],
  ["HPE_CHUNK_EXTENSIONS_OVERFLOW", "body_too_large"],
  ["ERR_HTTP_REQUEST_TIMEOUT", "request_timeout"],
]);

/**
 * The reason to refuse with when a server emits `clientError`. Never throws; whatever is not known is `request_malformed`.
 *
 * The listener answers once and closes: after a parser error nothing that follows on the connection can be trusted (RFC 9112 section 11.2).
 * It answers only while `socket.writable` and no response on it has begun; a reset by the client (`ECONNRESET`) has nobody left to answer.
 *
 * @example
 * server.on("clientError", (error, socket) => answerAndClose(socket, reasonOfClientError(error)));
 */
export function reasonOfClientError(error: { readonly code?: string | undefined }): Reason {
  return REASON_OF_CODE.get(error?.code ?? "") ?? "request_malformed";
}
