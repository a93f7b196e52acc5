/** Files in a bucket of S3, or of what speaks its protocol, instead of the data folder. Loaded where one is named alone: the client is large. */
import { S3 } from "@aws-sdk/client-s3";
import { s3Storage, type S3Storage } from "glacis/data";
import { join } from "node:path";
import { StartError, type Settings } from "../operations/settings.ts";

/** Region, credentials and endpoint are the SDK's own affair: a role, or the variables that it knows by itself. */
export function bucketOf({ bucket, dataFolder }: Pick<Settings, "bucket" | "dataFolder">): S3Storage | undefined {
  if (bucket === undefined) return undefined;
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env;
  // Servers of one's own seldom have a host name for each bucket.
  const client = new S3({ forcePathStyle: (AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL) !== undefined });
  const { name, kmsKeyId } = bucket;
  const quarantine = join(dataFolder, "quarantine");
  return s3Storage({ client, bucket: name, quarantine, ...(kmsKeyId !== undefined && { kmsKeyId }) });
}

/**
 * The bucket, once it has said that it is private. One that does not answer now is asked nothing more, and `glacis check` says so.
 *
 * @throws StartError for a bucket that may be public, is not there, or is not ours to use
 */
export async function openBucket(settings: Pick<Settings, "bucket" | "dataFolder">): Promise<S3Storage | undefined> {
  const storage = bucketOf(settings);
  const name = settings.bucket?.name ?? "";
  const found = await storage?.verify().catch((error: unknown) => {
    if ([301, 403, 404].includes(statusOf(error)))
      throw new StartError(
        `The bucket ${name} of FILES_BUCKET cannot be used: it is not there, in another region, or not this role's. It needs s3:GetBucketPublicAccessBlock, s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket.`,
      );
    return undefined;
  });
  if (found === "public")
    throw new StartError(
      `The bucket ${name} of FILES_BUCKET may be public. Turn on all four settings of its public access block.`,
    );
  return storage;
}

function statusOf(error: unknown): number {
  return (error as { readonly $metadata?: { readonly httpStatusCode?: number } })?.$metadata?.httpStatusCode ?? 0;
}
