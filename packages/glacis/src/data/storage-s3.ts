/** Files of users in an S3 bucket; quarantine stays on this machine, so that the bucket holds judged files alone. */
import { createReadStream, mkdirSync, type ReadStream } from "node:fs";
import { isAbsolute } from "node:path";
import type { Control } from "../core/control.ts";
import { finding, type Location } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { PRIVATE_STORAGE_META, STORAGE_PUBLIC, STORAGE_UNVERIFIED } from "./private-storage.ts";
import { within } from "./secret-reading.ts";
import { openQuarantine, sweepQuarantine, type QuarantineFile } from "./storage-quarantine.ts";
import {
  isStorageKey,
  newStorageKey,
  StorageKeyError,
  type ByteRange,
  type Quarantine,
  type Storage,
} from "./storage.ts";

const TIMEOUT_MS = 10_000;
/** An object of 5 GiB, the most that one call takes, at 10 MB a second. */
const UPLOAD_TIMEOUT_MS = 600_000;
const BLOCKS = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"] as const;

interface CallOptions {
  abortSignal?: AbortSignal;
}
interface ObjectName {
  Bucket: string;
  Key: string;
}
type PublicAccessBlock = Partial<Record<(typeof BLOCKS)[number], boolean | undefined>>;

/** The part of `S3` of `@aws-sdk/client-s3` that is used. */
export interface S3Client {
  putObject(
    input: ObjectName & {
      Body: ReadStream;
      ContentLength: number;
      ChecksumSHA256: string;
      IfNoneMatch: "*";
      ContentType: string;
      ContentDisposition: string;
      CacheControl: string;
      ServerSideEncryption: "aws:kms" | "AES256";
      SSEKMSKeyId?: string;
      BucketKeyEnabled?: boolean;
    },
    options?: CallOptions,
  ): Promise<unknown>;
  headObject(input: ObjectName, options?: CallOptions): Promise<{ ContentLength?: number | undefined }>;
  getObject(input: ObjectName & { Range?: string }, options?: CallOptions): Promise<{ Body?: unknown }>;
  deleteObject(input: ObjectName, options?: CallOptions): Promise<unknown>;
  getPublicAccessBlock(
    input: { Bucket: string },
    options?: CallOptions,
  ): Promise<{ PublicAccessBlockConfiguration?: PublicAccessBlock | undefined }>;
}

export interface S3StorageOptions {
  /** `new S3({ region })`. */
  readonly client: S3Client;
  readonly bucket: string;
  /** The absolute path of a folder of this machine for files that are not judged yet; made when it is not there. */
  readonly quarantine: string;
  /** The ARN of the KMS key that objects are encrypted with. The bucket's own key (SSE-S3) without it. */
  readonly kmsKeyId?: string;
  /** For one call but the upload itself. 10 000. */
  readonly timeoutMs?: number;
}

export interface S3Storage extends Storage {
  /**
   * Asks the bucket whether all four settings of its public access block are on; until then, and when the bucket does not say, it counts as
   * unverified. A bucket that is found open takes no files.
   *
   * @throws what the client throws when the bucket cannot be asked
   */
  verify(): Promise<"private" | "public">;
}

/**
 * Keeps files in a bucket: encrypted, not overwritten (`If-None-Match: *`), their SHA-256 checked by the service, and marked to be saved and not
 * cached. The role needs s3:PutObject, s3:GetObject, s3:DeleteObject, and s3:ListBucket, without which a missing file looks forbidden.
 *
 * @throws TypeError on an unknown option, a client of another kind or a quarantine that is no absolute path.
 * @example
 * const storage = s3Storage({ client: new S3(), bucket: "acme-files", quarantine: "/var/lib/app/quarantine" });
 * await storage.verify();
 */
