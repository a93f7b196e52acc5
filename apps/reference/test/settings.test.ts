import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { withSecrets } from "../src/operations/secrets.ts";
import { readSettings, StartError } from "../src/operations/settings.ts";

describe("withSecrets", () => {
  const url = "postgres://folio:open-sesame-4711@db/folio";
  const production = { NODE_ENV: "production", DATABASE_URL: url, SMTP_URL: "smtps://u:another-4712@mail" };

  it("takes secrets out of the environment, so that no child and no report has them", async () => {
    const environment: Record<string, string | undefined> = { ...production, PORT: "4000" };
    const variables = await withSecrets([], environment);
    expect(variables).toMatchObject({ DATABASE_URL: url, SMTP_URL: production.SMTP_URL, PORT: "4000" });
    expect(variables["GLACIS_KEYS"]).toBeUndefined();
    expect(environment).toEqual({ NODE_ENV: "production", PORT: "4000" });
  });

  it("reads them from files first", async () => {
    const folder = mkdtempSync(join(tmpdir(), "secrets-"));
    writeFileSync(join(folder, "database-url"), `${url}\n`, { mode: 0o600 });
    const variables = await withSecrets([], {
      ...production,
      DATABASE_URL: "postgres://old/folio",
      SECRETS_DIR: folder,
    });
    expect(variables["DATABASE_URL"]).toBe(url);
    rmSync(folder, { recursive: true });
  });

  it.each([
    ["what is no database", { DATABASE_URL: "https://db" }],
    ["what is no mail server", { SMTP_URL: "smtp.example.com" }],
    ["what is no key ring", { GLACIS_KEYS: "hunter2hunter2" }],
    ["an example", { GLACIS_KEYS: "changeme" }],
  ])("refuses %s, and repeats nothing of it", async (_, wrong) => {
    const refusal = await withSecrets([], { ...production, ...wrong }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(StartError);
    for (const value of Object.values(wrong)) expect(String(refusal)).not.toContain(value);
  });

  it("asks a demonstration for nothing", async () => {
    expect(await withSecrets([], { PORT: "4000" })).toEqual({ PORT: "4000" });
  });
});

describe("readSettings", () => {
  it("is a demonstration on this machine alone unless something else is said", () => {
    const settings = readSettings([], { INIT_CWD: "/home/ada" });
    expect(settings).toMatchObject({
      kind: "demo",
      host: "127.0.0.1",
      port: 3000,
      origin: "http://localhost:3000",
      dataFolder: "/home/ada/.data",
    });
  });

  it("honours PORT, HOST and DATA_DIR", () => {
    const settings = readSettings([], { PORT: "4000", HOST: "0.0.0.0", DATA_DIR: "/srv/folio" });
    expect(settings).toMatchObject({
      host: "0.0.0.0",
      port: 4000,
      dataFolder: "/srv/folio",
      origin: "http://localhost:4000",
    });
  });

  it("takes a variable that is set to nothing for one that nobody has set, so that it does not listen to the whole network", () => {
    const names = ["PORT", "HEALTH_PORT", "HOST", "DATA_DIR", "DATABASE_URL", "GLACIS_KEYS", "NODE_ENV", "ALARM_MAIL"];
    const others = ["CLAMD", "FILES_BUCKET", "OPERATOR_WORKSPACE", "LOG_STORE", "GLACIS_KEYS_SINCE", "SSO_ISSUER"];
    const empty = Object.fromEntries([...names, ...others].map((name) => [name, ""]));
    expect(readSettings([], { ...empty, INIT_CWD: "/home/ada" })).toEqual(readSettings([], { INIT_CWD: "/home/ada" }));
  });

  it("keeps a test target in a folder of its own, and believes it to be behind TLS", () => {
    const settings = readSettings(["--test-target"], { INIT_CWD: "/w", NODE_ENV: "production" });
    expect(settings).toMatchObject({
      kind: "test-target",
      origin: "https://127.0.0.1:3000",
      dataFolder: "/w/.data/test-target",
    });
  });

  it("asks production for what only its operator knows", () => {
    const production = {
      NODE_ENV: "production",
      ORIGIN: "https://docs.example.com",
      DATABASE_URL: "postgres://db/folio",
      SMTP_URL: "smtps://user:secret@smtp.example.com",
      MAIL_FROM: "Folio <no-reply@example.com>",
    };
    expect(readSettings([], { ...production, PROXIES: "10.0.0.0/8, 192.0.2.1" })).toMatchObject({
      kind: "production",
      origin: "https://docs.example.com",
      proxies: ["10.0.0.0/8", "192.0.2.1"],
      trustedOrigins: [],
    });
    expect(() => readSettings([], { ...production, ORIGIN: undefined })).toThrow(/ORIGIN/u);
    expect(() => readSettings([], { ...production, DATABASE_URL: undefined })).toThrow(/DATABASE_URL/u);
    for (const name of ["SMTP_URL", "MAIL_FROM"])
      expect(() => readSettings([], { ...production, [name]: undefined })).toThrow(/SMTP_URL.*MAIL_FROM/u);
  });

  it.each(["0", "65536", "-1", "80a", "3000 ", "1e3"])("refuses the port %j in words", (PORT) => {
    expect(() => readSettings([], { PORT })).toThrow(StartError);
  });

  it("refuses an argument that it does not know", () => {
    expect(() => readSettings(["--test-targt"], {})).toThrow(/--test-target/u);
    expect(() => readSettings(["--test-target", "--fast"], {})).toThrow(/"--fast"/u);
  });

  it("shows nobody the whole deployment unless somebody says who runs it, and takes what watches over it strictly", () => {
    const production = {
      NODE_ENV: "production",
      ORIGIN: "https://docs.example.com",
      DATABASE_URL: "postgres://db/folio",
      SMTP_URL: "smtps://user:secret@smtp.example.com",
      MAIL_FROM: "no-reply@example.com",
    };
    const quiet = readSettings([], production);
    expect(quiet).toMatchObject({ operators: undefined, alarmMail: [], auditKey: undefined, baits: [], keyDates: {} });
    const watched = readSettings([], {
      ...production,
      OPERATOR_WORKSPACE: "f0000000-0000-4000-8000-00000000000a",
      ALARM_MAIL: "ada@example.com, bob@example.com",
      GLACIS_KEYS_SINCE: "k2=2026-09-14,k1=2025-03-01",
      LOG_STORE: "CloudWatch /folio; platform; security, audit; 400",
    });
    expect(watched).toMatchObject({
      operators: "f0000000-0000-4000-8000-00000000000a",
      alarmMail: ["ada@example.com", "bob@example.com"],
      keyDates: { k1: "2025-03-01", k2: "2026-09-14" },
      logStore: {
        name: "CloudWatch /folio",
        owner: "platform",
        readers: ["security", "audit"],
        retentionDays: 400,
      },
    });
    expect(() => readSettings([], { ...production, OPERATOR_WORKSPACE: "*" })).toThrow(/OPERATOR_WORKSPACE/u);
    expect(() => readSettings([], { ...production, LOG_STORE: "CloudWatch; platform; ; 400" })).toThrow(/LOG_STORE/u);
    expect(() => readSettings([], { ...production, GLACIS_KEYS_SINCE: "k1=soon" })).toThrow(/GLACIS_KEYS_SINCE/u);
  });
});
