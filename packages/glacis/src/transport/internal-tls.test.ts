import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { Mode } from "../core/control.ts";
import { describeLocation } from "../core/finding.ts";
import { currentDeployment } from "../primitives/deployment.ts";
import { internalTls, postgresTls, type InternalTlsOptions } from "./internal-tls.ts";

function found(variables: Readonly<Record<string, string>>, options?: InternalTlsOptions, mode: Mode = "production") {
  const deployment = { ...currentDeployment(mode), variables: new Map(Object.entries(variables)) };
  const findings = internalTls(options).check(deployment);
  for (const { detail = "" } of findings) expect(detail).not.toContain("S3CRET");
  return findings.map(({ rule, at }) => `${rule.id.split("/")[1]} ${describeLocation(at)}`);
}

const one = (url: string): string => found({ URL: url })[0]?.split(" ")[0] ?? "verified";

const SECRET = "user:S3CRET@db.example.com";

describe("internalTls", () => {
  it.each([
    [`postgres://${SECRET}/app?sslmode=verify-full`, "verified"],
    [`postgresql://${SECRET}/app?sslmode=verify-full&sslrootcert=/ca.pem`, "verified"],
    [`postgres://${SECRET}/app?sslmode=verify-full&rejectUnauthorized=false`, "unverified"],
    [`postgres://${SECRET}/app?ssl=true`, "verified"],
    [`postgres://${SECRET}/app?sslmode=verify-ca`, "unverified"],
    [`postgres://${SECRET}/app?sslmode=require`, "unverified"],
    [`postgres://${SECRET}/app?sslmode=no-verify`, "unverified"],
    [`postgres://${SECRET}/app?sslmode=prefer`, "plaintext"],
    [`postgres://${SECRET}/app?sslmode=disable`, "plaintext"],
    [`postgres://${SECRET}/app`, "plaintext"],
    ["postgres://u:S3CRET@127.0.0.1,db.example.com/app", "plaintext"],
    [`redis://:${SECRET}:6379`, "plaintext"],
    ["rediss://:S3CRET@cache.example.com:6380", "verified"],
    ["rediss://:S3CRET@cache.example.com:6380?rejectUnauthorized=false", "unverified"],
    ["amqp://u:S3CRET@queue.example.com", "plaintext"],
    ["amqps://u:S3CRET@queue.example.com?verify=verify_none", "unverified"],
    ["mongodb://u:S3CRET@a.example.com,b.example.com/x?tls=true", "verified"],
    ["mongodb://u:S3CRET@a.example.com/x?tls=true&tlsInsecure=true", "unverified"],
    ["mongodb+srv://u:S3CRET@a.example.com/x", "verified"],
    ["mongodb+srv://u:S3CRET@a.example.com/x?tls=false", "plaintext"],
    ["mysql://u:S3CRET@db.example.com/x?ssl-mode=VERIFY_IDENTITY", "verified"],
    ["mysql://u:S3CRET@db.example.com/x?ssl-mode=REQUIRED", "unverified"],
    ["smtp://u:S3CRET@mail.example.com:587", "plaintext"],
    ["smtp://u:S3CRET@mail.example.com:587?requireTLS=true", "verified"],
    ["smtps://u:S3CRET@mail.example.com", "verified"],
    ["ldap://directory.example.com", "plaintext"],
    ["http://billing.internal/api", "plaintext"],
    ["http://billing.prod.svc.cluster.local:8080", "plaintext"],
    ["http://10.1.2.3:8080", "plaintext"],
    ["http://billing:8080/api", "plaintext"],
    ["http://[fd00::1]:8080/api", "plaintext"],
    ["http://[2600::1]:8080/api", "verified"],
    ["http://localhost:8080/api", "verified"],
    ["POSTGRES://u:S3CRET@db.example.com/app", "plaintext"],
    ["Redis://u:S3CRET@localhost:6379", "verified"],
    ["https://billing.internal/api", "verified"],
    ["http://www.example.com/", "verified"],
    ["not a url", "verified"],
    ["constructor://x", "verified"],
  ])("judges %s as %s", (url, expected) => {
    expect(one(url)).toBe(expected);
  });

  it("takes a proxy for the way and not for the end of it", () => {
    expect(found({ HTTP_PROXY: "http://10.0.0.5:3128", https_proxy: "http://proxy.internal:3128" })).toEqual([]);
  });

  it("asks no TLS of this machine", () => {
    for (const host of ["localhost", "127.0.0.1", "127.8.8.8:5433", "[::1]:5432", "", "%2Fvar%2Frun%2Fpostgresql"])
      expect(one(`postgres://u:S3CRET@${host}/app`)).toBe("verified");
    expect(one("postgres:///app?host=/var/run/postgresql")).toBe("verified");
    expect(one("redis://localhost.evil.test")).toBe("plaintext");
  });

  it("judges what is passed in like what is in the environment, and only in production", () => {
    const connections = { cache: "redis://cache.example.com", mail: undefined };
    expect(found({}, { connections })).toEqual(["plaintext cache"]);
    expect(found({ DATABASE_URL: "postgres://db.example.com/x" }, { connections }, "development")).toEqual([]);
  });

  it("keeps an exception visible, and takes none without a reason", () => {
    const exceptions = { DATABASE_URL: "sidecar with mutual TLS" };
    expect(found({ DATABASE_URL: "postgres://db.example.com/x" }, { exceptions })).toEqual(["exception DATABASE_URL"]);
    expect(() => internalTls({ exceptions: { DATABASE_URL: " " } })).toThrow(/reason in words/u);
    expect(() => internalTls({ conections: {} } as never)).toThrow(/Did you mean "connections"/u);
  });

  it("believes what a pool says of itself", () => {
    const pool = { name: "main", local: false, encrypted: false };
    expect(found({}, { pools: [pool, { ...pool, local: true }, { ...pool, encrypted: true }] })).toEqual([
      "plaintext main",
    ]);
  });
});

const database = await testDatabase("internal_tls");
afterAll(() => database?.drop());

describe.runIf(database !== undefined)("postgresTls", () => {
  it("asks the server how this very connection is protected", async () => {
    const encrypted = await database?.pool.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
    expect(await postgresTls(database?.pool as never, "main")).toEqual({
      name: "main",
      local: true,
      encrypted: (encrypted?.rows as { ssl: boolean }[] | undefined)?.[0]?.ssl,
    });
  });
});
