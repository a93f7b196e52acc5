/** Scripts and styles of others, pinned to what was reviewed (W3C Subresource Integrity; catalog subresource-integrity; guide: CSP). */
import { hash } from "node:crypto";
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Observation } from "../core/response.ts";
import { pageOf, pageTags, type PageTag } from "./page-tags.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const META: ControlMeta = {
  id: "subresource-integrity",
  title: "Third-party scripts and styles pinned with SRI or self-hosted",
  layer: "transport",
  guide: ["Content Security Policy"],
  owasp2021: ["A08"],
  owasp2025: ["A08", "A03"],
  asvs: ["v5.0.0-3.6.1"],
  cwe: ["CWE-353", "CWE-829", "CWE-494"],
};

export const ASSET_UNPINNED: Rule = {
  id: "subresource-integrity/unpinned",
  severity: "error",
  what: "A page takes a script or a style from another origin without saying what it must be.",
  why: "Whoever controls that origin, or takes it over, runs code in every page.",
  fix: 'Host it yourself, or give the tag integrity and crossorigin="anonymous" from externalAssets().',
};
export const ASSET_UNLISTED: Rule = {
  id: "subresource-integrity/unlisted",
  severity: "warning",
  what: "A page takes a script or a style from another origin that nobody has listed, or in another version than is listed.",
  why: "What is not on the list has been reviewed by nobody.",
  fix: "Add it to externalAssets() with its hash and the reason, or host it yourself.",
};
export const ASSET_UNVERSIONED: Rule = {
  id: "subresource-integrity/unversioned",
  severity: "warning",
  what: "The address of an external asset names no version.",
  why: "Its owner may change it any day; from then on the browser refuses it, and the page is broken.",
  fix: "Use the address of one version, or host the file yourself.",
};
export const ASSET_CHANGED: Rule = {
  id: "subresource-integrity/changed",
  severity: "error",
  what: "An external asset is not what its hash says.",
  why: "Either the list is old or somebody has changed the file; browsers refuse it both ways.",
  fix: "Find out who changed it before you change the hash.",
};

/** A script or a style of somebody else's. */
export interface ExternalAsset {
  /** Its whole https address. */
  readonly url: string;
  /** `sha384-...`, or sha256 or sha512, in base64. */
  readonly integrity: string;
  /** Why it is not hosted here. */
  readonly reason: string;
}

export interface ExternalAssets {
  readonly control: Control;
  /** The origins, for `script-src` and `style-src`. */
  readonly origins: readonly string[];
  /** What the tag needs. @throws Error for an address that is not listed: a mistake of ours */
  attributes(url: string): { readonly url: string; readonly integrity: string; readonly crossorigin: "anonymous" };
  /**
   * Fetches every asset and compares. To be run in CI or by a probe.
   *
   * @param fetch the guarded one, or a test's
   */
  verify(fetch: (url: string) => Promise<AssetResponse>): Promise<readonly Finding[]>;
}

/** The part of a `Response` that is used. */
export interface AssetResponse {
  readonly ok: boolean;
  arrayBuffer(): Promise<ArrayBuffer>;
}

const BYTES: Readonly<Record<string, number>> = { sha256: 32, sha384: 48, sha512: 64 };
const INTEGRITY = /^(sha256|sha384|sha512)-([A-Za-z0-9+/]{43,86}={0,2})$/u;

/**
 * The assets of others that pages may use. Without a list there are none, which is the better answer; the control finds the others in the pages that
 * a probe has kept.
 *
 * @throws TypeError on an asset without a good hash, an https address or a reason.
 * @example
 * const assets = externalAssets([{ url: "https://cdn.example/chart-4.4.1.js", integrity: "sha384-...", reason: "licence forbids copies" }]);
 */
