/** Advisories from the API of OSV.dev, or from a server that speaks its protocol (google.github.io/osv.dev/api). */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CannotCheck } from "../outcome.ts";
import type { AdvisorySource } from "./advisory.ts";
import { readText } from "./bounded-file.ts";
import { tableOf, textOf } from "../parsed-document.ts";
import { parseOsvRecord, type OsvRecord } from "./osv-record.ts";

export interface OsvApiOptions {
  /** `https://api.osv.dev`, or a mirror of it. */
  readonly url: string;
  /** Where records are kept between runs; nowhere when undefined. */
  readonly cacheFolder: string | undefined;
  /** For one attempt, in milliseconds. */
  readonly timeoutMs?: number;
  /** The pause before the second attempt, in milliseconds; each further one is twice as long. */
  readonly retryMs?: number;
}

const MOST_QUERIES = 1000;
const MOST_PAGES = 100;
const ATTEMPTS = 4;
const PARALLEL = 8;
const LONGEST_PAUSE_MS = 30_000;
const MOST_BYTES = 32 * 1024 * 1024;
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/u;

interface Query {
  readonly package: { readonly name: string; readonly ecosystem: "npm" };
  readonly version: string;
  readonly page_token?: string;
}

/** @throws CannotCheck when the address is none, or would send what is installed in the clear */
export function osvApi({ url, cacheFolder, timeoutMs = 20_000, retryMs = 500 }: OsvApiOptions): AdvisorySource {
  const base = baseOf(url);
  const ask = (path: string, body?: unknown): Promise<unknown> =>
    request(new URL(path, base), body, timeoutMs, retryMs);
  return {
    name: base.host,
    recordsFor: async (packages) => {
      const distinct = [...new Map(packages.map((known) => [`${known.name}@${known.version}`, known])).values()];
      const idsOf = new Map<string, Map<string, string>>();
      for (let start = 0; start < distinct.length; start += MOST_QUERIES) {
        const part = distinct.slice(start, start + MOST_QUERIES);
        for (const [label, ids] of await askBatch(part, ask)) idsOf.set(label, ids);
      }
      const wanted = new Map([...idsOf.values()].flatMap((ids) => [...ids]));
      const records = await fetchRecords(wanted, ask, cacheFolder);
      return {
        records: new Map(
          [...idsOf].map(([label, ids]) => [label, [...ids.keys()].map((id) => records.get(id) as OsvRecord)]),
        ),
        newestMs: undefined,
        size: undefined,
      };
    },
  };
}

function baseOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const loopback = url !== undefined && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url !== undefined && (url.protocol === "https:" || (url.protocol === "http:" && loopback)))
    return new URL(url.pathname.endsWith("/") ? url : `${url.href}/`);
  throw new CannotCheck(
    "the address of the advisories is no https URL.",
    "whoever is on the way could answer that there are none.",
    "leave it to https://api.osv.dev, or name a mirror by https.",
  );
}

type Ask = (path: string, body?: unknown) => Promise<unknown>;

/** Ids and when each was modified, by `name@version`. Pages are followed for the queries that have some. */
async function askBatch(
  packages: readonly { readonly name: string; readonly version: string }[],
  ask: Ask,
): Promise<ReadonlyMap<string, Map<string, string>>> {
  const found = new Map<string, Map<string, string>>();
  let queries: readonly Query[] = packages.map(({ name, version }) => ({
    package: { name, ecosystem: "npm" },
    version,
  }));
  for (let page = 0; queries.length > 0; page += 1) {
    if (page === MOST_PAGES) throw unasked(`the answer has more than ${MOST_PAGES} pages.`);
    const { results } = tableOf(await ask("v1/querybatch", { queries }));
    if (!Array.isArray(results) || results.length !== queries.length)
      throw unasked("the answer is not of as many parts as the question.");
    const next: Query[] = [];
    for (const [index, query] of queries.entries()) {
      const result = tableOf(results[index]);
      const label = `${query.package.name}@${query.version}`;
      const ids = found.get(label) ?? new Map<string, string>();
      found.set(label, ids);
      const { vulns = [] } = result;
      if (!Array.isArray(vulns)) throw unasked("the answer is not what the protocol says.");
      for (const vuln of vulns) {
        const { id, modified } = tableOf(vuln);
        if (typeof id !== "string" || !ID.test(id)) throw unasked("the answer names a record by no id.");
        ids.set(id, textOf(modified) ?? "");
      }
      const token = textOf(result["next_page_token"]);
      if (token !== undefined) next.push({ ...query, page_token: token });
    }
    queries = next;
  }
  return found;
}

