import { describe, expect, it } from "vitest";
import { HeadDraft, type HeaderLines } from "../adapters/head-draft.ts";
import type { Control } from "./control.ts";
import type { AuditEvent } from "./event.ts";
import type { Exchange } from "./exchange.ts";
import { compileHead } from "./head.ts";
import type { HeaderRule } from "./response.ts";

const EVENT = { event_type: "system", status: "failed", severity: "info", event: "sys_control_failed" } as AuditEvent;

function control(headers: readonly HeaderRule[], head?: Control<never>["head"]): Control<never> {
  return { headers, ...(head && { head }) } as unknown as Control<never>;
}

interface Given {
  readonly scheme?: "http" | "https";
  readonly lines?: readonly string[];
  readonly added?: readonly (readonly [string, string])[];
}

/** The head that goes out, in order. */
function written(controls: readonly Control<never>[], { scheme = "https", lines = [], added }: Given = {}) {
  const reported: unknown[] = [];
  const out: HeaderLines = [...lines];
  const draft = new HeadDraft(200, out);
  const exchange = { scheme, responseHeaders: added } as unknown as Exchange;
  compileHead(controls, (event, about) => reported.push([event, about === exchange]))(exchange, draft);
  draft.spellOut();
  const pairs = out.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${out[index + 1]}`] : []));
  return { pairs: pairs.toSorted(), reported };
}

const OCCASIONS = control([
  { name: "x-always", value: "1", on: "always" },
  { name: "x-https", value: "1", on: "https" },
  { name: "x-document", value: "1", on: "document" },
  { name: "x-data", value: "1", on: "data" },
]);

describe("the head of a response", () => {
  it.each([
    ["http", "text/html", ["x-always", "x-document"]],
    ["https", "text/html", ["x-always", "x-document", "x-https"]],
    ["http", "application/json", ["x-always", "x-data"]],
    ["https", "application/json", ["x-always", "x-data", "x-https"]],
  ] as const)("over %s as %s has the headers of its occasion and no other", (scheme, type, names) => {
    const { pairs } = written([OCCASIONS], { scheme, lines: ["content-type", `${type}; charset=utf-8`] });
    expect(pairs).toEqual([`content-type: ${type}; charset=utf-8`, ...names.map((name) => `${name}: 1`)]);
  });

  it("is a document for what a browser renders, and data without a type", () => {
    for (const type of ["image/svg+xml", "application/xhtml+xml", "application/xml", "text/html", "text/xml"])
      expect(written([OCCASIONS], { lines: ["content-type", type] }).pairs).toContain("x-document: 1");
    expect(written([OCCASIONS]).pairs).toEqual(["x-always: 1", "x-data: 1", "x-https: 1"]);
  });

  it("replaces what the application says, unless the rule weighs the two", () => {
    const rules = control([
      { name: "x-ours", value: "ours", on: "always" },
      { name: "x-both", value: () => "ours", on: "always", reconcile: (theirs, ours) => `${theirs}+${ours}` },
    ]);
    expect(written([rules]).pairs).toEqual(["x-both: ours", "x-ours: ours"]);
    const lines = ["x-ours", "theirs", "x-both", "theirs"];
    expect(written([rules], { lines }).pairs).toEqual(["x-both: theirs+ours", "x-ours: ours"]);
  });

  it("lets the later of two rules of one name weigh what the earlier has written", () => {
    const join = (theirs: string, ours: string): string => `${theirs}, ${ours}`;
    const first = control([{ name: "vary", value: "Origin", on: "always", reconcile: join }]);
    const second = control([{ name: "vary", value: "Cookie", on: "always", reconcile: join }]);
    expect(written([first, second]).pairs).toEqual(["vary: Origin, Cookie"]);
  });

  it("adds what decisions have left: cookies beside each other, lists joined, anything else replaced", () => {
    const added = [
      ["set-cookie", "b=2"],
      ["set-cookie", "c=3"],
      ["ratelimit", '"two";r=1'],
      ["ratelimit-policy", '"two";q=9'],
      ["vary", "Origin"],
      ["x-seen", "new"],
    ] as const;
    const policies = ["ratelimit-policy", '"one";q=9', "vary", "Accept"];
    const lines = ["set-cookie", "a=1", "ratelimit", '"one";r=1', "x-seen", "old", ...policies];
    expect(written([], { lines, added }).pairs).toEqual([
      'ratelimit-policy: "one";q=9, "two";q=9',
      'ratelimit: "one";r=1, "two";r=1',
      "set-cookie: a=1",
      "set-cookie: b=2",
      "set-cookie: c=3",
      "vary: Accept, Origin",
      "x-seen: new",
    ]);
  });

  it("asks the writers last, and reports what they have seen", () => {
    const writer = control([], (draft) => {
      draft.set("x-seen", draft.get("x-decided") ?? "nothing");
      return [EVENT];
    });
    const silent = control([], () => undefined);
    const { pairs, reported } = written([silent, writer], { added: [["x-decided", "1"]] });
    expect(pairs).toEqual(["x-decided: 1", "x-seen: 1"]);
    expect(reported).toEqual([[EVENT, true]]);
  });
});
