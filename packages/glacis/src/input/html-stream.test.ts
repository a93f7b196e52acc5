import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { htmlStream, type HtmlParts } from "./html-stream.ts";
import { html, type SafeHtml } from "./html.ts";

const read = async (parts: HtmlParts): Promise<string> => new Response(htmlStream(parts)).text();

describe("htmlStream", () => {
  it("sends pieces in their order, whichever is ready first", async () => {
    const later = new Promise<SafeHtml>((resolve) => setTimeout(() => resolve(html`<li>${"<late>"}</li>`), 20));
    expect(await read([html`<ul>`, later, Promise.resolve(html`<li>b</li>`), html``, html`</ul>`])).toBe(
      "<ul><li>&lt;late&gt;</li><li>b</li></ul>",
    );
  });

  it("takes pieces as they come, and no faster than they are read", async () => {
    let made = 0;
    let ended = false;
    async function* rows(): AsyncGenerator<SafeHtml> {
      try {
        for (;;) yield html`<p>${(made += 1)}</p>`;
      } finally {
        ended = true;
      }
    }
    const reader = htmlStream(rows()).getReader();
    await reader.read();
    expect(made).toBeLessThan(5);
    await reader.cancel();
    expect(ended).toBe(true);
  });

  it("breaks off at what is no markup, and at what fails", async () => {
    await expect(read(["<script>" as unknown as SafeHtml])).rejects.toThrow(TypeError);
    await expect(read([html`<p>`, Promise.reject(new Error("gone"))])).rejects.toThrow("gone");
  });

  it("does not let a page that broke off look complete", async () => {
    const server = createServer((_, response) => {
      const body = Readable.fromWeb(htmlStream([html`<p>begin</p>`, Promise.reject(new Error("gone"))]) as never);
      body.on("error", (error) => response.destroy(error));
      body.pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await expect(fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text())).rejects.toThrow(TypeError);
    server.close();
  });
});
