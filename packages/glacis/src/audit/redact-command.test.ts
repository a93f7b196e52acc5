import { describe, expect, it } from "vitest";
import { redactText } from "./redact.ts";

const encoded = Buffer.from("\0anna\0hunter2").toString("base64");

describe("credentials in commands", () => {
  it.each([
    ["a password for Redis", "AUTH hunter2"],
    ["a plain word at a prompt", "127.0.0.1:6379> AUTH hunter"],
    ["a user and a password", "AUTH default hunter2\r\nPING"],
    ["a command in a sentence", "sent AUTH hunter2 to the cache"],
    ["a command in a list", '["AUTH","anna","hunter2"]'],
    ["a command as MONITOR prints it", '1764 [0 127.0.0.1:5] "AUTH" "hunter2"'],
    ["a command on the wire", "*3\r\n$4\r\nAUTH\r\n$4\r\nanna\r\n$7\r\nhunter2\r\n"],
    ["a command of one word on the wire", "*2\r\n$4\r\nauth\r\n$7\r\nhunter2\r\n"],
    ["a hello with credentials", "HELLO 3 AUTH default hunter2"],
    ["a configuration", "requirepass hunter2\nmasterauth hunter2"],
    ["a change of the configuration", 'CONFIG SET requirepass "hunter2"'],
    ["the same in capitals", 'CONFIG SET REQUIREPASS "hunter2"'],
    ["SMTP in a sentence", `Auth plain ${encoded}`],
    ["a user of Redis", "ACL SETUSER anna on >hunter2 ~* +@all"],
    ["an option of its client", "redis-cli -h cache -a hunter2 ping"],
    ["SMTP", `C: AUTH PLAIN ${encoded}`],
    ["SMTP with a login", `AUTH LOGIN ${encoded}`],
    ["FTP", "USER anna\r\nPASS hunter2\r\n"],
    ["FTP with an answer between", "USER anna\r\n331 Need password\r\nPASS hunter2"],
    ["POP3 at a prompt", "> PASS hunter2"],
    ["IMAP", "a001 LOGIN anna hunter2"],
    ["IMAP with quotes", 'A7 LOGIN "anna" "hunter2"'],
  ])("are hidden: %s", (_, text) => {
    const clean = redactText(text);
    expect(clean).not.toMatch(/hunter/u);
    expect(clean).not.toContain(encoded);
  });

  it.each([
    "AUTH failed",
    "AUTH failed for user anna",
    "[AUTH] sign-in refused",
    "AUTH: ok",
    "AUTH error",
    "AUTH required",
    "250-AUTH PLAIN LOGIN CRAM-MD5",
    "235 AUTH PLAIN succeeded",
    "AUTH TLS",
    "PASS src/sign-in.test.ts",
    "PASS test/fuzz/run.spec.js (5.1 s)",
    "the AUTH service was started",
    "auth service ready, auth ok",
    "LOGIN succeeded for anna",
    "redis-cli -a",
  ])("are not seen in ordinary lines: %s", (text) => {
    expect(redactText(text)).toBe(text);
  });
});
