/** Webhooks: who says where events go, what arrives there, what happens when nothing does, and where they must never lead. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Secret, type AuditEvent, type User } from "glacis";
import { keyRing, memorySingleUse, newKey, standardWebhooks, webhookSignature } from "glacis/data";
import { dangerouslyAllowAddresses, type OutboundOptions } from "glacis/network";
import { sketchExchange } from "glacis/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { testCertificate } from "../../../test/support/tls-certificate.ts";
import { testDatabase } from "../../../test/support/services.ts";
import { accountsIn, personOf, systemScope } from "../src/accounts/accounts.ts";
import { documentsIn } from "../src/documents/documents.ts";
import { MOST_ATTEMPTS } from "../src/webhooks/delivery.ts";
import { hooksOf, type Hooks } from "../src/webhooks/hooks.ts";
import { tellWebhooks } from "../src/webhooks/queue.ts";
import { embeddedGround, postgresGround, type Ground } from "./attack-matrix-support.ts";
import type { Client } from "./support/client.ts";
import { startFolio, type Folio } from "./support/folio.ts";
import { nextCode } from "./support/totp.ts";

interface Arrival {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const certificate = testCertificate(["hooks.example.com"]);
let receiver: Server;
let origin: string;
let outbound: Partial<OutboundOptions>;
let arrivals: Arrival[] = [];
/** What the name leads to. */
let addresses: readonly string[] = ["127.0.0.1"];
const agree = (_: IncomingMessage, response: ServerResponse): unknown => response.end("a word that nobody keeps");
let answer: typeof agree = agree;

