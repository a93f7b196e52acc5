/** Where attachments lie, what may become one, and how they are handed out: the library's uploads, as Folio uses them. */
import type { Control, IdentifiedFacts, KeySource } from "glacis";
import { downloadLinks, localStorage, type DownloadLinks, type Storage } from "glacis/data";
import {
  clamdScanner,
  downloadSafety,
  postgresUploadQuotas,
  uploadQuota,
  uploads,
  type UploadQuota,
  type Uploads,
} from "glacis/input";
import { rateLimit, type RateLimitStore } from "glacis/network";
import { join } from "node:path";
import type { Database } from "../database/database.ts";
import type { Settings } from "../operations/settings.ts";
import { announced } from "./file-tasks.ts";

const MIB = 1024 * 1024;
/** What may be attached. Nothing that a browser or an office program would run, as far as a reader can tell. */
export const KINDS = ["pdf", "docx", "xlsx", "pptx", "png", "jpg", "gif", "webp", "txt", "csv"] as const;
export const LARGEST_BYTES: number = 10 * MIB;
const QUOTA_BYTES = 1024 * MIB;

export interface FileStore {
  readonly upload: Uploads;
  readonly storage: Storage;
  readonly quota: UploadQuota;
  readonly links: DownloadLinks;
  /** How many files one person may send. */
  readonly rate: Control<IdentifiedFacts>;
  readonly controls: readonly Control[];
}

export interface FileStoreParts {
  readonly settings: Pick<Settings, "kind" | "dataFolder" | "scanner">;
  readonly keys: KeySource;
  readonly database: Database;
  readonly limitStore: RateLimitStore;
  /** A bucket; the data folder without it. */
  readonly storage?: Storage | undefined;
}

export function fileStoreOf(parts: FileStoreParts): FileStore {
  const { settings, keys, database, limitStore } = parts;
  const { kind, dataFolder, scanner } = settings;
  const storage = parts.storage ?? localStorage({ root: join(dataFolder, "files") });
  const quota = uploadQuota({ store: postgresUploadQuotas(database), bytes: QUOTA_BYTES });
  const upload = uploads({
    storage: announced(storage, database),
    accept: KINDS,
    maxBytes: LARGEST_BYTES,
    maxFiles: 1,
    maxFields: 2,
    quota,
    ...(scanner !== undefined && { scan: clamdScanner(scanner), unscanned: "keep" as const }),
  });
  // A black-box test sends every file that it can think of.
  const rates = kind === "test-target" ? "6000/m" : "60/m";
  return {
    upload,
    storage,
    quota,
    links: downloadLinks({ keys }),
    rate: rateLimit({ name: "attachments", rates, by: "user", store: limitStore }),
    controls: [...upload.controls, downloadSafety()],
  };
}
