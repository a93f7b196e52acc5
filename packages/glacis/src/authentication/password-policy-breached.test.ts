import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { AuditEvent } from "../core/event.ts";
import { breachedPasswordRange } from "./password-policy-breached.ts";
import { passwordPolicy, type PasswordJudgement } from "./password-policy.ts";

const PASSWORD = "seven quiet otters paint";
const SHA1 = createHash("sha1").update(PASSWORD).digest("hex").toUpperCase();
const SUFFIX = SHA1.slice(5);
const OTHER = "0".repeat(35);
const events: AuditEvent[] = [];
let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  events.length = 0;
});

/** A policy whose ranges come over a real socket. */
async function judgedBy(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  password = PASSWORD,
): Promise<PasswordJudgement> {
  const running = createServer(answer);
  server = running;
  await new Promise<void>((resolve) => running.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(running.address() as AddressInfo).port}/range/`;
  const policy = passwordPolicy({
    breached: breachedPasswordRange({ fetch, url }),
    breachedTimeoutMs: 1500,
    report: (event) => events.push(event),
  });
  return policy.judge(password);
}

describe("breachedPasswordRange", () => {
  it("asks for five digits of the hash with padding, and refuses a password in the answer", async () => {
    const seen: IncomingMessage[] = [];
    const judgement = await judgedBy((request, response) => {
      seen.push(request);
      response.end(`${OTHER}:3\r\n${SUFFIX}:42\r\n`);
    });
    expect(judgement).toMatchObject({ kind: "rejected", problems: [{ code: "password_breached" }] });
    expect(seen.map(({ url }) => url)).toEqual([`/range/${SHA1.slice(0, 5)}`]);
    expect(seen[0]?.headers["add-padding"]).toBe("true");
    expect(events).toEqual([]);
  });

  it.each([
    ["it is not in the range", `${OTHER}:3\r\n`],
    ["it is there as padding alone", `${OTHER}:3\r\n${SUFFIX}:0`],
  ])("accepts a password when %s", async (_, body) => {
    expect(await judgedBy((_, response) => response.end(body))).toEqual({ kind: "accepted", breached: "not_found" });
    expect(events).toEqual([]);
  });

  it("hashes normal form C", async () => {
    const sent = "se\u0301ven quiet otters paint";
    const sha1 = createHash("sha1").update(sent.normalize("NFC")).digest("hex").toUpperCase();
    const judgement = await judgedBy((_, response) => response.end(`${sha1.slice(5)}:1`), sent);
    expect(judgement.kind).toBe("rejected");
  });

  it("asks nobody about a password that is refused anyway", async () => {
    let asked = 0;
    const judgement = await judgedBy((_, response) => {
      asked += 1;
      response.end(`${OTHER}:3`);
    }, "short");
    expect([judgement.kind, asked]).toEqual(["rejected", 0]);
  });

  it.each<[string, string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ["hangs", "timeout", () => undefined],
    ["hangs within the body", "timeout", (_, response) => void response.write(`${OTHER}:3\r\n`)],
    ["is unavailable", "status", (_, response) => response.writeHead(503).end("no")],
    ["says nothing", "unreadable", (_, response) => response.end()],
    ["serves a page", "unreadable", (_, response) => response.end("<html>Welcome to the hotel</html>")],
    ["serves half a line", "unreadable", (_, response) => response.end(`${OTHER}:3\r\n${SUFFIX.slice(0, 20)}`)],
    ["serves without end", "too_large", flood],
    ["breaks the connection", "unreachable", (request) => request.socket.destroy()],
  ])("lets a sign-up go on and says why when the server %s", async (_, detail, answer) => {
    expect(await judgedBy(answer)).toEqual({ kind: "accepted", breached: "not_checked" });
    expect(events).toMatchObject([
      { event: "password_breach_check_degraded", control: "password-blocklist", status: "failed", detail },
    ]);
    for (const secret of [PASSWORD, SHA1, SHA1.slice(0, 5)]) expect(JSON.stringify(events)).not.toContain(secret);
  });

  it("gives up on a source that does not listen to the signal", async () => {
    const report = (event: AuditEvent): void => void events.push(event);
    const isBreached = () => new Promise<boolean>(() => undefined);
    const policy = passwordPolicy({ breached: { isBreached }, breachedTimeoutMs: 20, report });
    expect(await policy.judge(PASSWORD)).toEqual({ kind: "accepted", breached: "not_checked" });
    expect(events).toMatchObject([{ detail: "timeout" }]);
  });

  it("needs a way out, and an address to append to", () => {
    expect(() => breachedPasswordRange({} as never)).toThrow("needs fetch");
    expect(() => breachedPasswordRange({ fetch, url: "https://x.com/range" })).toThrow("slash");
    expect(() => breachedPasswordRange({ fetch, timeout: 1 } as never)).toThrow('"timeout"');
  });
});

function flood(_: IncomingMessage, response: ServerResponse): void {
  const lines = `${OTHER}:3\r\n`.repeat(2_000);
  const more = (): void => {
    while (!response.destroyed && response.write(lines));
  };
  response.on("drain", more);
  more();
}
