/** The tags of a page, as far as they bring code in, read in one pass (HTML section 13.2.5). */

export interface PageTag {
  /** Lower case. */
  readonly name: string;
  /** Names in lower case; of two with one name the first counts, as in browsers. */
  readonly attributes: ReadonlyMap<string, string>;
  /** What stands between a script's tags. */
  readonly text: string;
}

const MOST_CHARACTERS = 2_000_000;
const SPACE = /[\t\n\f\r ]/u;

/** Every opening tag, outside of comments and of what scripts and styles hold. Whatever is longer than two million characters is read so far. */
export function* pageTags(page: string): Generator<PageTag> {
  const html = page.length > MOST_CHARACTERS ? page.slice(0, MOST_CHARACTERS) : page;
  const lower = html.toLowerCase();
  for (let at = html.indexOf("<"); at !== -1; at = html.indexOf("<", at)) {
    if (html.startsWith("<!--", at)) {
      // From the beginning's own dashes on: browsers take `<!-->` for a whole comment.
      const end = html.indexOf("-->", at + 2);
      if (end === -1) return;
      at = end + 3;
      continue;
    }
    const name = /^[a-z][^\t\n\f\r />]*/u.exec(lower.slice(at + 1, at + 41))?.[0];
    if (name === undefined) {
      at += 1;
      continue;
    }
    const { attributes, end } = attributesAt(html, at + 1 + name.length);
    if (end === -1) return;
    at = end;
    let text = "";
    if (name === "script" || name === "style" || name === "textarea" || name === "title") {
      const close = lower.indexOf(`</${name}`, end);
      text = html.slice(end, close === -1 ? html.length : close);
      at = close === -1 ? html.length : close;
    }
    yield { name, attributes, text };
  }
}

/** @returns the attributes, and where the tag ends; -1 when it never does */
function attributesAt(html: string, start: number): { attributes: ReadonlyMap<string, string>; end: number } {
  const attributes = new Map<string, string>();
  let at = start;
  while (at < html.length) {
    while (SPACE.test(html[at] ?? "") || html[at] === "/") at += 1;
    if (html[at] === ">") return { attributes, end: at + 1 };
    const nameEnd = endOf(html, at, /[\t\n\f\r />=]/u);
    const name = html.slice(at, Math.max(nameEnd, at + 1)).toLowerCase();
    at = Math.max(nameEnd, at + 1);
    while (SPACE.test(html[at] ?? "")) at += 1;
    let value = "";
    if (html[at] === "=") {
      at += 1;
      while (SPACE.test(html[at] ?? "")) at += 1;
      const quote = html[at];
      if (quote === '"' || quote === "'") {
        const close = html.indexOf(quote, at + 1);
        if (close === -1) break;
        value = html.slice(at + 1, close);
        at = close + 1;
      } else {
        const end = endOf(html, at, /[\t\n\f\r >]/u);
        value = html.slice(at, end);
        at = end;
      }
    }
    if (!attributes.has(name)) attributes.set(name, value.replaceAll("&amp;", "&"));
  }
  return { attributes, end: -1 };
}

function endOf(html: string, start: number, stop: RegExp): number {
  let at = start;
  while (at < html.length && !stop.test(html[at] as string)) at += 1;
  return at;
}

/** Whether a response is a page whose tags can be read. */
export function pageOf(observation: {
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: string;
}): string | undefined {
  const type = observation.headers.find(([name]) => name === "content-type")?.[1] ?? "";
  return /^(?:text\/html|application\/xhtml\+xml)\b/iu.test(type) ? observation.body : undefined;
}
