import type { RequestListener } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { AuditEvent } from "glacis";
import { dangerouslyAllowAddresses } from "glacis/network";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testCertificate } from "../../../../test/support/tls-certificate.ts";
import { linkPreviews, type Previews } from "./preview.ts";

const certificate = testCertificate(["site.test"], ["127.0.0.1"]);
let site: Server;
let handler: RequestListener;
let previews: Previews;
let address: string;

beforeAll(async () => {
  site = createServer(certificate, (request, response) => handler(request, response));
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  const { port } = site.address() as AddressInfo;
  address = `https://127.0.0.1:${port}`;
  // The site is on this machine, where no user's link leads otherwise.
  previews = linkPreviews(() => undefined, {
    hosts: [`127.0.0.1:${port}`],
    ca: certificate.cert,
    [dangerouslyAllowAddresses]: ["127.0.0.0/8"],
  });
});
afterAll(async () => {
  await previews.close();
  site.close();
});

function answers(type: string, body: string, status = 200): void {
  handler = (_, response) => response.writeHead(status, { "content-type": type }).end(body);
}

describe("a link preview", () => {
  it("is the title that the page gives itself, as one line of text", async () => {
    answers("text/html; charset=utf-8", '<!doctype html><TITLE lang="en">\n Plans &amp; <b>more</b> \u202E </title>');
    const { host } = new URL(address);
    expect(await previews.read(`${address}/plan`)).toEqual({ site: host, title: "Plans &" });
    answers("text/html", `<title>${"x".repeat(5000)}</title>`);
    expect(await previews.read(address)).toEqual({ site: host, title: "x".repeat(200) });
  });

  it("has no title where the page has none, fails, or is no page", async () => {
    const { host } = new URL(address);
    for (const [type, body, status] of [
      ["text/html", "<p>a</p>", 200],
      ["image/png", "<title>a</title>", 200],
      ["text/html", "<title>a</title>", 500],
    ] as const) {
      answers(type, body, status);
      expect(await previews.read(address)).toEqual({ site: host, title: undefined });
    }
  });

  it("does not wait for a page without end", async () => {
    handler = (_, response) => {
      response.writeHead(200, { "content-type": "text/html" });
      response.on("error", () => undefined);
      for (let index = 0; index < 64; index += 1) response.write("x".repeat(16_384));
    };
    expect(await previews.read(address)).toBe("no_answer");
  });

  it("asks no place inside, and says so in the log without the address", async () => {
    const events: AuditEvent[] = [];
    const careful = linkPreviews((event) => events.push(event));
    for (const link of [
      `${address}/secret-path`,
      "https://169.254.169.254/latest/meta-data",
      "http://example.com/",
      "file:///etc/passwd",
      "https://localhost/",
    ])
      expect(await careful.read(link)).toBe("refused");
    await careful.close();
    expect(events).toHaveLength(5);
    expect(JSON.stringify(events)).not.toContain("secret-path");
  });
});
