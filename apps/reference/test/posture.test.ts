import { observatoryScore, OBSERVATORY_ORIGIN } from "glacis/testing";
import { gradeCsp } from "glacis/transport";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEMO_DOCUMENTS } from "../src/demo.ts";
import type { Answer, Client } from "./support/client.ts";
import { startFolio, type Folio } from "./support/folio.ts";

/** The evaluator's number for a policy that lacks a fallback for browsers without `strict-dynamic`. */
const STRICT_CSP = 45;
const PUBLIC = ["/", "/sign-in", "/sign-up", "/forgot-password", "/no-such-page"];
const PRIVATE = [
  "/documents",
  "/documents/new",
  `/documents/${DEMO_DOCUMENTS.alpha}`,
  "/people",
  "/settings",
  "/account/email",
  "/confirm",
];
const html = { accept: "text/html" };

let folio: Folio;
let member: Client;
beforeAll(async () => {
  folio = await startFolio("test-target");
  member = folio.client();
  await member.signIn({ email: "alice@alpha.test", password: "Alice-Correct-Horse-9" });
});
afterAll(() => folio.stop());

/** What a scanner of the public site would have seen: the wire is plain here, the application believes it is behind TLS. */
function observation(path: string, answer: Answer) {
  const cookies = answer.headers.getSetCookie().map((line) => ["set-cookie", line] as const);
  const others = [...answer.headers].filter(([name]) => name !== "set-cookie");
  return {
    url: `https://folio.example${path}`,
    scheme: "https" as const,
    status: answer.status,
    headers: [...others, ...cookies],
  };
}

describe.each([...PUBLIC, ...PRIVATE])("the page %s", (path) => {
  const ask = (headers: Readonly<Record<string, string>>): Promise<Answer> =>
    (PRIVATE.includes(path) ? member : folio.client()).ask(path, { headers });

  it("scores at least 160 with the Observatory", async () => {
    const answer = await ask(html);
    const cors = await ask({ ...html, origin: OBSERVATORY_ORIGIN });
    const session = await folio.client().signIn({ email: "amy@alpha.test", password: "Amy-Correct-Horse-91" });
    const page = observation(path, answer);
    const { score, tests } = observatoryScore({
      page: {
        ...page,
        headers: [...page.headers, ...session.headers.getSetCookie().map((line) => ["set-cookie", line] as const)],
      },
      html: answer.text,
      plainHttp: ["http://folio.example/", "https://folio.example/"],
      cors: observation(path, cors),
    });
    expect(score, JSON.stringify(tests)).toBeGreaterThanOrEqual(160);
  });

  it("has a policy in which the evaluator finds nothing worse than the lack of a fallback", async () => {
    const policy = (await ask(html)).headers.get("content-security-policy") ?? "";
    const { letter, weaknesses } = gradeCsp([policy]);
    expect(letter).toBe("A");
    expect(weaknesses.filter(({ severity }) => severity < STRICT_CSP)).toEqual([]);
  });

  it("holds one script, of its own origin, with integrity and the nonce of this answer; nothing is inline", async () => {
    const { text, headers } = await ask(html);
    const nonce = /'nonce-([^']+)'/u.exec(headers.get("content-security-policy") ?? "")?.[1] ?? "";
    const scripts = text.match(/<script.*?<\/script>/gsu) ?? [];
    expect(scripts).toHaveLength(1);
    expect(scripts[0]).toMatch(
      /^<script src="\/assets\/enhance\.[0-9a-f]{16}\.js" integrity="sha384-[\w+/=]{64}" nonce="[^"]+" defer(?:="")?><\/script>$/u,
    );
    expect(scripts[0]).toContain(`nonce="${nonce}"`);
    expect(text).not.toMatch(/<style|\sstyle=|\son[a-z]+=|javascript:/iu);
  });
});

describe("caching", () => {
  it("keeps what is signed in out of every cache, and files with a hash in theirs for a year", async () => {
    for (const path of PRIVATE)
      expect((await member.ask(path, { headers: html })).headers.get("cache-control"), path).toMatch(/no-store/u);
    const page = (await folio.client().ask("/", { headers: html })).text;
    const stylesheet = /href="(\/assets\/app\.[0-9a-f]{16}\.css)"/u.exec(page)?.[1] ?? "";
    const asset = await folio.client().ask(stylesheet);
    expect(asset.status).toBe(200);
    expect(asset.headers.get("content-type")).toBe("text/css; charset=utf-8");
    expect(asset.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  });

  it("serves nothing but its own files from the assets' path", async () => {
    for (const path of [
      "/assets/app.css",
      "/assets/..%2fpackage.json",
      "/assets/%2e%2e/%2e%2e/package.json",
      "/assets/",
      "/assets/app.0000000000000000.css",
    ]) {
      expect((await folio.client().ask(path)).status, path).toBeGreaterThanOrEqual(400);
    }
  });
});

describe("inputs", () => {
  it("are declared on every route, closed, and bounded in all that they hold", () => {
    expect(folio.said()).toContain("ready ");
    expect(folio.said()).not.toContain("input-validation/");
  });
});
