/** A page that begins to arrive before it is complete. */
import { textOfHtml, type SafeHtml } from "./html.ts";

/** Pieces of a page in their order; those that are promises may finish in any. */
export type HtmlParts = AsyncIterable<SafeHtml> | Iterable<SafeHtml | Promise<SafeHtml>>;

/**
 * The bytes of a page, piece by piece, as fast as the reader takes them. What fails breaks the stream off, and with it the connection: a page that ends
 * too early must not look complete. Status and headers are gone by then, so decide and look up what may refuse before the first piece.
 *
 * @throws TypeError from the stream, for a piece that `html` did not make
 * @example
 * new Response(htmlStream([top, slowList(), bottom]), { headers: { "content-type": "text/html; charset=utf-8" } });
 */
export function htmlStream(parts: HtmlParts): ReadableStream<Uint8Array> {
  const pieces = iteratorOf(parts);
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await pieces.next();
      if (next.done === true) return controller.close();
      const text = textOfHtml(next.value);
      if (text === undefined) throw new TypeError("htmlStream: a piece is not markup; make it with html`...`.");
      // An empty chunk is none, and the reader would wait for the next pull.
      if (text === "") return this.pull?.(controller);
      controller.enqueue(encoder.encode(text));
    },
    async cancel() {
      await pieces.return?.();
    },
  });
}

async function* inOrder(parts: Iterable<SafeHtml | Promise<SafeHtml>>): AsyncGenerator<SafeHtml> {
  const started = [...parts];
  // Each is awaited in its turn; one that fails earlier is not unheard until then.
  for (const part of started) if (part instanceof Promise) part.catch(() => undefined);
  for (const part of started) yield await part;
}

function iteratorOf(parts: HtmlParts): AsyncIterator<SafeHtml> {
  return Symbol.asyncIterator in parts ? parts[Symbol.asyncIterator]() : inOrder(parts);
}
