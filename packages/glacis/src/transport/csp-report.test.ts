import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Answer } from "../core/decision.ts";
import type { Endpoint } from "../core/endpoint.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { readReports } from "./csp-report-format.ts";
import { cspReportEndpoint } from "./csp-report.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");

const legacy = (fields: object = {}): string =>
  JSON.stringify({
    "csp-report": {
      "document-uri": "https://app.example.com/documents/8f14e45fceea167a5a36dedd4bea2543?token=s3cret#frag",
      "effective-directive": "script-src-elem",
      "violated-directive": "script-src-elem",
      "original-policy": "default-src 'none'",
      "blocked-uri": "https://user:s3cret@evil.test/x.js?s3cret",
      "source-file": "https://app.example.com/assets/app.js?v=s3cret",
      "line-number": 12,
      "script-sample": "s3cret",
      referrer: "https://app.example.com/?s3cret",
      ...fields,
    },
  });

const modern = (fields: object = {}, type = "csp-violation"): object => ({
  type,
  age: 10,
  url: "https://app.example.com/",
  user_agent: "a browser",
  body: {
    documentURL: "https://app.example.com/settings",
    blockedURL: "inline",
    effectiveDirective: "style-src-attr",
    disposition: "enforce",
    sourceFile: "https://app.example.com/settings",
    lineNumber: 3,
    statusCode: 200,
    sample: "color: s3cret",
    ...fields,
  },
});

function post(endpoint: Endpoint<Answer>, body: string, client = "192.0.2.1", nowMs: number = NOW): Answer {
  const answered = endpoint.handle(sketchExchange({ method: "POST", target: endpoint.path, client, nowMs }), body);
  if (answered instanceof Promise) throw new Error("the endpoint answers at once");
  return answered;
}

