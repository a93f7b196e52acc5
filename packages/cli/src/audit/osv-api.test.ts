import { afterEach, describe, expect, it } from "vitest";
import { OsvServer } from "../../../../test/support/osv-server.ts";
import { osvApi } from "./osv-api.ts";

const RECORD = {
  id: "GHSA-aaaa-bbbb-cccc",
  affected: [
    { package: { ecosystem: "npm", name: "qs" }, ranges: [{ type: "SEMVER", events: [{ introduced: "0" }] }] },
  ],
};
const server = new OsvServer([RECORD]);
afterEach(() => server.close());

describe("the source that asks a server", () => {
  it("waits as long as it is told, asks again, and gives up with a reason", async () => {
    const url = await server.listen();
    const source = osvApi({ url, cacheFolder: undefined, timeoutMs: 100, retryMs: 1 });
    server.faults.push("silence");
    const { records } = await source.recordsFor([{ name: "qs", version: "6.5.2" }]);
    expect(records.get("qs@6.5.2")?.map(({ id }) => id)).toEqual([RECORD.id]);
    server.faults.push("silence", "silence", "silence", "silence");
    await expect(source.recordsFor([{ name: "qs", version: "6.5.2" }])).rejects.toThrow(
      /did not answer within 100 ms, 4 times/u,
    );
  });

  it("asks about more packages than one question holds", async () => {
    const url = await server.listen();
    const source = osvApi({ url, cacheFolder: undefined, retryMs: 1 });
    server.asked.length = 0;
    const packages = Array.from({ length: 2500 }, (_, index) => ({ name: `p${index}`, version: "1.0.0" }));
    const { records } = await source.recordsFor([...packages, { name: "qs", version: "6.5.2" }]);
    expect(server.asked.filter((line) => line.startsWith("POST"))).toHaveLength(3);
    expect([...records.values()].flat().map(({ id }) => id)).toEqual([RECORD.id]);
  });

  it.each(["ftp://example.com", "http://example.com", "x", "http://127.0.0.1.example.com"])(
    "refuses to ask %s",
    (url) => {
      expect(() => osvApi({ url, cacheFolder: undefined })).toThrow(/no https URL/u);
    },
  );
});
