import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import type { AuditRecord } from "glacis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { application, type Build } from "./application.ts";
import { CLIENT, get, post, type Case, type Expected, type World } from "./case.ts";
import { ACCESS } from "./cases/access.ts";
import { CONNECTIONS } from "./cases/connections.ts";
import { HEADERS } from "./cases/headers.ts";
import { HOSTS_AND_PROXIES } from "./cases/hosts-and-proxies.ts";
import { LIMITS } from "./cases/limits.ts";
import { REQUEST_SHAPE } from "./cases/request-shape.ts";
import { compose } from "./composition.ts";
import { BUILDS } from "./frameworks/builds.ts";
import { speak, type Exchanged, type RawResponse, type Step } from "./raw-client.ts";

type Framework = keyof typeof BUILDS;
const FRAMEWORKS = Object.keys(BUILDS) as readonly Framework[];

const TABLE: Readonly<Record<string, readonly Case[]>> = {
  "request shape": REQUEST_SHAPE,
  "hosts and proxies": HOSTS_AND_PROXIES,
  limits: LIMITS,
  headers: HEADERS,
  access: ACCESS,
  connections: CONNECTIONS,
};

interface Running {
  readonly port: number;
  readonly server: Server;
  readonly records: AuditRecord[];
  readonly ran: string[];
  readonly cookie: World["cookie"];
  readonly token: string;
  readonly adminToken: string;
}

const running = new Map<Framework, Running>();
const outcomes = new Map<string, Map<Framework, string>>();

async function start(build: Build): Promise<Running> {
  const { security, sessions, csrf, records } = compose();
  const ran: string[] = [];
  const server = await build(application(sessions, csrf, ran), security);
  // What an application's own WebSocket server does with a socket is its affair: this one says so and echoes.
  server.on("upgrade", (_request, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.pipe(socket);
    socket.on("error", () => {});
  });
  const { port } = server.address() as AddressInfo;
  const from = (text: string): string => text.replaceAll(CLIENT, "198.51.100.1");
  const signIn = async (user: string, role: string): Promise<string> => {
    const { responses } = await speak(port, [from(post(`/sign-in?user=${user}&role=${role}`, "{}"))]);
    return headerOf(responses[0], "set-cookie")?.split(";", 1)[0] ?? "";
  };
  const tokenFor = async (cookie: string): Promise<string> =>
    (await speak(port, [from(get("/token", { Cookie: cookie }))])).responses[0]?.body ?? "";
  const cookie = {
    ada: await signIn("ada", "member"),
    admin: await signIn("grace", "admin"),
    root: await signIn("root", "admin"),
  };
  return {
    port,
    server,
    records,
    ran,
    cookie,
    token: await tokenFor(cookie.ada),
    adminToken: await tokenFor(cookie.admin),
  };
}

beforeAll(async () => {
  for (const framework of FRAMEWORKS) running.set(framework, await start(BUILDS[framework]));
});

afterAll(async () => {
  printMatrix();
  for (const { server } of running.values()) {
    const closed = once(server, "close");
    server.close();
    (server as Server & { closeAllConnections(): void }).closeAllConnections();
    await closed;
  }
});

let clients = 0;

describe.each(Object.entries(TABLE))("%s", (area, cases) => {
  it.each(cases)("$name", async (one) => {
    clients += 1;
    const client = `203.0.${112 + (clients >> 8)}.${clients & 255}`;
    const row = new Map<Framework, string>();
    outcomes.set(`${area}: ${one.name}`, row);
    const verdicts = await Promise.allSettled(
      FRAMEWORKS.map((framework) => runCase(one, running.get(framework) as Running, client)),
    );
    const failures = verdicts.flatMap((verdict, index) => {
      const framework = FRAMEWORKS[index] as Framework;
      row.set(framework, verdict.status === "fulfilled" ? "ok" : "FAIL");
      return verdict.status === "fulfilled" ? [] : [`${framework}: ${String(verdict.reason)}`];
    });
    expect(failures).toEqual([]);
  });
});

it("covers at least 150 cases, each under a name of its own", () => {
  const names = Object.entries(TABLE).flatMap(([area, cases]) => cases.map(({ name }) => `${area}: ${name}`));
  expect(names.length).toBeGreaterThanOrEqual(150);
  expect(new Set(names).size).toBe(names.length);
});

