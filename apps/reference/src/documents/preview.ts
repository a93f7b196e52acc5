/** What stands behind a link that a user gave: asked for from here, where the way out is guarded, so that nobody's browser tells the site who reads. */
import type { AuditEvent, Control } from "glacis";
import { outbound, OutboundError, type OutboundOptions } from "glacis/network";

export interface Preview {
  /** The host that was asked. */
  readonly site: string;
  /** What the page calls itself; undefined when it does not say. */
  readonly title: string | undefined;
}

/** Why there is nothing to show: a place that may not be asked, or one that gave no answer. */
export type PreviewFault = "refused" | "no_answer";

export interface Previews {
  readonly control: Control;
  /** @param link as its author wrote it */
  read(link: string): Promise<Preview | PreviewFault>;
  close(): Promise<void>;
}

const HEAD_BYTES = 256 * 1024;
const LONGEST_TITLE = 200;
const TITLE = /<title[^>]{0,200}>([^<]{0,2000})/iu;
const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  "#39": "'",
  "#x27": "'",
  nbsp: " ",
};

/** @param options how the outbound differs from the careful default, such as in a test that has a site of its own */
export function linkPreviews(report: (event: AuditEvent) => void, options: Partial<OutboundOptions> = {}): Previews {
  const out = outbound({
    hosts: "public-only",
    redirects: 3,
    maxResponseBytes: HEAD_BYTES,
    timeoutMs: 5_000,
    proxy: "direct",
    report,
    ...options,
  });
  return {
    control: out.control,
    async read(link) {
      try {
        const response = await out.fetch(link, {
          headers: { accept: "text/html", "user-agent": "Folio link preview" },
        });
        const { url } = response;
        const text = response.ok && isHtml(response) ? await response.text() : "";
        if (text === "") await response.body?.cancel();
        return { site: new URL(url === "" ? link : url).host, title: titleOf(text) };
      } catch (error) {
        if (error instanceof OutboundError) return error.blocked ? "refused" : "no_answer";
        throw error;
      }
    },
    close: out.close,
  };
}

function isHtml(response: Response): boolean {
  return /^text\/html\s*(?:;|$)/iu.test(response.headers.get("content-type") ?? "");
}

function titleOf(text: string): string | undefined {
  const [, found = ""] = TITLE.exec(text) ?? [];
  const title = found
    .replace(/&([a-z0-9#]{2,5});/giu, (reference, name: string) => ENTITIES[name.toLowerCase()] ?? reference)
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, " ")
    .trim();
  return title === "" ? undefined : [...title].slice(0, LONGEST_TITLE).join("");
}
