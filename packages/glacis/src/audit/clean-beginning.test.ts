import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../core/event.ts";
import { Secret } from "../core/secret.ts";
import { cleanBeginning } from "../core/clean-beginning.ts";
import { eventLine } from "./event-line.ts";
import { redactFields } from "./redact-fields.ts";

const REVEALED = new Secret("Correct-Horse battery.staple 4711!").reveal();
const SECRETS: readonly string[] = [REVEALED, "4111 1111 1111 1111", `password=${"hunter2".repeat(4)}`];
const FILLER = "lorem ipsum ";

/** So long that the secret begins so many characters before the place where texts are cut. */
function across(secret: string, cutAt: number, before: number, tail = ""): string {
  const start = cutAt - before;
  return `${FILLER.repeat(Math.ceil(start / FILLER.length)).slice(0, start - 1)} ${secret} ${tail}`;
}

/** Of a secret that stands there in part, its first letters. */
const beginnings = (secret: string): readonly string[] => [secret.slice(-12), secret.slice(0, 9), secret.slice(0, 18)];

describe("a text that is cut", () => {
  const record = (text: string): AuditRecord => ({
    time: "2026-01-01T00:00:00.000Z",
    event_type: "system",
    status: "failed",
    severity: "error",
    event: "sys_error",
    error: text,
    detail: text,
  });
  const writers: readonly (readonly [string, number, (text: string) => string])[] = [
    ["an event", 2048, (text) => eventLine(record(text))],
    ["the fields of an object", 32_768, (text) => JSON.stringify(redactFields({ note: text }))],
  ];

  it.each(writers)("shows no part of a secret that the cut goes through, in %s", (_, cutAt, write) => {
    for (const secret of SECRETS.slice(0, cutAt === 2048 ? 1 : undefined))
      for (let before = 1; before < secret.length; before += 1)
        for (const tail of ["", FILLER.repeat(2_000)]) {
          const written = write(across(secret, cutAt, before, tail));
          const shown = beginnings(secret).filter((part) => part !== "password=" && written.includes(part));
          expect([secret, before, shown]).toEqual([secret, before, []]);
        }
  });

  it("shows the beginning all the same, and no more than that", () => {
    const text = FILLER.repeat(1_000);
    expect(cleanBeginning(text, 2048, (given) => given)).toBe(`${text.slice(0, 2048)}[more]`);
    expect(cleanBeginning(text.slice(0, 2049), 2048, (given) => given)).toBe(`${text.slice(0, 2048)}[more]`);
    expect(cleanBeginning("short", 2048, (given) => given.toUpperCase())).toBe("SHORT");
    let looked = 0;
    cleanBeginning("x".repeat(5_000_000), 2048, (given) => ((looked = given.length), given));
    expect(looked).toBeLessThan(10_000);
  });

  it("shows nothing rather than half a secret where nearly all of what is looked at is one", () => {
    expect(cleanBeginning("x".repeat(10_000), 100, () => "[secret]")).toBe("[more]");
  });
});
