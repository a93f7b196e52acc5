/** What a domain says about its mail: SPF (RFC 7208), DKIM (RFC 6376, RFC 8301, RFC 8463), DMARC (RFC 7489). Each answers with the problem, if any. */
import { createPublicKey } from "node:crypto";
import type { DnsQuestions } from "./dns-questions.ts";

/** RFC 7208 section 4.6.4. */
const MOST_LOOKUPS = 10;
const LOOKS_UP = /^[+?~-]?(?:a|mx|ptr)(?:[:/]|$)|^[+?~-]?exists:/iu;

/** @param sends without it the only good policy is that nobody may */
export async function spfProblem(ask: DnsQuestions, domain: string, sends: boolean): Promise<string | undefined> {
  const record = await spfOf(ask, domain);
  if (record === undefined) return "no record";
  if (record === "several") return "several records, which count as none";
  if (!sends)
    return /^v=spf1\s+-all$/iu.test(record.trim()) ? undefined : "a domain without mail should say v=spf1 -all";
  const counted = { lookups: 0 };
  const end = await walk(ask, record, counted);
  if (counted.lookups > MOST_LOOKUPS) return "more than ten lookups, which count as an error";
  return end === "-all" || end === "~all" ? undefined : `ends with ${end ?? "nothing"}`;
}

async function spfOf(ask: DnsQuestions, domain: string): Promise<string | undefined> {
  const records = (await ask.txt(domain)).filter((text) => /^v=spf1(?:\s|$)/iu.test(text));
  return records.length > 1 ? "several" : records[0];
}

/** Counts lookups, of included records too. @returns what the record ends with, after a redirect */
async function walk(ask: DnsQuestions, record: string, counted: { lookups: number }): Promise<string | undefined> {
  let end: string | undefined;
  let redirect: string | undefined;
  for (const term of record.split(/\s+/u).slice(1)) {
    if (/^[+?~-]?all$/iu.test(term)) end ??= /^[+?~-]/u.test(term) ? term.toLowerCase() : "+all";
    const include = /^[+?~-]?include:(.+)$/iu.exec(term)?.[1];
    redirect ??= /^redirect=(.+)$/iu.exec(term)?.[1];
    if (include === undefined && !LOOKS_UP.test(term)) continue;
    counted.lookups += 1;
    if (counted.lookups > MOST_LOOKUPS) return end;
    if (include !== undefined) await follow(ask, include, counted);
  }
  // RFC 7208 section 6.1: a redirect counts where there is no `all`.
  if (end !== undefined || redirect === undefined || counted.lookups >= MOST_LOOKUPS) return end;
  counted.lookups += 1;
  return follow(ask, redirect, counted);
}

async function follow(ask: DnsQuestions, domain: string, counted: { lookups: number }): Promise<string | undefined> {
  // What a macro makes of the sender is not known here.
  const record = domain.includes("%") ? undefined : await spfOf(ask, domain.toLowerCase());
  return record === undefined ? undefined : walk(ask, record, counted);
}

export async function dkimProblem(ask: DnsQuestions, name: string): Promise<string | undefined> {
  const tags = (await ask.txt(name)).map(tagsOf).find((one) => one.has("p"));
  if (tags === undefined) return "no key";
  const key = tags.get("p")?.replaceAll(/\s/gu, "") ?? "";
  if (key === "") return "the key is revoked";
  const bytes = Buffer.from(key, "base64");
  if ((tags.get("k") ?? "rsa").toLowerCase() === "ed25519")
    return bytes.length === 32 ? undefined : "not an Ed25519 key";
  try {
    const { modulusLength = 0 } =
      createPublicKey({ key: bytes, format: "der", type: "spki" }).asymmetricKeyDetails ?? {};
    return modulusLength >= 2048 ? undefined : `an RSA key of ${modulusLength} bits`;
  } catch {
    return "the key cannot be read";
  }
}

export async function dmarcProblem(ask: DnsQuestions, domain: string, sends: boolean): Promise<string | undefined> {
  const found = await dmarcOf(ask, domain);
  if (found === undefined) return "no record";
  const own = found.get("p")?.toLowerCase();
  const policy = found.get("inherited") === undefined ? own : (found.get("sp")?.toLowerCase() ?? own);
  if (policy !== "reject" && policy !== "quarantine") return `the policy is ${policy === "none" ? "none" : "missing"}`;
  if (!sends && policy !== "reject") return "a domain without mail should say p=reject";
  if (Number(found.get("pct") ?? "100") < 100)
    return `the policy holds for ${String(Number(found.get("pct")))} percent`;
  return /^mailto:|,\s*mailto:/iu.test(found.get("rua") ?? "") ? undefined : "nobody gets the reports (rua)";
}

/** The domain's own record, or the nearest above it, down to two labels. */
async function dmarcOf(ask: DnsQuestions, domain: string): Promise<ReadonlyMap<string, string> | undefined> {
  for (let name = domain; name.includes("."); name = name.slice(name.indexOf(".") + 1)) {
    const records = (await ask.txt(`_dmarc.${name}`)).filter((text) => /^v=DMARC1\s*(?:;|$)/u.test(text));
    const [record] = records;
    if (records.length === 1 && record !== undefined)
      return new Map([...tagsOf(record), ...(name === domain ? [] : ([["inherited", "yes"]] as const))]);
    if (records.length > 1) return undefined;
  }
  return undefined;
}

/** `tag=value; tag=value` (RFC 6376 section 3.2). */
function tagsOf(record: string): ReadonlyMap<string, string> {
  return new Map(
    record.split(";").flatMap((part): [string, string][] => {
      const equals = part.indexOf("=");
      return equals === -1 ? [] : [[part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim()]];
    }),
  );
}
