/** A response as fetch returns it, read within bounds. */
import { pipeline, type Readable } from "node:stream";
import { createBrotliDecompress, createGunzip } from "node:zlib";
import type { WireResponse } from "./outbound-connection.ts";
import { OutboundError, outboundErrorOf } from "./outbound-error.ts";

/** Bodies up to this size are taken whole: the connection is free again even if the caller only looks at the status. */
const SMALL_BYTES = 65_536;
/** How long a short body that nobody wants may take before its connection is given up. */
const LONGEST_DRAIN_MS = 1000;
const NO_BODY = new Set([204, 205, 304]);

export interface ResponseBounds {
  readonly maxResponseBytes: number;
  /** Called once, when nothing more will be read. */
  readonly finished: () => void;
}

/**
 * Makes a `Response` whose body ends with an OutboundError where it grows past the bound, as sent or decompressed.
 *
 * @throws OutboundError when the declared length or the encoding is refused
 */
export async function boundedResponse(
  wire: WireResponse,
  url: URL,
  method: string,
  bounds: ResponseBounds,
): Promise<Response> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(wire.headers)) {
    for (const item of Array.isArray(value) ? value : [value ?? ""]) headers.append(name, item);
  }
  const body = await readBody(wire, url.hostname, method, headers, bounds);
  const response = new Response(body as ConstructorParameters<typeof Response>[0], { status: wire.status, headers });
  Object.defineProperty(response, "url", { value: url.href });
  return response;
}

async function readBody(
  wire: WireResponse,
  host: string,
  method: string,
  headers: Headers,
  { maxResponseBytes, finished }: ResponseBounds,
): Promise<Uint8Array | ReadableStream<Uint8Array> | null> {
  const { status, body } = wire;
  if (method === "HEAD" || NO_BODY.has(status)) {
    // HTTP gives a 205 a body like any, which fetch does not show (RFC 9112 section 6.3).
    if (status === 205) release(wire);
    else body.on("error", () => undefined).resume();
    finished();
    return null;
  }
  const length = headers.get("content-length");
  if (length !== null && Number(length) > maxResponseBytes) throw new OutboundError("response-too-large", host);
  const coding = headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (coding === "identity" || coding === "") {
    if (length === null || Number(length) > SMALL_BYTES) return webStream(body, host, maxResponseBytes, finished);
    const bytes = await body.bytes();
    finished();
    return bytes;
  }
  const decoded = decode(body, coding, host, maxResponseBytes);
  headers.delete("content-encoding");
  headers.delete("content-length");
  return webStream(decoded, host, maxResponseBytes, finished);
}

function decode(body: Readable, coding: string, host: string, maxBytes: number): Readable {
  const decoder =
    coding === "gzip" || coding === "x-gzip" ? createGunzip() : coding === "br" ? createBrotliDecompress() : undefined;
  if (decoder === undefined) throw new OutboundError("encoding-refused", host);
  // The reader of the decoder sees the error: pipeline destroys it with the same one.
  pipeline(
    body,
    (source: Readable) => counted(source, host, maxBytes),
    decoder,
    () => undefined,
  );
  return decoder;
}

/** Passes chunks on until there are more bytes than allowed. */
async function* counted(source: Readable, host: string, maxBytes: number): AsyncGenerator<Buffer, void> {
  let bytes = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new OutboundError("response-too-large", host);
    yield chunk;
  }
}

function webStream(source: Readable, host: string, maxBytes: number, finished: () => void): ReadableStream<Uint8Array> {
  const chunks = counted(source, host, maxBytes);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await chunks.next();
          if (next.done !== true) return controller.enqueue(new Uint8Array(next.value));
          finished();
          return controller.close();
        } catch (error) {
          finished();
          return controller.error(bodyErrorOf(error, host));
        }
      },
      cancel() {
        finished();
        discard(source);
      },
    },
    { highWaterMark: 0 },
  );
}

/** What the caller's own signal says passes as it is. */
function bodyErrorOf(error: unknown, host: string): unknown {
  return error instanceof DOMException ? error : outboundErrorOf(error, host);
}

/** Ends a body that nobody reads, and its connection with it. */
function discard(body: Readable): void {
  body.on("error", () => undefined).destroy();
}

/**
 * Lets go of a response whose body nobody wants: a short one that comes soon is read to its end, so that the connection can serve again. No
 * deadline of a request holds any more when this is called.
 */
export function release({ headers, body }: WireResponse): void {
  const length = headers["content-length"];
  if (length === undefined || Number(length) > SMALL_BYTES) return discard(body);
  const signal = AbortSignal.timeout(LONGEST_DRAIN_MS);
  body.dump({ limit: SMALL_BYTES, signal }).catch(() => undefined);
}
