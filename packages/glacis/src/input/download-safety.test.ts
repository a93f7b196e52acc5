import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { Refusal } from "../core/error-reason.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { download, downloadSafety, type DownloadFile, type DownloadSource } from "./download-safety.ts";

const CONTENT = "0123456789";
const source: DownloadSource = {
  size: async (key) => (key === "there" ? CONTENT.length : undefined),
  read: async (_key, { start, end } = { start: 0, end: CONTENT.length - 1 }) =>
    Readable.from([CONTENT.slice(start, end + 1)]),
};
const FILE: DownloadFile = { key: "there", filename: "a.txt", scan: "clean" };
const ask = (headers: Record<string, string> = {}, method = "GET", file: DownloadFile = FILE) =>
  download(sketchExchange({ method, headers }), source, file);

describe("a download", () => {
  it.each([
    ["bytes=0-0", 206, "0", "bytes 0-0/10"],
    ["bytes=5-", 206, "56789", "bytes 5-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=-300", 206, CONTENT, "bytes 0-9/10"],
    ["bytes=8-300", 206, "89", "bytes 8-9/10"],
    ["bytes=10-", 416, "", "bytes */10"],
    ["bytes=-0", 416, "", "bytes */10"],
    ["bytes=5-4", 200, CONTENT, undefined],
    ["bytes=0-1,3-4", 200, CONTENT, undefined],
    ["bytes=-", 200, CONTENT, undefined],
    ["bytes=a-b", 200, CONTENT, undefined],
    ["lines=0-1", 200, CONTENT, undefined],
    ["bytes=99999999999999999999-", 200, CONTENT, undefined],
  ])("answers %s with %i", async (range, status, body, contentRange) => {
    const answer = await ask({ range });
    const headers = new Map(answer.headers);
    expect([answer.status, headers.get("content-range")]).toEqual([status, contentRange]);
    expect(answer.body === undefined ? "" : await text(answer.body)).toBe(body);
    expect(headers.get("content-length")).toBe(String(body.length));
  });

  it("answers HEAD without a body, and a validator that it cannot judge with the whole", async () => {
    expect(await ask({ range: "bytes=0-1" }, "HEAD")).toMatchObject({ status: 200, body: undefined });
    expect((await ask({ range: "bytes=0-1", "if-range": '"a"' })).status).toBe(200);
  });

  it.each([
    [{ ...FILE, scan: "pending" }, "upload_pending"],
    [{ ...FILE, scan: "infected" }, "upload_withdrawn"],
    [{ ...FILE, scan: undefined }, "upload_pending"],
    [{ ...FILE, key: "elsewhere" }, "not_found"],
  ] as const)("refuses %j", async (file, reason) => {
    const refused = await ask({}, "GET", file as DownloadFile).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Refusal);
    expect((refused as Refusal).decision).toMatchObject({ reason, events: [{ event: "download_refused", reason }] });
  });

  it.each(['a"; filename=evil.exe', "a\r\nset-cookie: x=1", "../../a.txt", "a\u202efdp.exe", ""])(
    "keeps %j from saying anything else",
    async (filename) => {
      const { headers } = await ask({}, "GET", { ...FILE, filename });
      const disposition = new Map(headers).get("content-disposition") ?? "";
      expect(disposition).toMatch(
        /^attachment(?:; filename="[^"\\/\r\n]*"(?:; filename\*=UTF-8''[\w%.~!#$&+^`|-]*)?)?$/u,
      );
    },
  );

  it("passes its own probe, and what is served otherwise does not", async () => {
    const { status, headers } = await ask();
    const { observe } = downloadSafety();
    const seen = { url: "https://app.example.com/a", scheme: "https", status } as const;
    expect(observe?.({ ...seen, headers })).toEqual([]);
    for (const missing of ["x-content-type-options", "content-security-policy"])
      expect(observe?.({ ...seen, headers: headers.filter(([name]) => name !== missing) })).toHaveLength(1);
    expect(observe?.({ ...seen, headers: [] })).toEqual([]);
  });
});
