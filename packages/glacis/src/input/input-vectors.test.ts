/** The recorded verdicts that no other file of this folder holds ours against; where we differ, the reason stands beside it. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { safeFilename } from "../primitives/content-disposition.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { input } from "./input.ts";
import { safePattern } from "./safe-pattern.ts";
import { judgeUploadName, uploadExtension } from "./upload-filename.ts";

interface ValueCase {
  readonly id: string;
  readonly validator: string;
  readonly options: {
    readonly regex?: string;
    readonly inverse_match?: boolean;
    readonly allowed_extensions?: string[];
  };
  readonly value: unknown;
  readonly valid: boolean;
}

const values = loadVectors<ValueCase>("input_validation")?.cases ?? [];
const of = (validator: string): readonly ValueCase[] => values.filter((one) => one.validator === validator);

/** `StepValueValidator` has no counterpart: steps of numbers are what schema libraries have `multipleOf` for. */
const HELD_ELSEWHERE = [
  "StepValueValidator",
  "URLValidator",
  "EmailValidator",
  "DomainNameValidator",
  "validate_ipv46_address",
  "validate_ipv4_address",
  "validate_ipv6_address",
  "validate_integer",
];
const HERE = ["RegexValidator", "FileExtensionValidator", "ProhibitNullCharactersValidator"];

describe.runIf(values.length > 0)("recorded verdicts on values", () => {
  it("are all held against something", () => {
    expect([...new Set(values.map(({ validator }) => validator))].toSorted()).toEqual(
      [...HELD_ELSEWHERE, ...HERE].toSorted(),
    );
  });

  // A pattern here always means the whole text, so those that would find a part are none, nor is the opposite of one.
  const patterns = of("RegexValidator").filter(({ options: { regex = "" } }) => /^\^.*\\Z$/su.test(regex));

  it.each(patterns)("$id: a pattern takes $value, or not, as there", ({ options: { regex = "" }, value, valid }) => {
    const { "~standard": pattern } = safePattern(regex.slice(1, -2), { maxLength: 200 });
    const result = pattern.validate(value);
    const taken = result instanceof Promise || result.issues === undefined;
    // `\w` is a word of ASCII in this language, and any letter in that one.
    expect(taken).toBe(valid && (!regex.includes(String.raw`\w`) || /^[\x00-\x7f]*$/u.test(String(value))));
  });

  it.each(of("FileExtensionValidator"))("$id: the extension of $value", ({ options, value, valid }) => {
    // An empty list takes nothing, and a name without an extension none that is empty.
    const taken = options.allowed_extensions?.includes(uploadExtension(String(value)) ?? "-") ?? false;
    expect(taken).toBe(valid && String(value).includes("."));
  });

  it.each(of("ProhibitNullCharactersValidator").filter(({ value }) => typeof value === "string"))(
    "$id: no text has a null character",
    ({ value, valid }) => {
      const declared = input({ query: { text: z.string().max(50) } });
      const exchange = sketchExchange({ target: `/?text=${encodeURIComponent(String(value))}` });
      expect(declared.judge(exchange).kind === "allow").toBe(valid);
    },
  );
});

interface NameCase {
  readonly id: string;
  readonly fn: string;
  readonly name: string;
  readonly raises?: string;
}

const names = (loadVectors<NameCase>("uploads")?.cases ?? []).filter(
  ({ fn, raises }) => raises === undefined && /^validate_file_name|^get_valid_filename$/u.test(fn),
);

describe.runIf(names.length > 0)("a name that passes elsewhere as one to store under", () => {
  // Files are stored under keys of ours, so no name is ever one. It is shown and saved under, or refused.
  it.each(names)("$id: is data here, or refused, and never a path", ({ name }) => {
    const judged = judgeUploadName(name);
    if (!("code" in judged)) expect(judged.original).not.toMatch(/[/\\:\p{Cc}\p{Cf}]/u);
    expect(safeFilename(name)).not.toMatch(/[/\\:\p{Cc}\p{Cf}]|^\.|[. ]$/u);
    expect(Buffer.byteLength(safeFilename(name))).toBeLessThanOrEqual(255);
  });
});