async function fetchRecords(
  wanted: ReadonlyMap<string, string>,
  ask: Ask,
  cacheFolder: string | undefined,
): Promise<ReadonlyMap<string, OsvRecord>> {
  const records = new Map<string, OsvRecord>();
  const waiting = [...wanted];
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [id, modified] = next;
      records.set(id, readCached(cacheFolder, id, modified) ?? (await fetchRecord(id, ask, cacheFolder)));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return records;
}

async function fetchRecord(id: string, ask: Ask, cacheFolder: string | undefined): Promise<OsvRecord> {
  const value = await ask(`v1/vulns/${encodeURIComponent(id)}`);
  const record = parseOsvRecord(value);
  if (record === undefined || record.id !== id) throw unasked(`the record ${id} is none.`);
  writeCached(cacheFolder, id, value);
  return record;
}

/** A record of the cache counts only if it is the very version that the server speaks of. */
function readCached(folder: string | undefined, id: string, modified: string): OsvRecord | undefined {
  if (folder === undefined || modified === "") return undefined;
  try {
    const record = parseOsvRecord(JSON.parse(readText(join(folder, `${id}.json`)) ?? "null"));
    return record?.id === id && record.modified === modified ? record : undefined;
  } catch {
    return undefined;
  }
}

/** A cache that cannot be written costs time and nothing else. */
function writeCached(folder: string | undefined, id: string, value: unknown): void {
  if (folder === undefined) return;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const temporary = join(folder, `.${id}.${process.pid}`);
    writeFileSync(temporary, JSON.stringify(value), { mode: 0o600 });
    renameSync(temporary, join(folder, `${id}.json`));
  } catch {
    // Asked for again next time.
  }
}

/** An answer that another attempt may mend. */
class Passing extends Error {
  override readonly name = "Passing";
  readonly afterMs: number;

  constructor(message: string, afterMs = 0) {
    super(message);
    this.afterMs = afterMs;
  }
}

async function request(url: URL, body: unknown, timeoutMs: number, retryMs: number): Promise<unknown> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptOnce(url, body, timeoutMs);
    } catch (error) {
      if (!(error instanceof Passing)) throw error;
      if (attempt === ATTEMPTS) throw unasked(`${url.host} ${error.message}, ${ATTEMPTS} times.`);
      await pause(Math.min(LONGEST_PAUSE_MS, Math.max(error.afterMs, retryMs * 2 ** (attempt - 1))));
    }
  }
}

async function attemptOnce(url: URL, body: unknown, timeoutMs: number): Promise<unknown> {
  const signal = AbortSignal.timeout(timeoutMs);
  let response: Response;
  try {
    response = await fetch(url, {
      signal,
      redirect: "error",
      headers: { accept: "application/json", "user-agent": "glacis" },
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
    });
  } catch {
    throw new Passing(signal.aborted ? `did not answer within ${timeoutMs} ms` : "could not be reached");
  }
  if (response.status === 429 || response.status >= 500) {
    await response.body?.cancel().catch(() => undefined);
    throw new Passing(`answered ${response.status}`, Number(response.headers.get("retry-after") ?? 0) * 1000 || 0);
  }
  if (!response.ok) {
    await response.body?.cancel().catch(() => undefined);
    throw unasked(`${url.host} answered ${response.status}.`);
  }
  try {
    return JSON.parse(await boundedText(response)) as unknown;
  } catch (error) {
    if (error instanceof CannotCheck) throw error;
    throw new Passing("broke off in the middle of its answer");
  }
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw unasked(`an answer is longer than ${MOST_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
}

function unasked(what: string): CannotCheck {
  return new CannotCheck(
    `the advisories could not be asked for: ${what}`,
    "packages that nobody has asked about count as not judged, and never as sound.",
    "try again, or give a local export of OSV with --database (docs/supply-chain.md says where one is).",
  );
}