beforeAll(async () => {
  receiver = createServer(certificate, (request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      arrivals.push({ path: request.url ?? "", headers: request.headers, body });
      // The name is asked again for each delivery.
      response.setHeader("connection", "close");
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const { port } = receiver.address() as AddressInfo;
  origin = `https://hooks.example.com:${port}`;
  // The receiver is on this machine, under a public name, where no workspace's webhook leads otherwise.
  outbound = {
    ports: [port],
    ca: certificate.cert,
    resolve: async (name) => (name === "hooks.example.com" ? addresses : ["10.0.0.7"]),
    [dangerouslyAllowAddresses]: ["127.0.0.1/32"],
  };
});
afterAll(() => {
  receiver.close();
});
afterEach(() => {
  arrivals = [];
  addresses = ["127.0.0.1"];
  answer = agree;
});

/** As a receiver would: the library's own verifier. @returns the id of the delivery, or why it is not believed */
async function judged({ headers, body: text }: Arrival, secret: string): Promise<string | undefined> {
  const secrets = [new Secret(secret)];
  const hook = webhookSignature({ name: "folio", scheme: standardWebhooks(), secrets, store: memorySingleUse() });
  const rawHeaders = Object.entries(headers).flatMap(([name, value]) => [name, String(value)]);
  const facts = sketchExchange({ method: "POST", target: "/hooks", nowMs: Date.now(), rawHeaders, awaitsBody: true });
  for (const decision of [
    await hook.control.decide?.(facts),
    await hook.control.decideBody?.(facts, { mediaType: "application/json", value: {}, text }),
  ])
    if (decision?.kind === "deny") return decision.events[0]?.detail;
  return hook.delivery(facts).id;
}

const postgres = await testDatabase("hooks");
const grounds: Readonly<Record<string, () => Promise<Ground>>> = {
  PGlite: embeddedGround,
  ...(postgres !== undefined && { Postgres: () => postgresGround(postgres) }),
};

describe.each(Object.entries(grounds))("webhooks on %s", (_, open) => {
  const keys = keyRing(newKey("hooks"));
  const opened: Hooks[] = [];
  let ground: Ground;
  let hooks: Hooks;
  let events: AuditEvent[] = [];
  let owner: User;
  beforeAll(async () => {
    ground = await open();
  });
  afterAll(async () => {
    await Promise.all(opened.map((one) => one.start()()));
    await ground?.close();
  });
  const process = (): Hooks => {
    const one = hooksOf({ database: ground.database, keys, report: (event) => events.push(event), outbound });
    opened.push(one);
    return one;
  };
  beforeEach(async () => {
    await ground.query("delete from webhooks");
    hooks = process();
    events = [];
    owner = await newcomer();
  });

  async function newcomer(): Promise<User> {
    const [tenantId, id] = [randomUUID(), randomUUID()];
    await accountsIn(ground.database).createTenant({ id: tenantId, name: "W" }, { id, name: "Owner", role: "owner" });
    return personOf(tenantId, id, "owner");
  }
  const documents = () => documentsIn(ground.database);
  const write = (): Promise<string> => documents().create(owner, { title: "A secret title", body: "A secret body" });
  async function add(path = "/hook"): Promise<{ id: string; secret: string }> {
    const made = await hooks.webhooks.add(owner, `${origin}${path}`);
    if (made === "full") throw new Error("There is no room.");
    return { id: made.id, secret: made.secret.reveal() };
  }
  const rows = async (text: string): Promise<readonly Record<string, unknown>[]> =>
    (await ground.query(text)).rows as readonly Record<string, unknown>[];
  const waited = (): Promise<unknown> => ground.query("update webhook_queue set due_at = now()");
  const newest = async () => (await hooks.webhooks.list(owner))[0]?.deliveries[0];

  it("hear what happened to which document, signed, and nothing of what it says", async () => {
    const { secret } = await add();
    const colleague = randomUUID();
    const { tenantId } = owner;
    const scope = systemScope(tenantId, "test");
    await accountsIn(ground.database).addPerson(scope, { id: colleague, name: "C", role: "member" });
    const id = await write();
    await documents().change(owner, id, { title: "Another secret" });
    await documents().share(owner, id, { userId: colleague, permission: "view" });
    await documents().remove(owner, id);
    await hooks.worker.run();
    const heard = arrivals.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    expect(heard.map(({ type }) => type).toSorted()).toEqual([
      "document.changed",
      "document.created",
      "document.deleted",
      "document.shared",
    ]);
    for (const one of heard) {
      expect(one).toEqual({ type: one["type"], timestamp: expect.any(String), data: { tenantId, documentId: id } });
      expect(Math.abs(Date.now() - Date.parse(String(one["timestamp"])))).toBeLessThan(60_000);
    }
    for (const arrival of arrivals) {
      expect(arrival.headers["content-type"]).toBe("application/json");
      expect(await judged(arrival, secret)).toBe(arrival.headers["webhook-id"]);
      expect(await judged({ ...arrival, body: arrival.body.replace("document.", "workspace.") }, secret)).toBe(
        "mismatch",
      );
    }
    expect(new Set(arrivals.map(({ headers }) => headers["webhook-id"])).size).toBe(4);
    expect(await rows("select 1 from webhook_queue")).toEqual([]);
    expect(await newest()).toMatchObject({ state: "delivered", outcome: "200", attempts: 1 });
    expect(JSON.stringify(await rows("select * from webhook_deliveries"))).not.toContain("a word that nobody keeps");
    expect(events).toEqual([]);
  });

  /** @returns events by document, each once */
  const heardOf = (): readonly string[] =>
    arrivals
      .map(({ body }) => JSON.parse(body) as { type: string; data: { documentId: string } })
      .map(({ type, data }) => `${type} ${data.documentId}`)
      .toSorted();
  async function colleague(role: "member" | "viewer" = "member"): Promise<User> {
    const id = randomUUID();
    await accountsIn(ground.database).addPerson(systemScope(owner.tenantId, "test"), { id, name: "C", role });
    return personOf(owner.tenantId, id, role);
  }

  it("hear of a share that ends: by its owner, and with the place of whom it was with", async () => {
    const [one, two] = [await colleague(), await colleague("viewer")];
    const [first, second] = [await write(), await write()];
    for (const [id, { id: userId }] of [
      [first, one],
      [first, two],
      [second, two],
    ] as const)
      await documents().share(owner, id, { userId, permission: "view" });
    await add();
    expect(await documents().unshare(owner, first, one.id)).toBe(true);
    expect(await documents().unshare(owner, first, one.id)).toBe(false);
    expect(await accountsIn(ground.database).removePerson(owner, two.id)).toBe("changed");
    await hooks.worker.run();
    expect(heardOf()).toEqual(
      [`document.unshared ${first}`, `document.unshared ${first}`, `document.unshared ${second}`].toSorted(),
    );
  });

  it("hear which documents and shares went with a person, also with one who may write no more", async () => {
    const leaving = await colleague();
    const theirs = await documents().create(leaving, { title: "x", body: "y" });
    const [shared, kept] = [await write(), await write()];
    await documents().share(owner, shared, { userId: leaving.id, permission: "edit" });
    await documents().share(leaving, theirs, { userId: owner.id, permission: "view" });
    await accountsIn(ground.database).changeRole(owner, leaving.id, "viewer");
    await add();
    await accountsIn(ground.database).erasePerson(leaving.id);
    await hooks.worker.run();
    expect(heardOf()).toEqual([`document.deleted ${theirs}`, `document.unshared ${shared}`]);
    expect(heardOf().join()).not.toContain(kept);
    // The last one takes the workspace along, and everything that would be told.
    await accountsIn(ground.database).erasePerson(owner.id);
    expect(await rows("select 1 from webhooks")).toEqual([]);
  });

  it("go when whoever is said to have added them says that it was not he, and neither older ones nor others'", async () => {
    const admin = await colleague();
    const older = await add("/older");
    await ground.query("update webhooks set created_at = now() - interval '1 day'");
    const planted = await add("/planted");
    const others = await hooks.webhooks.add(admin, `${origin}/others`);
    if (others === "full") throw new Error("There is no room.");
    await accountsIn(ground.database).disownSince(owner.id, new Date(Date.now() - 600_000));
    await accountsIn(ground.database).disownSince(randomUUID(), new Date(0));
    const left = (await hooks.webhooks.list(owner)).map(({ id }) => id);
    expect(left.toSorted()).toEqual([older.id, others.id].toSorted());
    const recorded = await rows("select resource_id, actor_id from glacis_audit_trail where action = 'webhook.remove'");
    expect(recorded).toEqual([{ resource_id: planted.id, actor_id: owner.id }]);
  });

  it("hear no more of a person with very many documents than may wait, and the page says that there was more", async () => {
    const leaving = await colleague();
    await ground.query(
      `insert into documents (tenant_id, owner_id, title, body) select $1, $2, 'x', 'y' from generate_series(1, 1500)`,
      [owner.tenantId, leaving.id],
    );
    await add();
    await accountsIn(ground.database).erasePerson(leaving.id);
    expect(await rows("select state, count(*)::int as n from webhook_deliveries group by 1 order by 1")).toEqual([
      { state: "given_up", n: 1 },
      { state: "waiting", n: 1000 },
    ]);
    expect(await rows("select count(*)::int as n from webhook_queue")).toEqual([{ n: 1000 }]);
  });

  it("hear nothing of a change that did not come to pass, nor of another workspace's", async () => {
    await add();
    expect(await documents().change(owner, randomUUID(), { title: "x" })).toEqual({ kind: "not_found" });
    const work = ground.database.withTenant(
      systemScope(owner.tenantId, "test"),
      async (_db, connection) => {
        await tellWebhooks(connection, owner, "document.created", [randomUUID()]);
        throw new Error("It fails at the end.");
      },
      owner,
    );
    await expect(work).rejects.toThrow("It fails at the end.");
    const stranger = await newcomer();
    await documents().create(stranger, { title: "x", body: "y" });
    await hooks.worker.run();
    expect(arrivals).toEqual([]);
    expect(await hooks.webhooks.list(stranger)).toEqual([]);
    const [mine] = await hooks.webhooks.list(owner);
    expect(await hooks.webhooks.remove(stranger, mine?.id ?? "")).toBe(false);
    expect(await hooks.webhooks.test(stranger, mine?.id ?? "")).toBe(false);
  });

  it("keep their secret sealed, to one row, and out of every event", async () => {
    const { id, secret } = await add();
    const [stored] = await rows("select * from webhooks");
    expect(JSON.stringify(stored)).not.toContain(secret.slice(6));
    const other = await add("/other");
    // Copied from another row it opens nothing: nothing is sent under a secret that is somebody else's.
    await ground.query("update webhooks set secret = (select secret from webhooks where id = $1) where id = $2", [
      id,
      other.id,
    ]);
    expect(await hooks.webhooks.test(owner, other.id)).toBe(true);
    await hooks.worker.run();
    expect(arrivals).toEqual([]);
    expect(events).toMatchObject([
      { event: "data_integrity_failure" },
      { event: "sys_job_failed", resource_type: "webhook", error: "DecryptError" },
    ]);
    const trail = JSON.stringify([events, await rows("select * from glacis_audit_trail")]);
    for (const word of [secret.slice(6), other.secret.slice(6), "hooks.example.com"]) expect(trail).not.toContain(word);
  });

  it("are told again after a failure, later each time, under the same id", async () => {
    const { secret } = await add();
    await write();
    answer = (_request, response) => response.writeHead(500).end();
    await hooks.worker.run();
    expect(await newest()).toMatchObject({ state: "waiting", outcome: "500", attempts: 1 });
    await hooks.worker.run();
    expect(arrivals).toHaveLength(1);
    const waits = async () =>
      Number((await rows("select extract(epoch from due_at - now()) as s from webhook_queue"))[0]?.["s"]);
    const first = await waits();
    await waited();
    await hooks.worker.run();
    expect(await waits()).toBeGreaterThan(first + 30);
    answer = agree;
    await waited();
    await hooks.worker.run();
    expect(await newest()).toMatchObject({ state: "delivered", outcome: "200", attempts: 3 });
    expect(new Set(arrivals.map(({ headers, body }) => `${String(headers["webhook-id"])} ${body}`)).size).toBe(1);
    for (const arrival of arrivals) expect(await judged(arrival, secret)).toBe(arrivals[0]?.headers["webhook-id"]);
    expect(events).toMatchObject([
      { event: "sys_job_failed", severity: "warning", resource_type: "webhook", count: 1, error: "500" },
      { event: "sys_job_failed", count: 2 },
    ]);
  });

  it("are given up after the last attempt, which is said once", async () => {
    await add();
    await write();
    answer = (request) => request.socket.destroy();
    for (let attempt = 0; attempt < MOST_ATTEMPTS + 2; attempt += 1) {
      await hooks.worker.run();
      await waited();
    }
    expect(arrivals).toHaveLength(MOST_ATTEMPTS);
    expect(await newest()).toMatchObject({ state: "given_up", outcome: "connection-failed", attempts: MOST_ATTEMPTS });
    expect(await rows("select 1 from webhook_queue")).toEqual([]);
    expect(events.filter(({ event }) => event === "sys_job_dropped")).toMatchObject([
      { severity: "error", resource_type: "webhook", tenant_id: owner.tenantId, count: MOST_ATTEMPTS },
    ]);
  });

  it.each([
    ["http://hooks.example.com/", "begins with https://"],
    ["https://169.254.169.254/latest/meta-data", "private network"],
    ["https://10.0.0.7/", "private network"],
    ["https://[::1]/", "private network"],
    ["https://localhost/", "private network"],
    ["https://inside.example.com/", "private network"],
    ["https://me:word@hooks.example.com/", "user name"],
    ["https://hooks.example.com:22/", "port"],
    ["https://0x7f.1/", "full web address"],
    ["hooks", "full web address"],
  ])("are not added for %s", async (endpoint, words) => {
    // Nobody adds a port here that is not the receiver's.
    const { port } = new URL(origin);
    const ported = /^https:\/\/[^/@]+\/$|meta-data$/u.test(endpoint) && !/:22/u.test(endpoint);
    const asked = ported ? endpoint.replace(/(\w|\])\/(?=$|latest)/u, `$1:${port}/`) : endpoint;
    expect(await hooks.webhooks.problemWith(asked)).toContain(words);
    expect(events).toMatchObject([{ event_type: "ssrf_blocked", event: "egress.blocked" }]);
    expect(arrivals).toEqual([]);
  });

  it("are not called once their name leads inside, and not tried again", async () => {
    expect(await hooks.webhooks.problemWith(`${origin}/hook`)).toBeUndefined();
    expect(arrivals).toEqual([]);
    await add();
    await write();
    addresses = ["127.0.0.1", "169.254.169.254"];
    await hooks.worker.run();
    expect(arrivals).toEqual([]);
    expect(await newest()).toMatchObject({ state: "given_up", outcome: "address-not-public", attempts: 1 });
    expect(events).toMatchObject([
      { event_type: "ssrf_blocked", detail: "address-not-public", blocked: "hooks.example.com" },
      { event: "sys_job_dropped", error: "address-not-public" },
    ]);
  });

  it("are not led elsewhere by a redirect", async () => {
    await add();
    await write();
    answer = (_request, response) => response.writeHead(307, { location: "https://169.254.169.254/" }).end();
    await hooks.worker.run();
    expect(arrivals).toHaveLength(1);
    expect(await newest()).toMatchObject({ state: "given_up", outcome: "redirect-refused" });
  });

  it("hear nothing more once they are removed, not even of what was waiting", async () => {
    const { id } = await add();
    await write();
    expect(await hooks.webhooks.remove(owner, id)).toBe(true);
    await hooks.worker.run();
    expect(arrivals).toEqual([]);
    for (const table of ["webhooks", "webhook_deliveries", "webhook_queue"])
      expect(await rows(`select 1 from ${table}`)).toEqual([]);
    await write();
    expect(await rows("select 1 from webhook_deliveries")).toEqual([]);
  });

  it("are told once, however many processes deliver at the same time", async () => {
    await add("/one");
    await add("/two");
    for (let count = 0; count < 12; count += 1) await write();
    const others = Array.from({ length: 3 }, process);
    await Promise.all([hooks, ...others].map(({ worker }) => worker.run()));
    // What one has claimed another passes over, so a round may end before all of it is done.
    await hooks.worker.run();
    const told = arrivals.map(({ path, headers }) => `${path} ${String(headers["webhook-id"])}`);
    expect(told).toHaveLength(24);
    expect(new Set(told).size).toBe(24);
    expect(await rows("select distinct state, attempts from webhook_deliveries")).toEqual([
      { state: "delivered", attempts: 1 },
    ]);
  });

  it("wait for no slow receiver, not even for one that has a workspace's whole share", async () => {
    await add("/slow");
    for (let count = 0; count < 6; count += 1) await write();
    const slow = new Set<ServerResponse>();
    answer = (request, response) => (request.url === "/slow" ? slow.add(response) : agree(request, response));
    const round = hooks.worker.run();
    await expect.poll(() => slow.size).toBe(4);
    // Now, and not before, something happens in another workspace.
    owner = await newcomer();
    await add("/quick");
    await write();
    await expect.poll(() => arrivals.filter(({ path }) => path === "/quick").length, { timeout: 5000 }).toBe(1);
    // The slow one has had no more than its share meanwhile, and none twice.
    expect(slow.size).toBe(4);
    answer = agree;
    for (const response of slow) response.end();
    await round;
    expect(arrivals.filter(({ path }) => path === "/slow")).toHaveLength(6);
    expect(await rows("select distinct state, attempts from webhook_deliveries")).toEqual([
      { state: "delivered", attempts: 1 },
    ]);
  });

  it("take over what another process has claimed and died with, and change nothing that is another's by now", async () => {
    await add();
    await write();
    // The first hangs on its attempt until its lease is over and a second has delivered.
    let release: (() => void) | undefined;
    answer = (_request, response) => {
      release ??= () => response.writeHead(500).end();
    };
    const slow = hooks.worker.run();
    await expect.poll(() => arrivals.length).toBe(1);
    answer = agree;
    await waited();
    await process().worker.run();
    expect(arrivals).toHaveLength(2);
    release?.();
    await slow;
    expect(await newest()).toMatchObject({ state: "delivered", outcome: "200", attempts: 2 });
  });

  it("are five at most, also when six are added at once", async () => {
    const made = await Promise.all(
      Array.from({ length: 6 }, (__, index) => hooks.webhooks.add(owner, `${origin}/${index}`)),
    );
    expect(made.filter((one) => one === "full")).toHaveLength(1);
    expect(await hooks.webhooks.list(owner)).toHaveLength(5);
  });

  it("do not fail or hold up a document while one of them is being removed", async () => {
    const { id } = await add();
    let written: string | undefined;
    if (postgres === undefined || !ground.database.shared) return;
    const client = await postgres.pool.connect();
    try {
      await client.query("begin");
      await client.query("delete from webhooks where id = $1", [id]);
      written = await write();
      await client.query("commit");
    } finally {
      client.release();
    }
    expect(written).toBeDefined();
    expect(await rows("select 1 from webhook_deliveries")).toEqual([]);
  });

  it("have a bounded queue and a bounded past", async () => {
    const { id } = await add();
    await ground.query(
      `insert into webhook_deliveries (tenant_id, webhook_id, event, state, created_at)
       select $1, $2, 'document.changed', case when n <= 40 then 'delivered' else 'waiting' end, now() - make_interval(secs => 60) from generate_series(1, 1040) n`,
      [owner.tenantId, id],
    );
    expect(await hooks.webhooks.test(owner, id)).toBe(true);
    expect(await newest()).toMatchObject({ event: "webhook.test", state: "given_up", outcome: "backlog", attempts: 0 });
    await ground.query("delete from webhook_deliveries where state = 'waiting'");
    expect(await hooks.webhooks.test(owner, id)).toBe(true);
    await hooks.worker.run();
    expect(await rows("select count(*)::int as n from webhook_deliveries")).toEqual([{ n: 20 }]);
  });
});

describe("the page of webhooks", () => {
  const OWNER = { email: "admin@alpha.test", password: "Alpha-Admin-Passw0rd!" };
  const ALICE = { email: "alice@alpha.test", password: "Alice-Correct-Horse-9" };
  const BEA = { email: "admin@bravo.test", password: "Bravo-Admin-Passw0rd!" };
  let folio: Folio;
  let owner: Client;
  beforeAll(async () => {
    folio = await startFolio("test-target", {}, { webhookOutbound: outbound });
    owner = folio.client();
    await owner.signIn(OWNER);
    const second = { method: "totp", code: await nextCode("GUZTIYRZMYYGCMJUGFRDINZUMZSWMYJQ") };
    expect((await owner.ask("/sign-in/second-factor", { method: "POST", json: second })).status).toBe(200);
  }, 180_000);
  afterAll(() => folio?.stop());

  const signedIn = async (account: { email: string; password: string }): Promise<Client> => {
    const client = folio.client();
    await client.signIn(account);
    return client;
  };
  const PAGE = "/settings/webhooks";

  it("adds one, shows its secret once, sends a test, and shows how it went", async () => {
    const form = { endpoint: `${origin}/from-page` };
    const made = await owner.ask(PAGE, { method: "POST", form });
    expect(made.status, made.text).toBe(200);
    const secret = /whsec_[A-Za-z0-9+/=]{44}/u.exec(made.text)?.[0] ?? "";
    expect(made.headers.get("cache-control")).toMatch(/no-store/u);
    const listed = await owner.ask(PAGE);
    expect(listed.text).toContain("/from-page");
    expect(listed.text).not.toContain("whsec_");
    const id = /webhooks\/([0-9a-f-]{36})\/test/u.exec(listed.text)?.[1] ?? "";
    expect((await owner.ask(`${PAGE}/${id}/test`, { method: "POST", form: {} })).status).toBe(303);
    await expect.poll(() => arrivals.length, { timeout: 10_000 }).toBe(1);
    const [arrival] = arrivals as [Arrival];
    expect(await judged(arrival, secret)).toBe(arrival.headers["webhook-id"]);
    expect(JSON.parse(arrival.body)).toMatchObject({ type: "webhook.test" });
    await expect.poll(async () => (await owner.ask(PAGE)).text).toContain("Delivered: answered with 200.");

    const document = await owner.ask("/api/documents", { method: "POST", json: { title: "Plan", body: "x" } });
    expect(document.status).toBe(201);
    await expect.poll(() => arrivals.length, { timeout: 10_000 }).toBe(2);
    expect(JSON.parse(arrivals[1]?.body ?? "")).toMatchObject({ data: { documentId: document.json["id"] } });

    expect((await owner.ask("/activity")).text).toContain("added a webhook");
    expect((await owner.ask(`${PAGE}/${id}/remove`, { method: "POST", form: {} })).status).toBe(303);
    expect((await owner.ask(PAGE)).text).toContain("There are none yet.");
    const logged = readFileSync(join(folio.settings.dataFolder, "events.jsonl"), "utf8");
    expect(logged).toContain("webhook:add");
    for (const word of [secret.slice(6), "from-page"]) expect(`${logged} ${folio.said()}`).not.toContain(word);
  });

  it("refuses an address inside at the form, in a sentence beside the field", async () => {
    const { port } = new URL(origin);
    for (const endpoint of [`https://169.254.169.254:${port}/`, `https://inside.example.com:${port}/`]) {
      const refused = await owner.ask(PAGE, { method: "POST", form: { endpoint } });
      expect(refused.status).toBe(422);
      expect(refused.text).toContain("This address leads into a private network, which is never called.");
      expect(refused.text).toMatch(/<input id="endpoint"[^>]*aria-invalid="true"/u);
    }
    expect((await owner.ask(PAGE)).text).toContain("There are none yet.");
  });

  it("is for owners and admins, who have just proved who they are, and each workspace has its own", async () => {
    const form = { endpoint: `${origin}/mine` };
    expect((await owner.ask(PAGE, { method: "POST", form })).status).toBe(200);
    const id = /webhooks\/([0-9a-f-]{36})\/test/u.exec((await owner.ask(PAGE)).text)?.[1] ?? "";
    const [alice, bea] = [await signedIn(ALICE), await signedIn(BEA)];
    expect((await alice.ask(PAGE)).status).toBe(403);
    expect((await alice.ask(PAGE, { method: "POST", form })).status).toBe(403);
    expect((await alice.ask(`${PAGE}/${id}/test`, { method: "POST", form: {} })).status).toBe(403);
    expect((await bea.ask(PAGE)).text).toContain("There are none yet.");
    for (const act of ["test", "remove"])
      expect((await bea.ask(`${PAGE}/${id}/${act}`, { method: "POST", form: {} })).status).toBe(404);
    const forged = await owner.ask(`${PAGE}/${id}/remove`, { method: "POST", form: {}, csrf: false });
    expect(forged.status).toBe(403);
    expect((await owner.ask(PAGE)).text).toContain("/mine");
  });
});
