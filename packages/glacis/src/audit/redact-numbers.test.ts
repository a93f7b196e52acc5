import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hideCardNumbers, hideIbans } from "./redact-numbers.ts";
import { redactText } from "./redact.ts";

/** Of the registry of SWIFT, as examples. */
const IBANS = [
  "DE89370400440532013000",
  "GB29NWBK60161331926819",
  "NO9386011117947",
  "FR1420041010050500013M02606",
  "MT84MALT011000012345MTLCAST001S",
  "CH9300762011623852957",
  "BE68539007547034",
  "LC55HEMM000100010012001200023015",
];
const grouped = (iban: string, separator: string): string => iban.match(/.{1,4}/gu)?.join(separator) ?? "";

const hideAccountNumbers = (text: string): string => hideIbans(hideCardNumbers(text));

describe("account numbers", () => {
  it.each(IBANS)("of a bank are hidden, however they are written: %s", (iban) => {
    for (const separator of ["", " ", "-", ".", "\u00a0", "\u202f", "%20", "+"])
      for (const written of [grouped(iban, separator), grouped(iban, separator).toLowerCase()])
        expect(hideAccountNumbers(`pay ${written} and thank you`)).toBe("pay [iban] and thank you");
  });

  it("of a bank are hidden at the ends of a text, in a query and before a word that looks like more of it", () => {
    expect(hideAccountNumbers("NO9386011117947")).toBe("[iban]");
    expect(hideAccountNumbers("NO93 8601 1117 947 1234")).toBe("[iban] 1234");
    expect(redactText('{"to":"GB29 NWBK 6016 1331 9268 19"}')).toBe('{"to":"[iban]"}');
  });

  it.each([
    "DE88370400440532013000",
    "DE8937040044053201300",
    "DE89370400440532013001",
    "ZZ89370400440532013000",
    "NO93 is the route",
    "AB12 3456 7890 1234",
    "in SE12 3456 we sold 4 GB 1024 MB",
    "xNO9386011117947",
    "NO93860111179471",
    "2026-11-26T19:08:14.123Z order 2026-000123",
    "ISBN 978-3-16-148410-0",
  ])("are not seen in what is none: %s", (text) => {
    expect(hideAccountNumbers(text)).toBe(text);
  });

  it.each([
    "4111  1111  1111  1111",
    "4111–1111–1111–1111",
    "4111/1111/1111/1111",
    "4111\u200b1111\u200b1111\u200b1111",
    "٤١١١١١١١١١١١١١١١",
  ])("of a card are hidden in disguise: %s", (text) => {
    expect(redactText(`card ${text}.`)).toBe("card [card].");
  });

  it("are found in any surroundings", () => {
    const noise = fc.string({ maxLength: 30 }).map((text) => text.replaceAll(/[\w%.-]/gu, ""));
    const number = fc.constantFrom(...IBANS, "4111111111111111", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "378282246310005");
    fc.assert(
      fc.property(noise, number, noise, (before, one, after) => {
        expect(hideAccountNumbers(`${before}ab ${one}; ${after}`)).toMatch(/\[(?:card|iban)\]; /u);
      }),
    );
  });
});
