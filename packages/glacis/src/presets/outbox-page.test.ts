import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { outboxMail } from "../authentication/mail-transport.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { outboxPage } from "./outbox-page.ts";

it("shows the mails of an outbox with their links, newest first, and is not there in production", async () => {
  const folder = await mkdtemp(join(tmpdir(), "glacis-outbox-"));
  const outbox = outboxMail({ folder });
  const [endpoint] = outboxPage({ outbox, mode: "development" });
  expect(await endpoint?.handle(sketchExchange(), "")).toMatchObject({
    status: 200,
    body: expect.stringContaining("No mail yet"),
  });
  for (const subject of ["first", "<b>second</b>"])
    await outbox.send({
      to: "ada@example.com",
      subject,
      text: "Hello.\n\nhttps://app.example.com/x?token=y\n",
      html: "",
    });
  const page = (await endpoint?.handle(sketchExchange(), "")) as { readonly body: string };
  expect(page.body).toContain('<a href="https://app.example.com/x?token=y">');
  expect(page.body.indexOf("&lt;b&gt;second")).toBeLessThan(page.body.indexOf("first"));
  expect(outboxPage({ outbox, mode: "production" })).toEqual([]);
  await rm(folder, { recursive: true });
});
