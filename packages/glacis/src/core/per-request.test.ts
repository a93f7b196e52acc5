import fc from "fast-check";
import { expect, it } from "vitest";
import { PerRequest, type Keeping } from "./per-request.ts";

it("gives back what was set last for this request, and takes it once", () => {
  const marks = new PerRequest<string>();
  const [request, other]: Keeping[] = [{ kept: undefined }, { kept: undefined }];
  marks.set(request as Keeping, "first");
  marks.set(request as Keeping, "second");
  expect([marks.get(request as Keeping), marks.get(other as Keeping)]).toEqual(["second", undefined]);
  expect([marks.take(request as Keeping), marks.take(request as Keeping)]).toEqual(["second", undefined]);
  expect(request?.kept).toBeUndefined();
});

it("does what a map of requests would for each of its owners, whatever they do and in whatever order", () => {
  const step = fc.record({
    does: fc.constantFrom("set", "get", "take"),
    owner: fc.nat(3),
    request: fc.nat(2),
    value: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const requests: Keeping[] = Array.from({ length: 3 }, () => ({ kept: undefined }));
      const owners = Array.from({ length: 4 }, () => new PerRequest<number>());
      const model = owners.map(() => new Map<Keeping, number>());
      for (const { does, owner, request: which, value } of steps) {
        const request = requests[which] as Keeping;
        const own = owners[owner] as PerRequest<number>;
        const expected = model[owner] as Map<Keeping, number>;
        if (does === "set") {
          own.set(request, value);
          expected.set(request, value);
        } else {
          expect(does === "get" ? own.get(request) : own.take(request)).toBe(expected.get(request));
          if (does === "take") expected.delete(request);
        }
      }
    }),
  );
});
