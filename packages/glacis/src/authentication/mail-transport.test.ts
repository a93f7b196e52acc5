import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { mailMessage } from "./mail-messages.ts";
import { outboxFiles, outboxMail, smtpMail } from "./mail-transport.ts";

const message = mailMessage("password_reset", "ada@example.com", {
  application: "Folio & <b>Co</b>",
  link: "https://app.example.com/reset-password?token=abc",
  atMs: 0,
});

it("writes mails to the outbox folder as files that only the owner reads, in order", async () => {
  const folder = join(await mkdtemp(join(tmpdir(), "glacis-outbox-")), "mail");
  const mail = outboxMail({ folder });
  expect(await outboxFiles(folder)).toEqual([]);
  await mail.send(message);
  await mail.send({ ...message, to: "grace@example.com" });
  const [first = "", second = "", ...others] = await outboxFiles(folder);
  expect(others).toEqual([]);
  const text = await readFile(join(folder, first), "utf8");
  expect(text).toMatch(/^To: ada@example\.com$/mu);
  expect(text).toContain("multipart/alternative");
  expect(await readFile(join(folder, second), "utf8")).toMatch(/^To: grace@example\.com$/mu);
  expect((await stat(join(folder, first))).mode & 0o077).toBe(0);
  await rm(folder, { recursive: true });
});

it("escapes what stands in HTML, and keeps subject and address on one line each", async () => {
  expect(message.html).not.toContain("<b>");
  const words = { password_reset: () => ({ subject: "Hello\r\nBcc: x@evil.example", lines: ["<script>"] }) };
  const own = mailMessage("password_reset", "ada@example.com", { application: "Folio", atMs: 0 }, words);
  expect(own.subject).toBe("Hello Bcc: x@evil.example");
  expect(own.html).toContain("&lt;script&gt;");
  const mail = outboxMail({ folder: join(tmpdir(), "glacis-never") });
  await expect(mail.send({ ...message, to: "a@example.com\r\nBcc: b@evil.example" })).rejects.toThrow("one line");
});

it("gives one address one recipient, whatever stands in it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "glacis-outbox-"));
  await outboxMail({ folder }).send({ ...message, to: "a@example.com, b@evil.example" });
  const [file = ""] = await outboxFiles(folder);
  const to = /^To: (.*)$/mu.exec(await readFile(join(folder, file), "utf8"))?.[1] ?? "";
  expect(to).not.toMatch(/,\s*<?b@evil/u);
  await rm(folder, { recursive: true });
});

it("speaks SMTP to a server, and refuses one that offers no TLS unless it is this machine", async () => {
  const lines: string[] = [];
  const server = createServer((socket) => {
    let data = false;
    socket.write("220 test\r\n");
    socket.on("data", (chunk) => {
      for (const line of chunk.toString("utf8").split("\r\n").filter(Boolean)) {
        lines.push(line);
        if (data) {
          if (line === ".") {
            data = false;
            socket.write("250 taken\r\n");
          }
          continue;
        }
        data = line === "DATA";
        socket.write(data ? "354 go on\r\n" : line.startsWith("QUIT") ? "221 bye\r\n" : "250 ok\r\n");
      }
    });
  }).listen(0);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const from = "Folio <no-reply@example.com>";
  await smtpMail({ url: `smtp://127.0.0.1:${port}`, from }).send(message);
  expect(lines).toContain("MAIL FROM:<no-reply@example.com>");
  expect(lines).toContain("RCPT TO:<ada@example.com>");
  lines.length = 0;
  await expect(smtpMail({ url: `smtp://0.0.0.0:${port}`, from }).send(message)).rejects.toThrow();
  expect(lines.some((line) => line.startsWith("MAIL"))).toBe(false);
  server.close();
});

it("never repeats the address of the server, which holds a password", () => {
  const make = (url: string) => () => smtpMail({ url, from: "no-reply@example.com" });
  expect(make("https://user:hunter2@example.com")).toThrow("smtpMail() needs url");
  expect(make("https://user:hunter2@example.com")).not.toThrow("hunter2");
  expect(() => smtpMail({ url: "smtps://example.com", from: "nobody" })).toThrow("sender");
});
