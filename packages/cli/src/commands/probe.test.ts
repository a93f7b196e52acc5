import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import {
  createServer as createPlainServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import { glacis, keyRing, newKey, publicAccess, saas } from "glacis";
import { access, guardServer, requestOf, secureExpress, serverOptions } from "glacis/express";
import { TLS_SERVER_OPTIONS } from "glacis/transport";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { commandProcess, spawnGlacis, type Ended } from "../../../../test/support/command-line.ts";
import { freePort } from "../../../../test/support/free-port.ts";
import { issueCertificate } from "../../../../test/support/tls-certificate.ts";

const answer = commandProcess();
const authority = issueCertificate({ authority: true, name: "Probe test authority" });
const certificate = issueCertificate({
  names: ["localhost"],
  purposes: ["serverAuth"],
  issuer: authority,
  name: "site",
});
const folder = mkdtempSync(join(tmpdir(), "glacis-probe-"));
const caFile = join(folder, "ca.pem");
writeFileSync(caFile, authority.cert);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(server: Server): Promise<number> {
  open.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const environment = { PATH: process.env["PATH"] ?? "", NODE_ENV: "production" };
const probe = (...args: readonly string[]): Promise<Ended> =>
  answer(["probe", ...args], { cwd: folder, env: environment });

interface Document {
  readonly findings: readonly { readonly id: string; readonly at: { readonly url?: string } }[];
  readonly observatory: { readonly score: number };
  readonly csp: string;
  readonly answers: number;
}

async function found(address: string, ...args: readonly string[]): Promise<Document & { readonly rules: Set<string> }> {
  const { stdout, stderr } = await probe(address, "--format", "json", ...args);
  expect(stderr).toBe("");
  const document = JSON.parse(stdout) as Document;
  return { ...document, rules: new Set(document.findings.map(({ id }) => id)) };
}

async function secured(): Promise<string> {
  // The origin has to be known before the application is composed.
  const port = await freePort();
  const origin = `https://localhost:${port}`;
  const security = glacis(
    saas({
      origin,
      keys: keyRing(newKey("k1")),
      mode: "production",
      audit: () => undefined,
      securityTxt: {
        contact: ["mailto:security@example.com"],
        expires: new Date(Date.now() + 86_400_000 * 180).toISOString(),
      },
    }),
  );
  const app = express();
  secureExpress(app, security);
  app.get("/", access(publicAccess("front page"), { kind: "page" }), (request, response) => {
    const { nonce } = requestOf(request);
    response.send(
      `<!doctype html><html lang="en"><title>App</title><script nonce="${nonce}" src="/app.js"></script></html>`,
    );
  });
  app.get("/app.js", access(publicAccess("script"), { kind: "asset" }), (_, response) => {
    response.type("js").send("document.title = 'App';");
  });
  const tls = { ...certificate, ...TLS_SERVER_OPTIONS };
  const server = guardServer(createServer({ ...serverOptions(security), ...tls }, app as RequestListener), security);
  open.push(server.listen(port, "127.0.0.1"));
  await once(server, "listening");
  return origin;
}

describe("glacis probe", () => {
  it("finds nothing at an application that is composed with saas() and served over TLS", async () => {
    const args = ["probe", await secured(), "--ca", caFile, "--deploy"];
    const { exitCode, stdout } = await spawnGlacis(args, { cwd: folder, env: environment });
    expect(stdout).toMatch(/0 errors, 0 warnings, 0 notes, 0 waived\. Clean\./u);
    expect(stdout).toMatch(/Observatory 1[56]\d \(A\+\), CSP A/u);
    expect(exitCode).toBe(0);
  });

  it("finds what a bare server shows", async () => {
    const port = await listen(createPlainServer(leaky));
    const { rules, findings } = await found(`http://127.0.0.1:${port}`);
    expect([...rules]).toEqual(
      expect.arrayContaining([
        "exposed-files-and-endpoints/secret-served",
        "exposed-files-and-endpoints/source-served",
        "exposed-files-and-endpoints/operations-public",
        "exposed-files-and-endpoints/directory-listed",
        "exposed-files-and-endpoints/source-map-public",
        "exposed-files-and-endpoints/health-details",
        "admin-interface/answers-in-public",
        "allowed-hosts/not-enforced",
        "debug-off/stack-shown",
        "csp/missing",
        "nosniff/missing",
        "request-shape/trace-offered",
      ]),
    );
    expect(findings.some(({ at }) => at.url?.endsWith("/.env") === true)).toBe(true);
    const { exitCode } = await probe(`http://127.0.0.1:${port}`);
    expect(exitCode).toBe(1);
  });

  it("finds an origin that is reflected, a nonce that comes twice and a certificate that nobody trusts", async () => {
    const server = createServer({ ...certificate }, (request, response) => {
      const { origin } = request.headers;
      if (origin !== undefined)
        response.setHeaders(
          new Map([
            ["access-control-allow-origin", origin],
            ["access-control-allow-credentials", "true"],
          ]),
        );
      response.setHeader("content-security-policy", "script-src 'nonce-AAAAAAAAAAAAAAAAAAAAAA==' 'strict-dynamic'");
      response.setHeader("content-type", "text/html").end("<!doctype html><p>hello</p>");
    });
    const port = await listen(server);
    const { rules, observatory } = await found(`https://localhost:${port}`);
    expect([...rules]).toEqual(
      expect.arrayContaining(["csp/nonce-repeated", "tls-certificate/untrusted", "hsts/unreadable"]),
    );
    expect([...rules].filter((rule) => rule.startsWith("cors/"))).not.toEqual([]);
    expect(observatory.score).toBeLessThan(100);
  });

  it("accuses no site of files that answers every path with its page", async () => {
    const port = await listen(
      createPlainServer((_, response) =>
        response.setHeader("content-type", "text/html").end("<!doctype html><title>App</title><div id=root></div>"),
      ),
    );
    const { rules } = await found(`http://127.0.0.1:${port}`);
    expect([...rules].filter((rule) => /^(?:exposed-files|admin-interface)/u.test(rule))).toEqual([]);
  });

  it("comes again when it is told to, and says that it could not look when it is sent away for good", async () => {
    let refusals = 3;
    const patient = await listen(
      createPlainServer((_, response) => {
        if (refusals-- > 0) response.writeHead(429, { "retry-after": "0" }).end();
        else response.writeHead(404).end();
      }),
    );
    expect((await found(`http://127.0.0.1:${patient}`)).answers).toBeGreaterThan(200);
    const never = await listen(
      createPlainServer((_, response) => response.writeHead(429, { "retry-after": "3600" }).end()),
    );
    const { exitCode, stderr } = await probe(`http://127.0.0.1:${never}`);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("does not answer");
  });

  it("bounds what it reads and how long it waits", async () => {
    const port = await listen(
      createPlainServer((request, response) => {
        if (request.url === "/") return response.end("x");
        // A body without an end, as fast as it is read or a byte at a time.
        const fast = request.url === "/healthz";
        const timer = setInterval(() => response.write(fast ? Buffer.alloc(65_536) : "x"), fast ? 1 : 100);
        return response.on("close", () => clearInterval(timer));
      }),
    );
    const startMs = Date.now();
    const { exitCode, stderr } = await probe(`http://127.0.0.1:${port}`, "--timeout", "2");
    expect(exitCode).toBe(2);
    expect(stderr).toContain("stayed without an answer");
    expect(Date.now() - startMs).toBeLessThan(20_000);
  });

  it.each([
    [["ftp://app.example.com"], "no http or https URL"],
    [["https://ada:secret@app.example.com"], "without credentials"],
    [["not a url"], "no http or https URL"],
    [["http://127.0.0.1:1"], "does not answer"],
    [["http://127.0.0.1:1", "--page", "documents"], "--page takes a path"],
    [["http://127.0.0.1:1", "--timeout", "soon"], "--timeout takes whole seconds"],
    [["http://127.0.0.1:1", "--config", "none.ts"], "there is no none.ts here"],
    [["http://127.0.0.1:1", "--ca", "none.pem"], "none.pem"],
  ])("answers 2 and says why for %j", async (args, message) => {
    const { exitCode, stderr } = await probe(...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("secret");
  });
});

/** A server as one finds them: everything in its folder is served, and an error shows where it came from. */
const FILES: Readonly<Record<string, string>> = {
  "/": '<!doctype html><title>App</title><script src="/app.js"></script>',
  "/app.js": "console.log(1)",
  "/app.js.map": '{"version":3,"sources":["src/app.ts"],"mappings":"AAAA"}',
  "/.env": "DATABASE_URL=postgres://app:hunter2@db/app\n",
  "/.git/HEAD": "ref: refs/heads/main\n",
  "/metrics": "# HELP up whether it is up\nup 1\n",
  "/uploads/": "<html><title>Index of /uploads/</title></html>",
  "/healthz": '{"status":"ok","version":"1.4.2","database":"up"}',
  "/admin": "<!doctype html><title>Administration</title>",
};

function leaky(request: IncomingMessage, response: ServerResponse): void {
  if (request.method === "TRACE") {
    response.writeHead(200, { "content-type": "message/http" }).end(`TRACE ${request.url}`);
    return;
  }
  const content = FILES[request.url ?? ""];
  if (content === undefined)
    response.writeHead(500).end("Error: no such file\n    at serve (/srv/app/node_modules/static/index.js:41:13)\n");
  else response.writeHead(200, { "content-type": content.startsWith("<") ? "text/html" : "text/plain" }).end(content);
}
