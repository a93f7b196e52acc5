import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { everyType as type, judgeSample as judge } from "../../../../test/support/upload-judge.ts";
import { SVG, writeGif, writeJpeg, writePdf, writePng, writeWebp } from "../../../../test/support/upload-samples.ts";
import { writeDocx, writeZip } from "../../../../test/support/zip-writer.ts";
import { archiveSafety } from "./archive-safety.ts";
import { imageProcessing } from "./image-processing.ts";
import { uploadType } from "./upload-type.ts";

const HYPERLINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink";

/** Ten parts, each of which names the one before it ten times. */
const bomb = (use: (id: string) => string): string =>
  Array.from({ length: 10 }, (_, level) => `<g id="b${level}">${use(`b${level - 1}`).repeat(10)}</g>`).join("");

describe("an honest file", () => {
  it.each<[string, Buffer | string, string]>([
    ["a.pdf", writePdf("/OpenAction [3 0 R /Fit]"), "application/pdf"],
    ["a.docx", writeDocx(), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"],
    [
      "links.docx",
      writeDocx({
        relationships: `<Relationship Id="rId2" Type="${HYPERLINK}" Target="https://example.com/" TargetMode="External"/>`,
      }),
      "",
    ],
    ["a.png", writePng(), "image/png"],
    ["a.jpeg", writeJpeg(), "image/jpeg"],
    ["a.jpg", Buffer.concat([writeJpeg(), writeJpeg()]), "image/jpeg"],
    ["a.gif", writeGif(), "image/gif"],
    ["a.webp", writeWebp(), "image/webp"],
    ["a.svg", SVG, "image/svg+xml"],
    ["b.svg", `<?xml version="1.0" encoding="UTF-8"?>\n<!-- drawn -->${SVG}`, "image/svg+xml"],
    [
      "c.svg",
      `<?xml version="1.0" standalone="no"?>\n<!-- drawn -->\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN"\n "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n${SVG}`,
      "image/svg+xml",
    ],
    [
      "d.svg",
      SVG.replace("<defs>", "<style>@media (prefers-color-scheme: dark) { path { fill: red } }</style><defs>").replace(
        "<svg ",
        '<svg xmlns:s="http://s.example/" s:id="a" ',
      ),
      "image/svg+xml",
    ],
    ["e.svg", SVG.replace("</svg>", `<g id="x"><use href="#y"/></g>${'<use href="#x"/>'.repeat(5000)}</svg>`), ""],
    ["a.txt", "\ufeffBM is no bitmap.\r\n\tGr\u00fc\u00dfe, \u4e2d\u6587 <b>not first</b>\n", "text/plain"],
    ["long.txt", `a${"\u00fc".repeat(200_000)}`, "text/plain"],
    ["b.txt", "<ada@example.com> wrote on monday=day: <one more>", "text/plain"],
    ["a.csv", "name,amount\nAnn,=1+1\n", "application/vnd.ms-excel"],
    ["a.zip", writeZip([{ name: "a/b.txt", data: "hello" }, { name: "a/" }]), "application/zip"],
    ["b.zip", writeZip([{ name: "b.txt", data: "hello", stored: true }], { comment: "by hand" }), "application/zip"],
  ])("accepts %s", async (name, content, declared) => {
    expect(await judge(name, content, declared)).toBe("accepted");
  });
});

describe("a file that is not what it says", () => {
  it.each<[string, Buffer | string, string]>([
    ["html.pdf", "<html><script>alert(1)</script>", "polyglot"],
    ["text.pdf", "hello", "pdf_malformed"],
    ["zip.docx", writeZip([{ name: "a.txt", data: "a" }]), "real_type_differs"],
    ["docx.zip", writeDocx(), "real_type_differs"],
    ["jar.zip", writeZip([{ name: "META-INF/MANIFEST.MF", data: "a" }]), "real_type_differs"],
    ["doc.docx", Buffer.concat([Buffer.from("d0cf11e0a1b11ae1", "hex"), Buffer.alloc(2048)]), "archive_malformed"],
    ["docx.xlsx", writeDocx(), "real_type_differs"],
    ["png.jpg", writePng(), "image_malformed"],
    ["html.txt", "\n <!DOCTYPE html><p>", "text_markup"],
    ["image.txt", "<img src=x onerror=alert(1)>", "text_markup"],
    ["details.txt", "\ufeff\n<details open ontoggle=alert(1)>", "text_markup"],
    ["war.zip", writeZip([{ name: "WEB-INF/web.xml", data: "a" }]), "real_type_differs"],
    ["php.jpg", writeJpeg(1, 1, "<?=system($_GET['c']);"), "polyglot"],
    ["shell.jpg", writeJpeg(1, 1, "<?=`$_GET[0]`?>"), "polyglot"],
    ...[
      "<?=  $_GET[0]?>",
      "<?=\n\nsystem('id')?>",
      "<?= /**/system('id')?>",
      "<?=\\system('id')?>",
      "<?=(system)('id')?>",
      "<?=@$_GET[0]?>",
      "<?=$f=$_GET?>",
      "<?=`id`?>",
      "<? system('id') ?>",
      "<%eval request(1)%>",
      '<%@ page import="java.util"%>',
      '<!--#exec cmd="id"-->',
      "<svg>",
      "<svg x onload=alert(1)>",
      '<svg\n  xmlns="http://www.w3.org/2000/svg">',
    ].map((code, index): [string, Buffer, string] => [`code-${index}.jpg`, writeJpeg(1, 1, code), "polyglot"]),
    ["phar.jpg", writeJpeg(1, 1, "__HALT_COMPILER(); ?>"), "polyglot"],
    ["handler.txt", "<x id=1 onclick=alert(1)>", "text_markup"],
    ["article.txt", "<article/onmouseover='x'>", "text_markup"],
    ["doctype.txt", "<!DOCTYPE\thtml>", "text_markup"],
    ["entity.txt", "<!ENTITY x SYSTEM 'y'>", "text_markup"],
    ["script.txt", "#!/bin/sh\nrm -rf /", "text_markup"],
    ["pdf.txt", writePdf().toString("latin1"), "text_markup"],
    ["gif.txt", "GIF89a/*...*/=0;alert(1)", "real_type_differs"],
    ["utf16.txt", Buffer.from("hello", "utf16le"), "text_control_character"],
    ["latin1.txt", Buffer.from("gr\u00fc\u00dfe", "latin1"), "text_encoding"],
    ["cut.txt", Buffer.from("\u00fc").subarray(0, 1), "text_encoding"],
    ["null.csv", "a,b\0", "text_control_character"],
    ["empty.txt", "", "empty"],
    ["empty.pdf", "", "empty"],
    ["program.exe", "MZ", "extension_refused"],
    ["page.html", "<html>", "extension_refused"],
    ["old.doc", Buffer.from("d0cf11e0a1b11ae1", "hex"), "extension_refused"],
    ["macro.docm", writeDocx(), "extension_refused"],
  ])("refuses %s", async (name, content, code) => {
    expect(await judge(name, content)).toBe(code);
  });

  it.each([
    ["a.pdf", "text/html"],
    ["a.png", "image/svg+xml"],
    ["a.docx", "application/msword"],
    ["a.docx", "application/zip"],
    ["a.txt", "text/html; charset=utf-8"],
  ])("refuses %s that is declared as %s, before a byte is kept", (name, declared) => {
    expect(type.expect(name, declared)).toMatchObject({ code: "declared_type_differs" });
  });
});

describe("an office document", () => {
  /** Different enough that the ratio says nothing. */
  const endless = (count: number, write: (id: string) => string): string =>
    Array.from({ length: count }, (_, index) => write((index * 2_654_435_761).toString(36))).join("");

  it("is refused, and harms nobody, where one tag has endlessly many attributes", async () => {
    const types = `<Default ${endless(800_000, (id) => `a${id}="" `)}/>`;
    expect(await judge("a.docx", writeDocx({ types }))).toMatch(/^(?:ooxml_malformed|archive_total)$/u);
  });

  it("is refused where its directory alone is larger than any document needs", async () => {
    const relationships = endless(60_000, (id) => `<Relationship Id="r${id}" Type="t" Target="${"x".repeat(40)}"/>`);
    expect(await judge("a.docx", writeDocx({ relationships }))).toBe("archive_total");
  });
});

describe("a file that is two things", () => {
  it.each<[string, Buffer | string, string]>([
    ["gifar.gif", Buffer.concat([writeGif(), writeZip([{ name: "A.class", data: "x" }])]), "trailing_data"],
    ["zip.jpg", Buffer.concat([writeJpeg(), writeJpeg(), writeZip([{ name: "a", data: "x" }])]), "polyglot"],
    ["rar.jpg", Buffer.concat([writeJpeg(), Buffer.from("Rar!\x1a\x07\x01\x00")]), "trailing_data"],
    ["php.jpg", writeJpeg(1, 1, "<?php system($_GET[0]); ?>"), "polyglot"],
    ["html.png", writePng(1, 1, [["tEXt", "Comment\0<ScRiPt>alert(1)</script>"]]), "polyglot"],
    ["html.pdf", Buffer.concat([Buffer.from("%PDF-1.7\n<html><script>alert(1)</script>\n"), writePdf()]), "polyglot"],
    ["late.pdf", Buffer.concat([Buffer.from("<html>\n"), writePdf()]), "polyglot"],
    ["shifted.pdf", Buffer.concat([Buffer.from("\n"), writePdf()]), "pdf_malformed"],
    ["zip.pdf", Buffer.concat([writePdf(), writeZip([{ name: "a", data: "x" }])]), "polyglot"],
    [
      "comment.pdf",
      Buffer.concat([writePdf(), writeZip([{ name: "a", data: "x" }], { comment: "\n%%EOF\n" })]),
      "polyglot",
    ],
    ["pdf.zip", writeZip([{ name: "a", data: "x" }], { prefix: writePdf() }), "archive_disagrees"],
    ["png.png", Buffer.concat([writePng(), Buffer.from("more")]), "trailing_data"],
    ["webp.webp", Buffer.concat([writeWebp(), Buffer.from("more")]), "trailing_data"],
  ])("refuses %s", async (name, content, code) => {
    expect(await judge(name, content)).toBe(code);
  });
});

describe("an image", () => {
  it.each<[string, Buffer, string]>([
    ["huge.png", writePng(65_535, 65_535), "image_pixels"],
    ["huge.jpg", writeJpeg(65_535, 65_535), "image_pixels"],
    ["huge.gif", writeGif(65_535, 65_535), "image_pixels"],
    ["huge.webp", writeWebp(16_384, 16_384), "image_pixels"],
    ["frames.gif", writeGif(1, 1, 101), "image_frames"],
    ["smaller.png", writePng(60_000, 60_000, [["IHDR", "\0\0\0\u0001\0\0\0\u0001\b\0\0\0\0"]]), "image_malformed"],
    [
      "unpromised.png",
      writePng(1, 1, [
        ["acTL", "\0\0\0\u0001\0\0\0\0"],
        ...Array.from({ length: 101 }, () => ["fcTL", "x".repeat(26)] as const),
      ]),
      "image_frames",
    ],
    ["frames.png", writePng(1, 1, [["acTL", "\0\0\x10\0\0\0\0\0"]]), "image_frames"],
    ["empty.png", writePng(0, 1), "image_malformed"],
  ])("%s is refused by its header", async (name, content, code) => {
    expect(await judge(name, content)).toBe(code);
  });

  it.each([
    ["png", writePng()],
    ["jpg", writeJpeg()],
    ["gif", writeGif()],
    ["webp", writeWebp()],
  ])("%s is refused wherever it is cut off", async (kind, content) => {
    for (let length = 0; length < content.length; length += 1)
      expect(await judge(`a.${kind}`, content.subarray(0, length))).not.toBe("accepted");
  });

  it("never makes a reader fail or hang, whatever stands behind the signature", async () => {
    const files = fc.tuple(
      fc.constantFrom(...(["png", "jpg", "gif", "webp", "pdf", "zip", "docx", "svg", "txt"] as const)),
      fc.uint8Array({ maxLength: 200 }),
    );
    const heads = {
      png: writePng(),
      jpg: writeJpeg(),
      gif: writeGif(),
      webp: writeWebp(),
      pdf: writePdf(),
      zip: writeZip([{ name: "a", data: "x" }]),
      docx: writeDocx(),
      svg: Buffer.from(SVG),
      txt: Buffer.from("text"),
    };
    await fc.assert(
      fc.asyncProperty(files, fc.nat(), async ([kind, noise], at) => {
        const whole = Uint8Array.from(heads[kind]);
        const start = at % whole.length;
        whole.set(noise.subarray(0, whole.length - start), start);
        expect(await judge(`a.${kind}`, Buffer.from(whole))).toMatch(/^[a-z_]+$/u);
      }),
      { numRuns: 300 },
    );
  });
});

describe("an SVG drawing", () => {
  const inside = (content: string, attributes = ""): string =>
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${attributes}>${content}</svg>`;
  it.each<[string, string, string]>([
    ["a script", inside("<script>alert(1)</script>"), "svg_element"],
    ["a script in capitals", inside("<SCRIPT>alert(1)</SCRIPT>"), "svg_element"],
    ["a prefixed script", inside('<x:script xmlns:x="http://www.w3.org/2000/svg">alert(1)</x:script>'), "svg_element"],
    ["a handler", inside("", 'onload="alert(1)"'), "svg_attribute"],
    ["a part of another language", inside('<g xmlns="http://www.w3.org/1999/xhtml"/>'), "svg_element"],
    ["a program as paint", inside('<path fill="vbscript:x"/>'), "svg_reference"],
    ["more than a drawing needs", inside(`<desc>${"a".repeat(1024 * 1024)}</desc>`), "svg_too_large"],
    ["foreign content", inside("<foreignObject><p>a</p></foreignObject>"), "svg_element"],
    ["a link", inside('<a href="https://example.com">a</a>'), "svg_element"],
    ["an image", inside('<image href="https://example.com/a.png"/>'), "svg_element"],
    ["an animation", inside('<use><animate attributeName="href" to="javascript:alert(1)"/></use>'), "svg_element"],
    ["an outside reference", inside('<use href="https://example.com/a.svg#b"/>'), "svg_reference"],
    ["an outside reference by xlink", inside('<use xlink:href="data:image/svg+xml;base64,AA"/>'), "svg_reference"],
    ["outside paint", inside('<path fill="url(https://example.com/a#b)"/>'), "svg_reference"],
    ["an import", inside("<style>@import 'https://example.com/a.css';</style>"), "svg_reference"],
    ["an outside background", inside("<style>path { fill: url( 'https://example.com' ) }</style>"), "svg_reference"],
    [
      "an address without its function",
      inside(`<path style="mask-image:image-set('https://e.example/a' 1x)"/>`),
      "svg_reference",
    ],
    [
      "one in a style sheet",
      inside('<style>svg { cursor: -webkit-image-set("https://e.example/a" 1x) }</style>'),
      "svg_reference",
    ],
    ["one in an attribute", inside("", `mask="cross-fade('https://e.example/a', red)"`), "svg_reference"],
    ["one by another function", inside(`<path style="mask:src('https://e.example/a')"/>`), "svg_reference"],
    ["copies of copies", inside(bomb((id) => `<use href="#${id}"/>`)), "svg_reference"],
    ["patterns of patterns", inside(bomb((id) => `<path fill="url(#${id})"/>`)), "svg_reference"],
    ["a part that draws itself", inside('<g id="a"><g><use xlink:href="#a"/></g></g>'), "svg_reference"],
    [
      "a long chain of copies",
      inside(Array.from({ length: 9000 }, (_, n) => `<g id="c${n}"><use href="#c${n + 1}"/></g>`).join("")),
      "svg_reference",
    ],
    ["escaped style", inside('<path style="fill:u\\72l(//example.com)"/>'), "svg_reference"],
    ["a document type", `<!DOCTYPE svg [<!ENTITY x "y">]>${inside("&x;")}`, "svg_malformed"],
    [
      "a stylesheet",
      `<?xml version="1.0"?><?xml-stylesheet href="https://example.com/a.css"?>${inside("")}`,
      "svg_malformed",
    ],
    [
      "a document type of its own",
      `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [<!ENTITY x "y">]>${inside("&x;")}`,
      "svg_malformed",
    ],
    [
      "a document type from elsewhere",
      `<!DOCTYPE svg SYSTEM "https://example.com/a.dtd">${inside("")}`,
      "svg_malformed",
    ],
    ["a handler under a prefix", inside("", 'xmlns:s="http://s.example/" s:onload="alert(1)"'), "svg_attribute"],
    [
      "a link under another prefix",
      inside('<use xmlns:s="http://www.w3.org/1999/xlink" s:href="https://example.com/a.svg#b"/>'),
      "svg_reference",
    ],
    ["CDATA", inside("<style><![CDATA[a]]></style>"), "svg_malformed"],
    ["an unknown entity", inside("<title>&xxe;</title>"), "svg_malformed"],
    ["another root", "<html xmlns='http://www.w3.org/1999/xhtml'/>", "svg_element"],
    ["another namespace", '<svg xmlns="http://www.w3.org/1999/xhtml"/>', "svg_malformed"],
    ["text behind it", `${inside("")}<script/>`, "svg_malformed"],
    ["an address in a number reference", inside('<use href="&#106;avascript:alert(1)"/>'), "svg_reference"],
  ])("is refused with %s", async (_what, content, code) => {
    expect(await judge("a.svg", content)).toBe(code);
  });
});

describe("the options", () => {
  it.each([[[]], [["exe"]], [["doc"]], [["__proto__"]]])("refuse %j", (accept) => {
    expect(() =>
      uploadType(accept as never, { archive: archiveSafety().limits, image: imageProcessing().limits }),
    ).toThrow(TypeError);
  });
  it("ask whether SVG is meant", () => {
    expect(type.control.check({} as never).map(({ rule }) => rule.id)).toEqual(["upload-type/active"]);
  });
});
