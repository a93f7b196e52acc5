/** The Observatory's reading of script elements: foreign ones must carry an integrity attribute. */
import { observed, type Observation } from "../core/response.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

interface Result {
  readonly result: string;
  readonly modifier: number;
}

interface Script {
  readonly integrity: boolean;
  readonly foreign: boolean;
  readonly secure: boolean;
}

const LONGEST_PAGE = 1_000_000;

export function scoreScripts({
  page,
  html,
}: {
  readonly page: Observation | undefined;
  readonly html: string;
}): Result {
  const type = page === undefined ? "" : (observed(page, "content-type")[0] ?? "");
  if (page === undefined || !/^\s*(?:text\/html|application\/xhtml\+xml)/iu.test(type))
    return { result: "no HTML", modifier: 0 };
  const scripts = readScripts(html, page.url);
  if (scripts.length === 0) return { result: "no scripts", modifier: 0 };
  const judged = scripts.map(scoreScript);
  const worst = judged.reduce((left, right) => (right.modifier < left.modifier ? right : left));
  if (worst.modifier < 0) return worst;
  const foreign = scripts.filter((script) => script.foreign);
  const covered =
    scripts.every(({ integrity }) => integrity) || (foreign.length > 0 && foreign.every(({ integrity }) => integrity));
  return covered
    ? { result: "scripts with integrity", modifier: 5 }
    : { result: "scripts of the own origin", modifier: 0 };
}

function readScripts(html: string, pageUrl: string): readonly Script[] {
  const tags = html.slice(0, LONGEST_PAGE).matchAll(/<script\b([^>]*)>/giu);
  return Array.from(tags, ([, attributes = ""]) => attributes).flatMap((attributes) => {
    const source = attribute(attributes, "src");
    if (source === undefined || !canParseUrl(source, pageUrl)) return [];
    const url = new URL(source, pageUrl);
    const foreign = source.startsWith("//") || !sameSite(url.hostname, new URL(pageUrl).hostname);
    return [
      { integrity: (attribute(attributes, "integrity") ?? "") !== "", foreign, secure: url.protocol === "https:" },
    ];
  });
}

function attribute(attributes: string, name: string): string | undefined {
  const match = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, "iu").exec(attributes);
  return match?.[1] ?? match?.[2] ?? match?.[3];
}

/** The same host, or one below the other. Without the public suffix list a sibling counts as foreign, which is the stricter reading. */
function sameSite(left: string, right: string): boolean {
  return left === right || left.endsWith(`.${right}`) || right.endsWith(`.${left}`);
}

function scoreScript({ integrity, foreign, secure }: Script): Result {
  if (integrity)
    return secure ? { result: "with integrity", modifier: 5 } : { result: "integrity over plain HTTP", modifier: -20 };
  if (!foreign) return { result: "own origin", modifier: 0 };
  return secure
    ? { result: "a foreign script without integrity", modifier: -5 }
    : { result: "a foreign script without integrity over plain HTTP", modifier: -50 };
}
