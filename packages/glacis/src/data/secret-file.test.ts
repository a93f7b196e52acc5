import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { keyRing, newKey } from "./key-ring.ts";
import { environmentSecrets } from "./secret-environment.ts";
import { fileSecrets } from "./secret-file.ts";
import type { SecretProvider } from "./secret-provider.ts";
import { sealedFileSecrets, sealSecrets } from "./secret-sealed-file.ts";

const folder = mkdtempSync(join(tmpdir(), "glacis-secrets-"));
const keys = keyRing(newKey("k1"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(provider: SecretProvider, ...names: string[]): Promise<Record<string, string>> {
  const found = await provider.read(names, AbortSignal.timeout(5000));
  return Object.fromEntries([...found].map(([name, { value }]) => [name, value.reveal()]));
}

describe("environmentSecrets", () => {
  it("takes a variable out of the environment and keeps its value", async () => {
    const environment: Record<string, string | undefined> = {
      APP_STRIPE_API_KEY: "sk_live_1234",
      SHORT: "mapped one",
      EMPTY: "",
    };
    const provider = environmentSecrets({ environment, variables: { "/app/mail": "SHORT" } });
    const expected = { "/app/stripe/api-key": "sk_live_1234", "/app/mail": "mapped one" };
    const names = ["/app/stripe/api-key", "/app/mail", "/empty", "/absent"];
    expect(await read(provider, ...names)).toEqual(expected);
    expect(environment).toEqual({ EMPTY: "" });
    expect(await read(provider, ...names)).toEqual(expected);
    environment["SHORT"] = "set again";
    expect(await read(provider, "/app/mail")).toEqual({ "/app/mail": "set again" });
  });

  it("refuses two names for one variable", async () => {
    const provider = environmentSecrets({ environment: { A_B: "some value" } });
    await expect(read(provider, "/a/b", "/a-b")).rejects.toThrow(/one variable, A_B/u);
  });
});

describe("fileSecrets", () => {
  const write = (name: string, text: string | Buffer, mode = 0o600): string => {
    const path = join(folder, name);
    rmSync(path, { force: true });
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };

  beforeEach(() => mkdirSync(join(folder, "app"), { recursive: true }));

  it("reads each file without the line feed at its end", async () => {
    write("app/key", "first line\nsecond line\n");
    write("flat", "mapped");
    const provider = fileSecrets({ folder, files: { "/app/mail": "flat" } });
    expect(await read(provider, "/app/key", "/app/mail", "/app/absent", "/flat/below")).toEqual({
      "/app/key": "first line\nsecond line",
      "/app/mail": "mapped",
    });
  });

  it.each([
    ["readable by all", "text here", 0o644, /read by others/u],
    ["readable by the group", "text here", 0o640, /read by others/u],
    ["writable by the group", "text here", 0o620, /changed by others/u],
    ["empty", "\n", 0o600, /empty/u],
    ["not UTF-8", Buffer.from([0xff, 0xfe]), 0o600, /UTF-8/u],
    ["too large", Buffer.alloc(1_048_577, 97), 0o600, /larger/u],
  ])("refuses a file that is %s, and quotes nothing", async (_, text, mode, message) => {
    write("app/key", text, mode);
    await expect(read(fileSecrets({ folder }), "/app/key")).rejects.toThrow(message);
    await expect(read(fileSecrets({ folder }), "/app/key")).rejects.not.toThrow(/text here/u);
  });

  it("takes files that all may read where that is said, and never what others may write", async () => {
    const provider = fileSecrets({ folder, readableByOthers: true });
    write("app/key", "mounted", 0o444);
    expect(await read(provider, "/app/key")).toEqual({ "/app/key": "mounted" });
    write("app/key", "mounted", 0o666);
    await expect(read(provider, "/app/key")).rejects.toThrow(/changed by others/u);
  });

  it("follows links inside the folder, as orchestrators make them, and none that leads out", async () => {
    mkdirSync(join(folder, "..data"), { recursive: true });
    write("..data/linked", "behind a link");
    rmSync(join(folder, "linked"), { force: true });
    rmSync(join(folder, "out"), { force: true });
    symlinkSync("..data/linked", join(folder, "linked"));
    symlinkSync("/etc/passwd", join(folder, "out"));
    const provider = fileSecrets({ folder, readableByOthers: true });
    expect(await read(provider, "/linked")).toEqual({ "/linked": "behind a link" });
    await expect(read(provider, "/out")).rejects.toThrow(/outside/u);
    // A folder beside it whose name begins alike.
    mkdirSync(`${folder}-beside`, { recursive: true });
    writeFileSync(join(`${folder}-beside`, "key"), "of somebody else", { mode: 0o600 });
    rmSync(join(folder, "beside"), { force: true });
    symlinkSync(join(`${folder}-beside`, "key"), join(folder, "beside"));
    await expect(read(provider, "/beside")).rejects.toThrow(/outside/u);
    rmSync(`${folder}-beside`, { recursive: true });
    await expect(read(fileSecrets({ folder, files: { "/x": "../../etc/passwd" } }), "/x")).rejects.toThrow(/outside/u);
  });

  it("does not wait for ever at a named pipe", async () => {
    rmSync(join(folder, "pipe"), { force: true });
    execFileSync("mkfifo", [join(folder, "pipe")]);
    chmodSync(join(folder, "pipe"), 0o600);
    await expect(read(fileSecrets({ folder }), "/pipe")).rejects.toThrow(/no regular file/u);
  });

  it("fails when the folder is gone: missing is not unreachable", async () => {
    await expect(read(fileSecrets({ folder: join(folder, "nowhere") }), "/a")).rejects.toThrow(/ENOENT/u);
    expect(() => fileSecrets({ folder: "secrets" })).toThrow(/absolute/u);
  });
});

describe("sealedFileSecrets", () => {
  const path = join(folder, "secrets.sealed.json");
  const secrets = Object.fromEntries([
    ["/app/stripe", "sk_live_1234"],
    ["/app/mail", "mail key"],
    ["/app/old", "old value"],
    ["__proto__", "polluted"],
    ["constructor", "built"],
  ]);
  const provider = sealedFileSecrets({ path, keys });
  interface Sealed {
    key: string;
    mac: string;
    secrets: Record<string, string>;
  }
  const change = (edit: (file: Sealed) => void): void => {
    const file = JSON.parse(sealSecrets(keys, secrets)) as Sealed;
    edit(file);
    writeFileSync(path, JSON.stringify(file));
  };

  it("gives back what was sealed, and shows names alone", async () => {
    const text = sealSecrets(keys, secrets);
    for (const value of Object.values(secrets)) expect(text).not.toContain(value);
    writeFileSync(path, text);
    expect(await read(provider, ...Object.keys(secrets), "/app/none")).toEqual(secrets);
    change((file) => (file.secrets = Object.fromEntries(Object.entries(file.secrets).toReversed())));
    expect(await read(provider, "/app/mail")).toEqual({ "/app/mail": "mail key" });
  });

  it.each<[string, (file: Sealed) => void]>([
    ["an entry taken out", (file) => delete file.secrets["/app/mail"]],
    ["two entries swapped", ({ secrets: s }) => ([s["/app/mail"], s["/app/old"]] = [s["/app/old"]!, s["/app/mail"]!])],
    [
      "an entry from an older file",
      ({ secrets: s }) => (s["/app/old"] = (JSON.parse(sealSecrets(keys, secrets)) as Sealed).secrets["/app/old"]!),
    ],
    ["another name", ({ secrets: s }) => (s["/app/new"] = s["/app/old"]!)],
    ["no entries", (file) => (file.secrets = {})],
    ["another key's id", (file) => (file.key = "k2")],
    ["a shorter MAC", (file) => (file.mac = file.mac.slice(1))],
    ["a list for entries", (file) => (file.secrets = [] as never)],
    ["a number for a value", ({ secrets: s }) => (s["/app/mail"] = 7 as never)],
    ["half a surrogate pair", ({ secrets: s }) => (s["/app/mail"] = "\ud800")],
  ])("yields nothing from a file with %s", async (_, edit) => {
    change(edit);
    await expect(read(provider, "/app/stripe")).rejects.toThrow(/sealed/u);
  });

  it.each(["null", "[]", "{", '"x"'])("yields nothing from %s", async (text) => {
    writeFileSync(path, text);
    await expect(read(provider, "/app/stripe")).rejects.toThrow(/sealed/u);
  });

  it("opens under a rotated ring, and not under another one", async () => {
    const [first, second] = [newKey("k1"), newKey("k2")];
    writeFileSync(path, sealSecrets(keyRing(first), secrets));
    expect(await read(sealedFileSecrets({ path, keys: keyRing(`${second},${first}`) }), "/app/mail")).toEqual({
      "/app/mail": "mail key",
    });
    await expect(read(sealedFileSecrets({ path, keys: keyRing(newKey("k1")) }), "/app/mail")).rejects.toThrow(
      /changed/u,
    );
    expect(() => sealSecrets(keys, { "/a": "" })).toThrow(/well-formed/u);
    expect(() => sealSecrets(keys, { "../a": "x" })).toThrow(/name is like/u);
  });
});
