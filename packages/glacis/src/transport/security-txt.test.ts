import { describe, expect, it } from "vitest";
import { sketchExchange } from "../testing/exchange.ts";
import { securityTxt, type SecurityTxtOptions } from "./security-txt.ts";

const options: SecurityTxtOptions = {
  contact: ["mailto:security@example.com", "https://example.com/report"],
  expires: "2027-06-01T00:00:00Z",
};
const NOW = Date.parse("2026-11-26T12:00:00Z");

describe("securityTxt", () => {
  it("serves the fields of RFC 9116, one to a line", async () => {
    const { endpoint } = securityTxt({
      ...options,
      encryption: ["https://example.com/key.asc"],
      acknowledgments: ["https://example.com/thanks"],
      preferredLanguages: ["en", "de-at"],
      canonical: ["https://example.com/.well-known/security.txt"],
      policy: ["https://example.com/policy"],
      hiring: ["https://example.com/jobs"],
    });
    expect(endpoint).toMatchObject({
      method: "GET",
      path: "/.well-known/security.txt",
      rule: { access: { kind: "public" } },
    });
    const response = await endpoint.handle(sketchExchange({ nowMs: NOW }), "");
    expect(response.status).toBe(200);
    expect(response.headers).toEqual([["content-type", "text/plain; charset=utf-8"]]);
    expect(response.body?.split("\r\n")).toEqual([
      "Contact: mailto:security@example.com",
      "Contact: https://example.com/report",
      "Expires: 2027-06-01T00:00:00.000Z",
      "Encryption: https://example.com/key.asc",
      "Acknowledgments: https://example.com/thanks",
      "Preferred-Languages: en, de-AT",
      "Canonical: https://example.com/.well-known/security.txt",
      "Policy: https://example.com/policy",
      "Hiring: https://example.com/jobs",
      "",
    ]);
  });

  it("stops serving the file at the moment it expires", async () => {
    const { endpoint } = securityTxt(options);
    const moment = Date.parse(options.expires);
    expect((await endpoint.handle(sketchExchange({ nowMs: moment - 1 }), "")).status).toBe(200);
    expect(await endpoint.handle(sketchExchange({ nowMs: moment }), "")).toMatchObject({
      status: 404,
      body: undefined,
    });
  });

  it.each([
    ["2026-11-26T12:00:00Z", ["security-txt/expired"]],
    ["2026-12-20T00:00:00+02:00", ["security-txt/expires-soon"]],
    ["2026-12-26T11:59:59Z", ["security-txt/expires-soon"]],
    ["2026-12-26T12:00:00Z", []],
    ["2027-06-01T00:00:00Z", []],
    ["2027-11-26T12:00:00Z", []],
    ["2028-06-01T00:00:00Z", ["security-txt/expires-late"]],
  ])("finds for %s: %j", (expires, expected) => {
    const { control } = securityTxt({ ...options, expires });
    expect(control.check({ nowMs: NOW } as never).map(({ rule }) => rule.id)).toEqual(expected);
  });

  it("observes a file that is not there", () => {
    const { control } = securityTxt(options);
    const seen = (path: string, status: number, type: string): readonly string[] =>
      (
        control.observe?.({
          url: `https://app.test${path}`,
          scheme: "https",
          status,
          headers: [["content-type", type]],
        }) ?? []
      ).map(({ rule }) => rule.id);
    expect(seen("/.well-known/security.txt", 200, "text/plain; charset=utf-8")).toEqual([]);
    expect(seen("/.well-known/security.txt", 404, "text/plain")).toEqual(["security-txt/expired"]);
    expect(seen("/.well-known/security.txt", 200, "text/html")).toEqual(["security-txt/expired"]);
    expect(seen("/", 404, "text/html")).toEqual([]);
  });

  it.each([
    [{ contact: [] }, /at least one contact/u],
    [{ contact: undefined }, /at least one contact/u],
    [{ contact: ["security@example.com"] }, /mailto:security@example.com/u],
    [{ contact: ["http://example.com/report"] }, /mailto:, tel:, https:/u],
    [{ contact: ["mailto:"] }, /complete URIs/u],
    [{ contact: ["mailto:a@example.com\r\nPolicy: https://evil.test"] }, /complete URIs/u],
    [{ expires: "2027-06-01" }, /with its zone/u],
    [{ expires: "2027-13-01T00:00:00Z" }, /with its zone/u],
    [{ expires: "2027-02-30T00:00:00Z" }, /with its zone/u],
    [{ expires: "2027-02-28T24:00:00Z" }, /with its zone/u],
    [{ expires: undefined }, /with its zone/u],
    [{ policy: ["http://example.com"] }, /https:/u],
    [{ policy: "https://example.com" }, /as an array/u],
    [{ encryption: ["example.com/key"] }, /dns:/u],
    [{ preferredLanguages: ["english please"] }, /language tags/u],
    [{ preferredLanguages: [] }, /language tags/u],
    [{ acknowledgements: [] }, /Did you mean "acknowledgments"/u],
  ])("refuses %o and says what to write instead", (wrong, message) => {
    expect(() => securityTxt({ ...options, ...wrong } as never)).toThrow(message);
  });
});