describe("cspReportEndpoint", () => {
  it("keeps what a report-uri report says, without anything that is or may be secret", () => {
    const { status, body, events } = post(cspReportEndpoint(), legacy());
    expect({ status, body }).toEqual({ status: 204, body: undefined });
    expect(events).toEqual([
      {
        event_type: "csp_violation",
        status: "refused",
        severity: "warning",
        event: "csp_violation",
        control: "csp-reporting",
        directive: "script-src-elem",
        blocked: "https://evil.test",
        document: "https://app.example.com/documents/:id",
        source: "https://app.example.com/assets/app.js",
        line: 12,
      },
    ]);
    expect(JSON.stringify(events)).not.toContain("s3cret");
  });

  it("reads the Reporting API's list, and leaves its other reports alone", () => {
    const list = JSON.stringify([
      modern(),
      modern({ effectiveDirective: "img-src", disposition: "report" }),
      modern({}, "deprecation"),
    ]);
    const { status, events } = post(cspReportEndpoint(), list);
    expect(status).toBe(204);
    expect(events).toMatchObject([
      { directive: "style-src-attr", blocked: "inline", status: "refused" },
      { directive: "img-src", status: "observed", severity: "info" },
    ]);
  });

  it.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["null", "null"],
    ["a number", "7"],
    ["another object", '{"a":1}'],
    ["an empty list", "[]"],
    ["a list of numbers", "[1]"],
    ["a report without a body", '[{"type":"csp-violation"}]'],
    ["a report without a directive", JSON.stringify({ "csp-report": { "document-uri": "https://app.example.com/" } })],
    ["a directive that is no text", legacy({ "effective-directive": 1, "violated-directive": {} })],
    ["too many reports", JSON.stringify(Array.from({ length: 21 }, () => modern()))],
  ])("answers 400 to %s", (_, body) => {
    expect(post(cspReportEndpoint(), body)).toMatchObject({ status: 400, events: [], body: undefined });
  });

  it("answers 413 above 16 KiB, and says so to the adapter too", () => {
    const endpoint = cspReportEndpoint();
    expect(post(endpoint, "x".repeat(16_385))).toMatchObject({ status: 413 });
    expect(post(endpoint, legacy({ x: "é".repeat(8_192) }))).toMatchObject({ status: 413 });
    expect(endpoint.rule).toMatchObject({ bodyBytes: 16_384, kind: "api", access: { kind: "public" } });
    expect(endpoint.rule.csrfExempt).toBeTruthy();
  });

  it.each([
    ["an extension's script", { "blocked-uri": "chrome-extension://abc/x.js" }],
    ["an extension that injects inline code", { "blocked-uri": "inline", "source-file": "moz-extension://abc" }],
    ["Safari's extensions", { "source-file": "safari-web-extension://abc/x.js" }],
    ["about:blank", { "blocked-uri": "about" }],
    ["a page of another origin", { "document-uri": "https://evil.test/" }],
    ["a page without an address", { "document-uri": "about:blank" }],
    ["a directive that nobody knows", { "effective-directive": "future-src" }],
  ])("drops noise: %s", (_, fields) => {
    expect(post(cspReportEndpoint({ origin: "https://app.example.com" }), legacy(fields))).toMatchObject({
      status: 204,
      events: [],
    });
  });

  it("records a violation once in ten minutes, and then says how many came in between", () => {
    const endpoint = cspReportEndpoint();
    expect(post(endpoint, legacy()).events).toHaveLength(1);
    for (let index = 0; index < 5; index += 1) expect(post(endpoint, legacy()).events).toHaveLength(0);
    expect(post(endpoint, legacy(), "192.0.2.1", NOW + 600_000).events).toMatchObject([
      { blocked: "https://evil.test", count: 5 },
    ]);
    const [next] = post(endpoint, legacy({ "blocked-uri": "data" }), "192.0.2.1", NOW + 600_000).events ?? [];
    expect(next).toMatchObject({ blocked: "data:" });
    expect(next).not.toHaveProperty("count");
  });

  it("takes 30 reports a minute from one client, and drops the rest with the same answer", () => {
    const endpoint = cspReportEndpoint();
    const distinct = (index: number): string => legacy({ "blocked-uri": `https://h${index}.test/` });
    const kept = Array.from({ length: 40 }, (_, index) => post(endpoint, distinct(index)));
    expect(kept.every(({ status }) => status === 204)).toBe(true);
    expect(kept.filter(({ events }) => events.length > 0)).toHaveLength(30);
    expect(post(endpoint, distinct(100), "192.0.2.2").events).toMatchObject([{ count: 10 }]);
    expect(post(endpoint, distinct(101), "192.0.2.1", NOW + 60_000).events).toHaveLength(1);
  });

  it("takes every hundredth once a flood from many clients is over 100 a minute", () => {
    const endpoint = cspReportEndpoint();
    let kept = 0;
    for (let index = 1; index <= 1_000; index += 1)
      kept += post(endpoint, legacy({ "blocked-uri": `https://h${index}.test/` }), `client-${index}`).events.length;
    expect(kept).toBe(100 + 9);
  });

  it("does not grow with the number of clients or violations", () => {
    const endpoint = cspReportEndpoint({ perMinute: 1_000_000, perClientPerMinute: 1_000_000 });
    let kept = 0;
    for (let index = 0; index < 12_000; index += 1)
      kept += post(endpoint, legacy({ "blocked-uri": `https://h${index}.test/` }), `client-${index}`).events.length;
    expect(kept).toBe(1_000);
    const crowded = cspReportEndpoint({ perMinute: 1_000_000 });
    for (let index = 0; index < 10_000; index += 1) post(crowded, legacy(), `client-${index}`);
    const other = legacy({ "blocked-uri": "https://other.test/" });
    expect(post(crowded, other, "a client too many").events).toEqual([]);
    expect(post(crowded, other, "client-7").events).toHaveLength(1);
  });

  it.each<[object, RegExp]>([
    [{ path: "csp" }, /exact path/u],
    [{ path: "/csp/:id" }, /exact path/u],
    [{ origin: "https://app.example.com/x" }, /origin as scheme/u],
    [{ perMinute: 0 }, /whole numbers/u],
    [{ limit: 5 }, /no option "limit"/u],
  ])("refuses %j at construction", (options, message) => {
    expect(() => cspReportEndpoint(options)).toThrow(message);
  });
});

describe("readReports", () => {
  it.each([
    ["ada@example.com", ":id"],
    ["a%20b", ":id"],
    ["42", ":id"],
    ["8f14e45fceea167a", ":id"],
    ["x".repeat(33), ":id"],
    ["x".repeat(32), "x".repeat(32)],
    ["settings", "settings"],
  ])("keeps of the path /u/%s what names nobody", (segment, kept) => {
    const reports = readReports(legacy({ "document-uri": `https://app.example.com/u/${segment}` }));
    expect(reports?.violations.map(({ document }) => document)).toEqual([`https://app.example.com/u/${kept}`]);
  });

  it("never throws, and whatever it keeps is one short printable word or address", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.webUrl({ withQueryParameters: true, withFragments: true }),
      fc.constantFrom("inline", "data", "blob:x", "eval"),
    );
    fc.assert(
      fc.property(text, text, text, fc.anything(), (document, blocked, source, line) => {
        const fields = {
          "document-uri": document,
          "effective-directive": "img-src",
          "blocked-uri": blocked,
          "source-file": source,
        };
        const reports = readReports(JSON.stringify({ "csp-report": { ...fields, "line-number": line } }));
        for (const violation of reports?.violations ?? []) {
          for (const kept of [violation.blocked, violation.document, violation.source ?? "absent"]) {
            expect(kept).toMatch(/^[\x21-\x7e]{1,200}$/u);
            expect(kept).not.toMatch(/[?#]/u);
          }
        }
      }),
      { numRuns: 200 },
    );
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(() => readReports(json)).not.toThrow();
      }),
    );
  });
});