export function s3Storage(options: S3StorageOptions): S3Storage {
  const { client, bucket, quarantine: folder, timeoutMs = TIMEOUT_MS } = readOptions(options);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let found: "unverified" | "private" | "public" = "unverified";
  let swept: Promise<void> | undefined;
  const timed = (): CallOptions => ({ abortSignal: AbortSignal.timeout(timeoutMs) });
  const nameOf = (key: string): ObjectName => {
    if (!isStorageKey(key)) throw new StorageKeyError();
    return { Bucket: bucket, Key: key };
  };
  const size = async (key: string): Promise<number | undefined> => {
    if (!isStorageKey(key)) return undefined;
    return (await client.headObject(nameOf(key), timed()).catch(unlessMissing))?.ContentLength;
  };
  return {
    control: control(bucket, () => found),
    newKey: newStorageKey,
    async quarantine() {
      if (found === "public") throw new Error("The bucket may be public: no file goes there.");
      await (swept ??= sweepQuarantine(folder));
      return quarantined(await openQuarantine(folder, false), options, nameOf);
    },
    size,
    async read(key, range) {
      const input = { ...nameOf(key), ...rangeOf(range) };
      // Until the head is there: what comes then may take as long as its reader.
      const answer = await within(timeoutMs, (signal) => client.getObject(input, { abortSignal: signal })).catch(
        unlessMissing,
      );
      if (answer?.Body === undefined) throw new StorageKeyError();
      return answer.Body as NodeJS.ReadableStream;
    },
    async remove(key) {
      const name = nameOf(key);
      if ((await size(key)) === undefined) return false;
      await client.deleteObject(name, timed());
      return true;
    },
    async verify() {
      const answer = await client.getPublicAccessBlock({ Bucket: bucket }, timed()).catch((error: unknown) => {
        if (nameOfError(error) === "NoSuchPublicAccessBlockConfiguration") return undefined;
        throw error;
      });
      const block = answer?.PublicAccessBlockConfiguration;
      return (found = BLOCKS.every((name) => block?.[name] === true) ? "private" : "public");
    },
  };
}

function quarantined(file: QuarantineFile, options: S3StorageOptions, nameOf: (key: string) => ObjectName): Quarantine {
  const { client, kmsKeyId } = options;
  return {
    path: file.path,
    stream: file.stream,
    read: (position, length) => file.read(position, length),
    discard: () => file.discard(),
    async commit(key, { bytes, sha256 }) {
      try {
        await client.putObject(
          {
            ...nameOf(key),
            Body: createReadStream(file.path),
            ContentLength: bytes,
            ChecksumSHA256: Buffer.from(sha256, "hex").toString("base64"),
            IfNoneMatch: "*",
            ContentType: "application/octet-stream",
            ContentDisposition: "attachment",
            CacheControl: "no-store",
            ...(kmsKeyId === undefined
              ? { ServerSideEncryption: "AES256" }
              : { ServerSideEncryption: "aws:kms", SSEKMSKeyId: kmsKeyId, BucketKeyEnabled: true }),
          },
          { abortSignal: AbortSignal.timeout(UPLOAD_TIMEOUT_MS) },
        );
      } catch (error) {
        if (nameOfError(error) === "PreconditionFailed") return false;
        throw error;
      }
      await file.discard();
      return true;
    },
  };
}

function readOptions(options: S3StorageOptions): S3StorageOptions {
  rejectUnknownOptions("s3Storage", options, ["client", "bucket", "quarantine", "kmsKeyId", "timeoutMs"]);
  const { client, bucket, quarantine } = options;
  if (typeof client?.putObject !== "function")
    throw new TypeError("s3Storage() needs client as an S3 of @aws-sdk/client-s3.");
  if (typeof bucket !== "string" || bucket === "")
    throw new TypeError("s3Storage() needs bucket as the bucket's name.");
  if (typeof quarantine !== "string" || !isAbsolute(quarantine))
    throw new TypeError("s3Storage() needs quarantine as the absolute path of a folder.");
  const { timeoutMs = TIMEOUT_MS } = options;
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 2 ** 31 - 1)
    throw new TypeError("s3Storage() needs timeoutMs as a whole number above zero.");
  return options;
}

function control(bucket: string, found: () => "unverified" | "private" | "public"): Control {
  const at: Location = { kind: "setting", name: `s3Storage ${bucket}` };
  return {
    meta: PRIVATE_STORAGE_META,
    rules: [STORAGE_UNVERIFIED, STORAGE_PUBLIC],
    check({ mode }) {
      if (found() === "public") return [finding(STORAGE_PUBLIC, at)];
      return found() === "unverified" && mode === "production" ? [finding(STORAGE_UNVERIFIED, at)] : [];
    },
  };
}

function rangeOf(range: ByteRange | undefined): { Range?: string } {
  return range === undefined ? {} : { Range: `bytes=${range.start}-${range.end}` };
}

function nameOfError(error: unknown): string | undefined {
  return error instanceof Error ? error.name : undefined;
}

function unlessMissing(error: unknown): undefined {
  const name = nameOfError(error);
  if (name === "NotFound" || name === "NoSuchKey") return undefined;
  throw error;
}
