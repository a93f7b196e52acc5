/** The files of one request on their way into quarantine, each hashed as it passes. */
import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import type { Decision } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import { CSRF_FIELD } from "../primitives/csrf-field.ts";
import type { QuarantinedFile } from "./upload-fault.ts";
import type { UploadLimits } from "./upload-limits.ts";
import { readParts, type FilePart } from "./upload-parts.ts";
import { malformed, refusedFile } from "./upload-refusal.ts";
import type { ExpectedType, UploadType } from "./upload-type.ts";

/** A place for one file until it is judged. `Quarantine` of `glacis/data` is one. */
export interface UploadQuarantine {
  readonly path: string;
  readonly stream: NodeJS.WritableStream;
  read(position: number, length: number): Promise<Buffer>;
  commit(key: string, file: { readonly bytes: number; readonly sha256: string }): Promise<boolean>;
  discard(): Promise<void>;
}

/** A file that has arrived completely and has been judged by nobody yet. */
export interface IncomingFile extends QuarantinedFile {
  readonly field: string;
  readonly expected: ExpectedType;
  readonly sha256: string;
  readonly quarantine: UploadQuarantine;
}

export interface UploadIntake {
  readonly fields: ReadonlyMap<string, readonly string[]>;
  read(body: NodeJS.ReadableStream, contentType: string): Promise<void>;
  /** Every file, once its last byte is written. */
  complete(): Promise<readonly IncomingFile[]>;
  /** The same file with other content, in the place of the first. */
  rewrite(file: IncomingFile, content: AsyncIterable<Buffer>): Promise<IncomingFile>;
  /** Leaves no file behind. */
  discard(): Promise<void>;
}

export interface IntakeOptions {
  readonly storage: { quarantine(): Promise<UploadQuarantine> };
  readonly type: UploadType;
  readonly limits: UploadLimits;
  readonly csrf: ((token: unknown) => Decision) | undefined;
}

export function uploadIntake({ storage, type, limits, csrf }: IntakeOptions): UploadIntake {
  const fields = new Map<string, string[]>();
  const quarantines: Promise<UploadQuarantine>[] = [];
  const arriving: Promise<IncomingFile>[] = [];
  let verified = csrf === undefined;

  function verify(token: unknown): void {
    verified = true;
    const decision = csrf?.(token);
    if (decision !== undefined && decision.kind !== "allow")
      throw decision.kind === "deny" ? new Refusal(decision) : malformed("csrf");
  }

  async function open(): Promise<UploadQuarantine> {
    const opening = storage.quarantine();
    quarantines.push(opening);
    return opening;
  }

  async function take(part: FilePart, expected: ExpectedType): Promise<IncomingFile> {
    const quarantine = await open();
    const watch = type.watch(expected);
    const measure = measured();
    // Beside the pipe and not in it: the pipe pauses both, and a stage less holds a buffer less.
    part.content.on("data", (chunk: Buffer) => {
      measure.add(chunk);
      const found = watch(chunk);
      if (found !== undefined) part.content.destroy(refusedFile(found));
    });
    await pipeline(part.content, quarantine.stream);
    return incoming({ field: part.field, expected, quarantine, ...measure.end() });
  }

  return {
    fields,
    async read(body, contentType) {
      await readParts(body, contentType, limits, {
        field(name, value) {
          if (!verified) return verify(name === CSRF_FIELD ? value : undefined);
          fields.set(name, [...(fields.get(name) ?? []), value]);
        },
        file(part) {
          if (!verified) verify(undefined);
          const expected = type.expect(part.filename, part.declaredType);
          if ("code" in expected) throw refusedFile(expected);
          const arrived = take(part, expected);
          // A write that fails ends the reading, which would otherwise wait for ever.
          arrived.catch((error: unknown) => part.content.destroy(error as Error));
          arriving.push(arrived);
        },
      });
    },
    complete: () => Promise.all(arriving),
    async rewrite({ field, expected, quarantine: first }, content) {
      const quarantine = await open();
      const measure = measured();
      await pipeline(
        content,
        async function* (chunks: AsyncIterable<Buffer>) {
          for await (const chunk of chunks) {
            measure.add(chunk);
            yield chunk;
          }
        },
        quarantine.stream,
      );
      await first.discard();
      return incoming({ field, expected, quarantine, ...measure.end() });
    },
    async discard() {
      await Promise.allSettled(arriving);
      for (const opened of await Promise.allSettled(quarantines))
        if (opened.status === "fulfilled") await opened.value.discard();
    },
  };
}

function measured(): { add(chunk: Buffer): void; end(): { readonly size: number; readonly sha256: string } } {
  const hash = createHash("sha256");
  let size = 0;
  return {
    add(chunk) {
      size += chunk.length;
      hash.update(chunk);
    },
    end: () => ({ size, sha256: hash.digest("hex") }),
  };
}

function incoming(file: Omit<IncomingFile, "path" | "read">): IncomingFile {
  const { quarantine, size } = file;
  return {
    ...file,
    path: quarantine.path,
    read: (position, length) => quarantine.read(position, Math.max(0, Math.min(length, size - position))),
  };
}
