/** The Observatory's reading of a Content-Security-Policy: the first result that applies, in the order of its table. */
import type { Observation } from "../core/response.ts";

type Policy = ReadonlyMap<string, ReadonlySet<string>>;

interface Result {
  readonly result: string;
  readonly modifier: number;
}

const BROAD = new Set(["*", "http:", "https:", "ftp:", "http://*", "https://*", "http://*.*", "https://*.*", "*:*"]);
const PASSIVE = new Set(["img-src", "media-src"]);
const FETCH_DIRECTIVES = /-src(?:-elem|-attr)?$/u;

/** Every policy applies to a page, so the best result counts. */
export function scoreCsp(
  enforced: readonly string[],
  reportOnly: readonly string[],
  site: { readonly page: Observation | undefined; readonly html: string },
): Result {
  const policies = [...enforced, ...metaPolicies(site.html)]
    .flatMap((line) => line.split(","))
    .filter((text) => text.trim() !== "");
  if (policies.length === 0) return { result: reportOnly.length > 0 ? "report-only" : "absent", modifier: -25 };
  const onHttps = site.page?.scheme === "https";
  return policies
    .map((text) => scorePolicy(text, onHttps))
    .reduce((best, next) => (next.modifier > best.modifier ? next : best));
}

/** Whether a header says who may frame the page; a meta element cannot. */
export function framesGoverned(enforced: readonly string[]): boolean {
  return enforced.flatMap((line) => line.split(",")).some((text) => parse(text).policy.has("frame-ancestors"));
}

function metaPolicies(html: string): readonly string[] {
  const tags = html
    .slice(0, 200_000)
    .matchAll(/<meta\s[^>]*http-equiv\s*=\s*["']?content-security-policy["'\s>][^>]*>/giu);
  return Array.from(tags, ([tag]) => /content\s*=\s*(?:"([^"]*)"|'([^']*)')/iu.exec(tag)).flatMap(
    (match) => match?.[1] ?? match?.[2] ?? [],
  );
}

function parse(text: string): { readonly policy: Policy; readonly repeated: boolean } {
  const policy = new Map<string, ReadonlySet<string>>();
  let repeated = false;
  for (const directive of text.split(";")) {
    const [name, ...values] = directive.trim().split(/\s+/u);
    if (name === undefined || name === "") continue;
    const key = name.toLowerCase();
    if (policy.has(key)) repeated = true;
    else policy.set(key, new Set(values.map((value) => value.toLowerCase())));
  }
  return { policy, repeated };
}

function scorePolicy(text: string, onHttps: boolean): Result {
  const { policy, repeated } = parse(text);
  if (policy.size === 0) return { result: "not valid", modifier: -25 };
  const sources = (name: string): Set<string> => new Set(policy.get(name) ?? policy.get("default-src") ?? ["*"]);
  const script = sources("script-src");
  const style = sources("style-src");
  const trusted = [...script].some(isNonceOrHash);
  if (script.has("'strict-dynamic'") && !trusted)
    return { result: "'strict-dynamic' without a nonce or hash", modifier: -25 };
  const dynamic = trusted && script.has("'strict-dynamic'");
  if (trusted) script.delete("'unsafe-inline'");
  if ([...style].some(isNonceOrHash)) style.delete("'unsafe-inline'");
  const runsAnything = (source: string): boolean =>
    source === "'unsafe-inline'" || source === "data:" || BROAD.has(source);
  if (
    [...script].some((source) => runsAnything(source) && !(dynamic && BROAD.has(source))) ||
    [...sources("object-src")].some((source) => BROAD.has(source))
  )
    return { result: "scripts or objects from everywhere or inline", modifier: -20 };
  if (onHttps && hasPlainHttp(policy, (name) => !PASSIVE.has(name)))
    return { result: "active content over plain HTTP", modifier: -20 };
  if (script.has("'unsafe-eval'") || style.has("'unsafe-eval'")) return { result: "'unsafe-eval'", modifier: -10 };
  if (onHttps && hasPlainHttp(policy, (name) => PASSIVE.has(name)))
    return { result: "pictures over plain HTTP", modifier: -10 };
  if ([...style].some(runsAnything)) return { result: "styles from everywhere or inline", modifier: 0 };
  if (repeated) return { result: "a repeated directive", modifier: 0 };
  const base = policy.get("default-src");
  return base?.size === 1 && base.has("'none'")
    ? { result: "default-src 'none'", modifier: 10 }
    : { result: "no unsafe source", modifier: 5 };
}

function isNonceOrHash(source: string): boolean {
  return /^'(?:nonce-|sha(?:256|384|512)-)/u.test(source);
}

function hasPlainHttp(policy: Policy, applies: (name: string) => boolean): boolean {
  return [...policy].some(
    ([name, values]) =>
      FETCH_DIRECTIVES.test(name) && applies(name) && [...values].some((value) => /^(?:http|ftp):/u.test(value)),
  );
}