export function externalAssets(list: readonly ExternalAsset[] = []): ExternalAssets {
  if (!Array.isArray(list)) throw new TypeError("externalAssets() takes a list of { url, integrity, reason }.");
  const known = new Map((list as readonly ExternalAsset[]).map((asset) => [checked(asset).url, asset]));
  if (known.size !== list.length) throw new TypeError("externalAssets() lists an address twice.");
  return {
    origins: [...new Set([...known.keys()].map((url) => new URL(url).origin))],
    attributes(url) {
      const asset = known.get(url);
      if (asset === undefined) throw new Error("This address is not listed in externalAssets().");
      return { url, integrity: asset.integrity, crossorigin: "anonymous" };
    },
    verify: async (fetch) => (await Promise.all([...known.values()].map((asset) => compare(asset, fetch)))).flat(),
    control: {
      meta: META,
      rules: [ASSET_UNPINNED, ASSET_UNLISTED, ASSET_UNVERSIONED, ASSET_CHANGED],
      check: () =>
        [...known.keys()]
          .filter((url) => !namesVersion(url))
          .map((url) => finding(ASSET_UNVERSIONED, { kind: "setting", name: "externalAssets" }, url)),
      observe: (observation) => observePage(observation, known),
    },
  };
}

function checked(asset: ExternalAsset): ExternalAsset {
  rejectUnknownOptions("externalAssets", asset, ["url", "integrity", "reason"]);
  const { url, integrity, reason } = asset;
  const address = typeof url === "string" && canParseUrl(url) ? new URL(url) : undefined;
  if (address?.protocol !== "https:" || address.href !== url || address.username !== "")
    throw new TypeError('externalAssets() needs the whole address, such as "https://cdn.example/chart-4.4.1.js".');
  const [, algorithm = "", digest = ""] = INTEGRITY.exec(integrity) ?? [];
  if (Buffer.from(digest, "base64").length !== BYTES[algorithm])
    throw new TypeError(`externalAssets() needs the integrity of ${address.host} as one sha384 in base64.`);
  if (typeof reason !== "string" || reason.trim() === "")
    throw new TypeError("externalAssets() needs the reason why an asset is not hosted here.");
  return asset;
}

/** A number with a dot, or a commit; and no word that moves. */
function namesVersion(url: string): boolean {
  const { pathname } = new URL(url);
  return (
    !/(?:^|[/@.-])(?:latest|stable|main|master|next|edge)(?=$|[/.-])/iu.test(pathname) &&
    /\d+\.\d+|[0-9a-f]{12,}/iu.test(pathname)
  );
}

async function compare(
  asset: ExternalAsset,
  fetch: (url: string) => Promise<AssetResponse>,
): Promise<readonly Finding[]> {
  const at: Location = { kind: "setting", name: "externalAssets" };
  const response = await fetch(asset.url);
  if (!response.ok) return [finding(ASSET_CHANGED, at, `${asset.url} does not answer`)];
  const [algorithm = "", digest = ""] = asset.integrity.split("-", 2);
  const found = hash(algorithm, new Uint8Array(await response.arrayBuffer()), "base64");
  // Base64 may be written with less padding: the bytes are compared.
  const same = Buffer.from(found, "base64").equals(Buffer.from(digest, "base64"));
  return same ? [] : [finding(ASSET_CHANGED, at, asset.url)];
}

function observePage(observation: Observation, known: ReadonlyMap<string, ExternalAsset>): readonly Finding[] {
  const page = pageOf(observation);
  if (page === undefined) return [];
  const at: Location = { kind: "response", url: observation.url, header: undefined };
  const findings: Finding[] = [];
  for (const tag of pageTags(page)) {
    const address = assetOf(tag, observation.url);
    if (address === undefined || address.origin === new URL(observation.url).origin) continue;
    const integrity = tag.attributes.get("integrity") ?? "";
    const place = `${address.origin}${address.pathname}`;
    if (integrity.trim() === "" || !tag.attributes.has("crossorigin"))
      findings.push(finding(ASSET_UNPINNED, at, place));
    else if (known.get(address.href)?.integrity !== integrity) findings.push(finding(ASSET_UNLISTED, at, place));
  }
  return findings;
}

/** What a tag takes that runs in the page or paints it. */
function assetOf({ name, attributes }: PageTag, base: string): URL | undefined {
  const rel = (attributes.get("rel") ?? "").toLowerCase().split(/\s+/u);
  const loads = name === "link" && (rel.includes("stylesheet") || rel.includes("modulepreload"));
  const source = name === "script" ? attributes.get("src") : loads ? attributes.get("href") : undefined;
  if (source === undefined || !canParseUrl(source.trim(), base)) return undefined;
  const address = new URL(source.trim(), base);
  return address.protocol === "https:" || address.protocol === "http:" ? address : undefined;
}
