/** What a real browser makes of the markup that `html` and `htmlSanitizer` let out, and of the pictures that uploads keep. */
import fc from "fast-check";
import { html, htmlSanitizer } from "glacis/input";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser } from "../apps/reference/test/support/browser.ts";
import { withoutMetadata } from "../packages/glacis/src/input/image-metadata.ts";
import { ladenImage, RECORDED } from "./support/upload-samples.ts";

type Browser = Awaited<ReturnType<typeof openBrowser>>;

let browser: Browser;
let page: Awaited<ReturnType<Browser["newPage"]>>;
/** Scripts that ran, and addresses that were asked for, although nothing of the kind was written by us. */
const acted: string[] = [];

beforeAll(async () => {
  browser = await openBrowser();
  page = await browser.newPage();
  page.on("dialog", (dialog) => {
    acted.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.route(/.*/u, (route) => {
    const url = route.request().url();
    if (url !== "http://site.test/") acted.push(url);
    return url === "http://site.test/"
      ? route.fulfill({ contentType: "text/html", body: "<!doctype html><title>x</title>" })
      : route.abort();
  });
  await page.goto("http://site.test/");
}, 60_000);
afterAll(() => browser.close());

const PAYLOADS = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "' onfocus=alert(1) autofocus x='",
  "</title><script>alert(1)</script>",
  "</textarea><svg onload=alert(1)>",
  "</script><script>alert(1)</script>",
  "<!--<script>",
  "javascript:alert(1)",
  " java\nscript:alert(1)",
  "\u0001javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
  "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<a href="&#106;avascript:alert(1)">x</a>',
  "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
  "<object data=javascript:alert(1)>",
  "<template><script>alert(1)</script></template>",
  "<select><template><style><!--</template></select><img src=x onerror=alert(1)>-->",
  '<xmp><p title="</xmp><img src=x onerror=alert(1)>">',
  "<a id=x name=y>clobber</a>",
  "\u2028\u2029`${alert(1)}`{{constructor.constructor('alert(1)')()}}",
];
const hostile = fc.oneof(
  fc.constantFrom(...PAYLOADS),
  fc
    .array(fc.constantFrom(...PAYLOADS, "<", ">", '"', "'", "&", "-->", "\0", "=", " ", "/"), { maxLength: 6 })
    .map((parts) => parts.join("")),
  fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
);
/** A parser turns these into something else in any HTML: NUL into nothing or U+FFFD, and CR into LF. */
const legible = hostile.map((text) => text.replace(/[\0\r]/gu, ""));

describe("in Chromium, html", () => {
  it("shows every value as itself, in each place", async () => {
    const samples = fc.sample(legible, 400);
    const markup = samples.map(
      (value) =>
        html`<section title="${value}" ?data-value="${value}"><p>${value}</p><textarea>${`\n${value}`}</textarea><script type="application/json">${value}</script></section>`,
    );
    const read = await page.evaluate(
      (text) => {
        document.body.innerHTML = text;
        return [...document.querySelectorAll("section")].map((section) => [
          section.title,
          section.dataset["value"],
          section.querySelector("p")?.textContent,
          section.querySelector("textarea")?.value,
          JSON.parse(section.querySelector("script")?.textContent ?? "") as string,
          section.querySelectorAll("*").length,
        ]);
      },
      String(html`${markup}`),
    );
    expect(read).toEqual(samples.map((value) => [value, value, value, value, value, 3]));
    expect(acted).toEqual([]);
  });

  it("lets no address act, however it is spelled", async () => {
    const samples = fc.sample(legible, 400);
    const schemes = await page.evaluate(
      (text) => {
        document.body.innerHTML = text;
        // An address that the browser cannot read leads nowhere.
        return [...document.querySelectorAll("a")].map((link) => (URL.canParse(link.href) ? link.protocol : "about:"));
      },
      String(html`${samples.map((value) => html`<a href="${value}">x</a>`)}`),
    );
    expect(schemes).toHaveLength(samples.length);
    for (const scheme of schemes) expect(["http:", "https:", "mailto:", "tel:", "about:"]).toContain(scheme);
  });
});

describe("in Chromium, htmlSanitizer", () => {
  it("leaves nothing that runs, loads or is no rich text, also when it is parsed twice", async () => {
    const richText = htmlSanitizer();
    const samples = [...PAYLOADS, ...fc.sample(hostile, 400)];
    const elements = await page.evaluate(
      (texts) => {
        const seen = new Set<string>();
        for (const text of texts) {
          document.body.innerHTML = text;
          const { innerHTML } = document.body;
          document.body.innerHTML = innerHTML;
          for (const element of document.body.querySelectorAll("*")) {
            seen.add(element.localName);
            for (const name of element.getAttributeNames()) seen.add(`@${name}`);
            if (element.namespaceURI !== "http://www.w3.org/1999/xhtml") seen.add(`${element.namespaceURI}`);
          }
        }
        return [...seen];
      },
      samples.map((text) => String(richText(text))),
    );
    const allowed = new Set(["p", "a", "table", "tbody", "@href", "@rel"]);
    expect(elements.filter((name) => !allowed.has(name))).toEqual([]);
    await page.waitForTimeout(200);
    expect(acted).toEqual([]);
  });

  it("would be caught here if it left something: the same markup acts when nobody sanitises it", async () => {
    await page.evaluate(() => {
      document.body.innerHTML = "<img src=x onerror=alert(1)>";
    });
    await expect.poll(() => acted).toContain("dialog 1");
  });
});

describe("in Chromium, a picture without what was recorded beside it", () => {
  const [WIDTH, HEIGHT] = [24, 16];
  /** What a viewer sees of pictures: their size as shown, and every pixel. */
  const seen = (pictures: readonly string[]): Promise<readonly string[]> =>
    page.evaluate(
      (sources) =>
        Promise.all(
          sources.map(async (source) => {
            const picture = new Image();
            picture.src = source;
            await picture.decode();
            const canvas = new OffscreenCanvas(picture.naturalWidth, picture.naturalHeight);
            const context = canvas.getContext("2d");
            context?.drawImage(picture, 0, 0);
            const pixels = context?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
            return `${canvas.width}x${canvas.height} ${pixels.join()}`;
          }),
        ),
      pictures,
    );

  it.each([
    ["jpg", "image/jpeg"],
    ["png", "image/png"],
    ["webp", "image/webp"],
  ] as const)("looks as it did, whichever way up: %s", async (kind, type) => {
    const drawn = await page.evaluate(
      async ({ width, height, type: asked }) => {
        const canvas = new OffscreenCanvas(width, height);
        const context = canvas.getContext("2d");
        for (const [index, color] of ["red", "lime", "blue", "white", "black", "teal"].entries()) {
          if (context === null) break;
          context.fillStyle = color;
          context.fillRect((index % 3) * 8, Math.floor(index / 3) * 8, 8, 8);
        }
        const blob = await canvas.convertToBlob({ type: asked, quality: 0.7 });
        return [blob.type, ...new Uint8Array(await blob.arrayBuffer())];
      },
      { width: WIDTH, height: HEIGHT, type },
    );
    expect(drawn.shift()).toBe(type);
    for (const orientation of [1, 3, 6, 7]) {
      const size = { width: WIDTH, height: HEIGHT };
      const laden = ladenImage(kind, Buffer.from(drawn as number[]), { orientation, ...size });
      const file = {
        path: "",
        size: laden.length,
        read: async (at: number, length: number) => laden.subarray(at, at + length),
      };
      const pieces: Buffer[] = [];
      for await (const piece of (await withoutMetadata(file, kind))?.bytes() ?? []) pieces.push(piece);
      const stripped = Buffer.concat(pieces);
      expect(stripped.includes(RECORDED)).toBe(false);
      const [before, after] = await seen(
        [laden, stripped].map((content) => `data:${type};base64,${content.toString("base64")}`),
      );
      expect(after).toBe(before);
      expect(after, "a browser turns no WebP").toMatch(orientation > 4 && kind !== "webp" ? /^16x24 / : /^24x16 /);
    }
  });
});
