import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { judgeVersion } from "../../packages/cli/src/audit/osv-range.ts";
import { parseOsvRecord } from "../../packages/cli/src/audit/osv-record.ts";

/** What to do with the next request: a fault, a status, or after all an answer. */
export type OsvFault = "answer" | "truncated" | "silence" | "reset" | "short" | "redirect" | number;

interface Query {
  readonly package: { readonly name: string; readonly ecosystem: string };
  readonly version: string;
  readonly page_token?: string;
}

/** A server that speaks the protocol of api.osv.dev over records of the test, with pages of a given length. */
export class OsvServer {
  readonly asked: string[] = [];
  /** Taken from the front, one for each request. */
  readonly faults: OsvFault[] = [];
  readonly records: readonly { readonly id: string; readonly modified?: string }[];
  readonly #pageSize: number;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  constructor(records: OsvServer["records"], pageSize = 100) {
    this.records = records;
    this.#pageSize = pageSize;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked.push(`${request.method} ${request.url}`);
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const fault = this.faults.shift();
    if (fault === "silence") return;
    if (fault === "reset") return void request.socket.destroy();
    if (fault === "redirect") return void response.writeHead(302, { location: "https://example.com/" }).end();
    if (typeof fault === "number") return void response.writeHead(fault, { "retry-after": "0" }).end("{}");
    const answer =
      request.url === "/v1/querybatch" ? this.#batch(JSON.parse(body), fault) : this.#record(request.url ?? "");
    if (answer === undefined) return void response.writeHead(404).end('{"code":5,"message":"Bug not found."}');
    const text = JSON.stringify(answer);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(fault === "truncated" ? text.slice(0, -3) : text);
  }

  #batch({ queries }: { readonly queries: readonly Query[] }, fault: OsvFault | undefined): unknown {
    const results = queries.map(({ package: { name, ecosystem }, version, page_token: token }) => {
      const matching = this.records.filter((value) => {
        const record = parseOsvRecord(value);
        return ecosystem === "npm" && record !== undefined && judgeVersion(record, name, version) === "affected";
      });
      const start = Number(token ?? 0);
      const vulns = matching
        .slice(start, start + this.#pageSize)
        .map(({ id, modified = "2026-11-01T00:00:00Z" }) => ({ id, modified }));
      const more = start + this.#pageSize < matching.length;
      return { ...(vulns.length > 0 && { vulns }), ...(more && { next_page_token: String(start + this.#pageSize) }) };
    });
    return { results: fault === "short" ? results.slice(1) : results };
  }

  #record(url: string): unknown {
    const found = this.records.find(({ id }) => url === `/v1/vulns/${id}`);
    return found && { modified: "2026-11-01T00:00:00Z", ...found };
  }
}
