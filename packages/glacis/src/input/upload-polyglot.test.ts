import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { watchActiveContent } from "./upload-polyglot.ts";

const ACTIVE =
  /<\?php|<\?[=\s][\s@]{0,8}(?:[a-z_]{4,11}\(|\$[a-z]{1,16}\[)|<!--#exec|<script|<html|<!doctype|<iframe|<svg(?:>|[\s/]{1,8}[a-z:-]{1,24}[\s=/>])/iu;

/** Pieces that are, or nearly are, what is looked for. */
const piece = fc.constantFrom(
  "<?php",
  "<?= @abcdefghijk(",
  "<?= \t\n\r\f @ $abcdefghijklmnop[",
  "<!--#exec",
  "<?=$",
  "<SCRIPT",
  "<!DocType",
  "<iframe",
  "<svg ",
  "<svg/onload=",
  "<svg>",
  "<svgs",
  "<htm",
  "<",
  "<s",
  "l",
  "\n",
  "\xff",
);
const filler = fc.constantFrom("", "a".repeat(300), "<".repeat(40), "<s".repeat(40));

describe("watchActiveContent", () => {
  it("finds what one pattern over the whole file finds, wherever the file is cut into chunks", () => {
    const text = fc.array(fc.oneof(piece, filler), { maxLength: 12 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 }), (whole, sizes) => {
        const bytes = Buffer.from(whole, "latin1");
        const watch = watchActiveContent();
        let found = false;
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length] as number;
          found = watch(bytes.subarray(at, at + size)) !== undefined || found;
          at += size;
        }
        expect(found).toBe(ACTIVE.test(whole));
      }),
      { numRuns: 2000 },
    );
  });

  it("looks through a file of brackets in time that grows with its size alone", () => {
    const watch = watchActiveContent();
    const chunk = Buffer.alloc(65_536, "<s");
    const { user: before } = process.cpuUsage();
    for (let count = 0; count < 160; count += 1) expect(watch(chunk)).toBeUndefined();
    expect(process.cpuUsage().user - before).toBeLessThan(1_000_000);
  });
});
