/** Reads a multipart form as it arrives, within its limits and its time (RFC 7578). */
import type { Readable } from "node:stream";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { Refusal } from "../core/error-reason.ts";
import { fault } from "./upload-fault.ts";
import { aborted, limitExceeded, malformed, refusedFile, tooSlow } from "./upload-refusal.ts";
import type { UploadLimits } from "./upload-limits.ts";

/** One file of the form, before its content. */
export interface FilePart {
  readonly field: string;
  readonly filename: string;
  readonly declaredType: string;
  readonly content: Readable;
}

/** What a throw of these says ends the reading. */
export interface PartHandlers {
  field(name: string, value: string): void;
  file(part: FilePart): void;
}

export const MOST_FIELD_BYTES: number = 8 * 1024;
const MOST_NAME_BYTES = 200;
const MOST_HEADER_BYTES = 8 * 1024;

/**
 * Settles once the form is complete and every part was handed over. When it rejects, nothing more is handed over, streams of files are
 * destroyed, and the rest of the body flows away unseen so that an answer can reach the client.
 */
export function readParts(
  body: NodeJS.ReadableStream,
  contentType: string,
  limits: UploadLimits,
  handlers: PartHandlers,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const parser = tryParser(contentType, limits);
    if (parser === undefined) return reject(malformed("multipart"));
    const reading: Reading = { parser, limits, handlers, contents: [], over: false, end };
    const release = watchBody(body, reading);
    function end(error?: Error): void {
      if (reading.over) return;
      reading.over = true;
      release();
      if (error === undefined) return resolve();
      body.unpipe(parser);
      body.resume();
      for (const content of reading.contents) content.destroy(error);
      reject(error);
    }
    hearParts(reading);
    if ("destroyed" in body && body.destroyed === true) end(aborted());
    else body.pipe(parser);
  });
}

/** One form that is being read. */
interface Reading {
  readonly parser: BusboyInstance;
  readonly limits: UploadLimits;
  readonly handlers: PartHandlers;
  readonly contents: Readable[];
  over: boolean;
  /** Settles it, once; with an error, nothing more is read. */
  readonly end: (error?: Error) => void;
}

/** Ends the reading when the client is late or gone. @returns what takes every listener and timer off again */
function watchBody(body: NodeJS.ReadableStream, { parser, limits, end }: Reading): () => void {
  let complete = false;
  const total = setTimeout(() => end(tooSlow("maxSeconds", limits.maxSeconds)), limits.maxSeconds * 1000);
  const late = (): void => end(tooSlow("maxIdleSeconds", limits.maxIdleSeconds));
  const idle = setTimeout(late, limits.maxIdleSeconds * 1000);
  const gone = (): void => void (complete || end(aborted()));
  const listeners: readonly (readonly [string, () => void])[] = [
    ["data", () => idle.refresh()],
    ["end", () => (complete = true)],
    ["close", gone],
    ["error", gone],
  ];
  for (const [event, listener] of listeners) body.on(event, listener);
  // The adapter has refused the body and has answered. A fault of the parser itself is told next.
  parser.on("unpipe", () => queueMicrotask(gone));
  return () => {
    clearTimeout(total);
    clearTimeout(idle);
    for (const [event, listener] of listeners) body.off(event, listener);
  };
}

function hearParts(reading: Reading): void {
  const { parser, limits, handlers, contents, end } = reading;
  /** A throw would be lost inside the parser. */
  const guarded = (act: () => void): void => {
    if (reading.over) return;
    try {
      act();
    } catch (error) {
      end(error as Error);
    }
  };
  parser.on("file", (field: string | undefined, content, filename: string | undefined, encoding, declaredType) => {
    // A refusal is ours, and the system's errors have codes: a write that failed. The parser's have none: the form broke off.
    content.on("error", (error) => end(error instanceof Refusal || "code" in error ? error : malformed("multipart")));
    if (reading.over) return void content.resume();
    contents.push(content);
    content.on("limit", () => end(limitExceeded("maxBytes", limits.maxBytes)));
    guarded(() => {
      if (field === undefined || !/^(?:7bit|8bit|binary)$/u.test(encoding)) throw malformed("multipart_part");
      // A file input that was left empty: no name, no bytes.
      if (filename === "") return void content.once("data", () => end(refusedFile(fault("name_missing"))));
      handlers.file({ field, filename: filename ?? "", declaredType, content });
    });
  });
  parser.on("field", (name: string | undefined, value, nameCut, valueCut) =>
    guarded(() => {
      if (name === undefined || name.length > MOST_NAME_BYTES || nameCut) throw malformed("multipart_part");
      if (valueCut) throw limitExceeded("fieldBytes", MOST_FIELD_BYTES);
      handlers.field(name, value);
    }),
  );
  parser.on("filesLimit", () => end(limitExceeded("maxFiles", limits.maxFiles)));
  parser.on("fieldsLimit", () => end(limitExceeded("maxFields", limits.maxFields)));
  parser.on("partsLimit", () => end(limitExceeded("maxParts", limits.maxFiles + limits.maxFields)));
  parser.on("error", () => end(malformed("multipart")));
  parser.on("finish", () => end());
}

function tryParser(contentType: string, { maxBytes, maxFiles, maxFields }: UploadLimits): BusboyInstance | undefined {
  try {
    return new Busboy({
      headers: { "content-type": contentType },
      // We take the last step of a name ourselves, for both kinds of slashes.
      preservePath: true,
      limits: {
        fieldNameSize: MOST_NAME_BYTES,
        fieldSize: MOST_FIELD_BYTES,
        fields: maxFields,
        fileSize: maxBytes,
        files: maxFiles,
        parts: maxFiles + maxFields,
        headerPairs: 16,
        headerSize: MOST_HEADER_BYTES,
      },
    });
  } catch {
    return undefined;
  }
}