async function runCase(one: Case, target: Running, client: string): Promise<void> {
  const { records, ran } = target;
  const firstRecord = records.length;
  ran.length = 0;
  const steps = typeof one.send === "function" ? one.send({ ...target, client }) : one.send;
  const said = steps.map((step): Step => (typeof step === "string" ? step.replaceAll(CLIENT, client) : step));
  const exchanged = await speak(target.port, said, { ...one.listening, closes: one.expect.closed === true });
  if (one.expect.status === "none") await new Promise((resolve) => setTimeout(resolve, 120));
  judge(one.expect, exchanged);
  if (one.expect.nothingRan === true) expect(ran).toEqual([]);
  if (one.expect.ran !== undefined) expect(ran).toContain(one.expect.ran);
  if (one.expect.event !== undefined) {
    const fresh = records.slice(firstRecord).flatMap(({ event, detail }) => [event, detail]);
    expect(fresh).toContain(one.expect.event);
  }
}

function judge(expected: Expected, { responses, closed, reset, rest }: Exchanged): void {
  const statuses = responses.map(({ status }) => status);
  const last = responses.at(-1);
  if (expected.status === "none") return expect(statuses).toEqual([]);
  if (typeof expected.status === "number") expect(statuses).toEqual([expected.status]);
  else if ("oneOf" in expected.status)
    expect(expected.status.oneOf).toContain(statuses.join(" ") === "" ? 0 : statuses[0]);
  else expect(statuses).toEqual(expected.status);
  expect(reset).toBe(false);
  if (expected.closed !== undefined) expect(closed).toBe(expected.closed);
  expect(last?.complete).toBe(expected.complete ?? true);
  if (expected.reason !== undefined) expect(JSON.parse(last?.body ?? "{}")).toMatchObject({ code: expected.reason });
  if (typeof expected.body === "string") expect(last?.body).toBe(expected.body);
  else if (expected.body !== undefined) expect(last?.body).toMatch(expected.body);
  if (expected.rest !== undefined) expect(rest).toMatch(expected.rest);
  for (const [name, value] of Object.entries(expected.headers ?? {})) judgeHeader(last, name, value);
  if (last !== undefined) expected.check?.(last);
  for (const response of responses) holdToTheLaw(response, expected.bareHead === true);
}

function judgeHeader(response: RawResponse | undefined, name: string, value: string | RegExp | null): void {
  const found = headerOf(response, name);
  if (value === null) expect(found, name).toBeUndefined();
  else if (typeof value === "string") expect(found, name).toBe(value);
  else expect(found, name).toMatch(value);
}

/** What holds for every response whatever the case: the header set, no banner, nothing of the inside. */
function holdToTheLaw(response: RawResponse, bareHead: boolean): void {
  const everything = `${response.headers.map((pair) => pair.join(": ")).join("\n")}\n${response.body}`;
  expect(everything).not.toMatch(/SECRET|node_modules|\bat \S+ \(|Express|fastify|FST_/u);
  for (const banner of ["server", "x-powered-by"]) expect(headerOf(response, banner)).toBeUndefined();
  if (bareHead) return;
  const required = [
    "x-content-type-options",
    "content-security-policy",
    "referrer-policy",
    "x-frame-options",
    "cross-origin-resource-policy",
    "cache-control",
  ];
  for (const name of required) {
    expect(
      response.headers.filter(([candidate]) => candidate === name),
      name,
    ).toHaveLength(1);
  }
}

function headerOf(response: RawResponse | undefined, name: string): string | undefined {
  return response?.headers.find(([candidate]) => candidate === name)?.[1];
}

function printMatrix(): void {
  const width = Math.max(...[...outcomes.keys()].map((name) => name.length));
  const lines = [...outcomes].map(
    ([name, row]) =>
      `${name.padEnd(width)}  ${FRAMEWORKS.map((framework) => (row.get(framework) ?? "-").padEnd(9)).join("  ")}`,
  );
  const head = `${"case".padEnd(width)}  ${FRAMEWORKS.map((framework) => framework.padEnd(9)).join("  ")}`;
  process.stdout.write(`\n${head}\n${lines.join("\n")}\n${outcomes.size} cases in ${FRAMEWORKS.length} frameworks\n`);
}
