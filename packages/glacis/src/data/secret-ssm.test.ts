import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { SSM } from "@aws-sdk/client-ssm";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { awsServer } from "../../../../test/support/aws-server.ts";
import { Secret } from "../core/secret.ts";
import { secretStore, type SecretStore } from "./secret-store.ts";
import { secretsManagerSecrets } from "./secret-secrets-manager.ts";
import { ssmSecrets } from "./secret-ssm.ts";

const server = await awsServer();
const settings = {
  endpoint: server.endpoint,
  region: "eu-central-1",
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI" },
  maxAttempts: 3,
};
const ssm = new SSM(settings);
const manager = new SecretsManager(settings);
const THROTTLED = { status: 400, type: "ThrottlingException" } as const;
const LATER = 1_790_000_001_000;

function storeOf(kind: "ssm" | "manager", prefix = ""): SecretStore {
  const provider =
    kind === "ssm"
      ? ssmSecrets({ client: ssm, ...(prefix !== "" && { prefix }) })
      : secretsManagerSecrets({ client: manager });
  return secretStore({ providers: [provider], mode: "production", timeoutMs: 3000, now: () => LATER });
}

afterEach(() => {
  server.calls.length = 0;
  server.faults.length = 0;
});
afterAll(async () => {
  ssm.destroy();
  manager.destroy();
  await server.close();
});

describe("ssmSecrets", () => {
  for (let index = 0; index < 23; index += 1) server.parameters.set(`/app/key-${index}`, [`value number ${index}`]);

  it("reads ten names at a time, decrypted and signed, with version and age", async () => {
    const names = Object.fromEntries(Array.from({ length: 23 }, (_, index) => [`k${index}`, `/app/key-${index}`]));
    const secrets = await storeOf("ssm").secrets(names);
    expect(secrets["k22"]?.current().reveal()).toBe("value number 22");
    expect([secrets["k22"]?.version, secrets["k22"]?.changedMs]).toEqual(["1", 1_790_000_000_500]);
    expect(server.calls.map(({ target }) => target)).toEqual(Array(3).fill("AmazonSSM.GetParameters"));
    expect(server.calls.map(({ input }) => (input["Names"] as unknown[]).length)).toEqual([10, 10, 3]);
    expect(server.calls.every(({ input }) => input["WithDecryption"] === true)).toBe(true);
  });

  it("names what the store calls invalid", async () => {
    const asked = storeOf("ssm").secrets({ a: "/app/key-1", b: "/app/nowhere", c: "/app/nothing" });
    await expect(asked).rejects.toMatchObject({ names: ["/app/nowhere", "/app/nothing"] });
  });

  it("is throttled without failing, as the SDK tries again", async () => {
    server.faults.push(THROTTLED);
    expect((await storeOf("ssm").getParameter("/app/key-1")).reveal()).toBe("value number 1");
    expect(server.calls).toHaveLength(2);
  });

  it.each([
    ["throttled for good", [THROTTLED, THROTTLED, THROTTLED], "ThrottlingException"],
    ["denied", [{ status: 400, type: "AccessDeniedException" }], "AccessDeniedException"],
    ["without an answer", ["hang"], "TimeoutError"],
  ] as const)("fails closed when it is %s", async (_, faults, cause) => {
    server.faults.push(...faults);
    const provider = ssmSecrets({ client: ssm });
    const store = secretStore({ providers: [provider], timeoutMs: cause === "TimeoutError" ? 100 : 3000 });
    await expect(store.secrets({ a: "/app/key-1" })).rejects.toMatchObject({
      name: "SecretsUnavailableError",
      cause: { name: cause },
    });
  });

  it("puts the stage in front of each name, and fetches the version before", async () => {
    server.parameters.set("/shop/production/app/signing", ["the old signing key", "the new signing key"]);
    const { signing } = await storeOf("ssm", "/shop/production").secrets({
      signing: { name: "/app/signing", previous: true },
    });
    expect([signing.current().reveal(), signing.version]).toEqual(["the new signing key", "2"]);
    expect(signing.previous()?.reveal()).toBe("the old signing key");
    expect(signing.matches("the old signing key")).toBe(true);
  });

  it("takes no silence for an absence, and asks for no version before the first", async () => {
    const silent = { getParameters: async () => ({ Parameters: [], InvalidParameters: [] }) };
    const provider = ssmSecrets({ client: silent });
    await expect(provider.read(["/a"], AbortSignal.timeout(1000))).rejects.toThrow(/unanswered/u);
    const deaf = ssmSecrets({ client: { getParameters: async () => expect.unreachable() } });
    const first = { value: new Secret("x"), version: "1" };
    expect(await deaf.readPrevious?.("/a", first, AbortSignal.timeout(1000))).toBeUndefined();
  });

  it("refuses what is no client, and a prefix that is none", () => {
    expect(() => ssmSecrets({ client: {} as never })).toThrow(/getParameters/u);
    expect(() => ssmSecrets({ client: ssm, prefix: "/shop/" })).toThrow(/prefix/u);
  });
});

describe("secretsManagerSecrets", () => {
  server.secrets.set("app/database", ["first password", "second password"]);
  for (let index = 0; index < 21; index += 1) server.secrets.set(`app/s-${index}`, [`secret number ${index}`]);

  it("reads twenty names at a time", async () => {
    const names = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`s${index}`, `app/s-${index}`]));
    const secrets = await storeOf("manager").secrets(names);
    expect(secrets["s20"]?.current().reveal()).toBe("secret number 20");
    expect(server.calls.map(({ input }) => (input["SecretIdList"] as unknown[]).length)).toEqual([20, 1]);
  });

  it("takes no silence for an absence", async () => {
    const client = { batchGetSecretValue: async () => ({}), getSecretValue: async () => ({}) };
    const provider = secretsManagerSecrets({ client });
    await expect(provider.read(["a"], AbortSignal.timeout(1000))).rejects.toThrow(/unanswered/u);
  });

  it("fetches AWSPREVIOUS for the overlap, and lives without it", async () => {
    const { db, fresh } = await storeOf("manager").secrets({
      db: { name: "app/database", previous: true },
      fresh: { name: "app/s-1", previous: true },
    });
    expect([db.current().reveal(), db.previous()?.reveal()]).toEqual(["second password", "first password"]);
    expect(fresh.previous()).toBeUndefined();
  });

  it("tells missing from denied", async () => {
    const store = storeOf("manager");
    await expect(store.getParameter("app/nowhere")).rejects.toMatchObject({ name: "SecretsMissingError" });
    await expect(store.getParameter("app/denied")).rejects.toMatchObject({
      name: "SecretsUnavailableError",
      cause: { name: "AccessDeniedException" },
    });
  });
});
