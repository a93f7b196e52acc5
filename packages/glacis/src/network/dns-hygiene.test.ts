import { generateKeyPairSync } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { startDnsServer, type DnsRecord, type DnsServer } from "../../../../test/support/dns-server.ts";
import { currentDeployment } from "../primitives/deployment.ts";
import { dnsHygiene, inspectDns, type InspectDnsOptions } from "./dns-hygiene.ts";

let server: DnsServer | undefined;
afterEach(() => server?.close());

type Zone = Readonly<Record<string, readonly DnsRecord[] | "NXDOMAIN" | "SERVFAIL">>;
const txt = (...texts: readonly string[]): readonly DnsRecord[] => texts.map((text) => ({ type: "TXT", text }));
const caa: readonly DnsRecord[] = [{ type: "CAA", tag: "issue", value: "letsencrypt.org" }];

/** Names with an address; every other question is answered by the zone, or with nothing. */
async function found(zone: Zone, options: Omit<InspectDnsOptions, "resolver">, addresses: readonly string[] = []) {
  server = await startDnsServer(
    (name, type) => (addresses.includes(name) && type === "A" ? [{ type, address: "192.0.2.1" }] : []),
    new Map(Object.entries(zone)),
  );
  const findings = await inspectDns({ ...options, resolver: server.resolver });
  server.close();
  server = undefined;
  return findings.map(({ rule, at, detail = "" }) =>
    `${rule.id.split("/")[1] ?? ""} ${at.kind === "setting" ? at.name : ""} ${detail}`.trim(),
  );
}

describe("the names of an inventory", () => {
  const names = ["app.example.com"];

  it("are clean when they resolve and an authority is named, here or above", async () => {
    expect(await found({ "CAA example.com": caa }, { names }, names)).toEqual([]);
    expect(await found({ "CAA app.example.com": caa }, { names }, names)).toEqual([]);
    expect(await found({}, { names }, names)).toEqual(["no-caa app.example.com"]);
    const iodef: readonly DnsRecord[] = [{ type: "CAA", tag: "iodef", value: "mailto:a@example.com" }];
    expect(await found({ "CAA app.example.com": iodef, "CAA example.com": caa }, { names }, names)).toEqual([
      "no-caa app.example.com",
    ]);
  });

  it("are dangling when they lead to nothing", async () => {
    const cname: readonly DnsRecord[] = [{ type: "CNAME", target: "gone.provider.example" }];
    const zone: Zone = { "CNAME app.example.com": cname, "gone.provider.example": "NXDOMAIN" };
    expect(await found(zone, { names })).toEqual(["dangling app.example.com gone.provider.example"]);
    const there = { "CNAME app.example.com": cname, "CAA example.com": caa };
    expect(await found(there, { names }, ["gone.provider.example"])).toEqual([]);
  });

  it("are not verified when nobody answers, or there is no such name", async () => {
    expect(await found({ "app.example.com": "NXDOMAIN" }, { names })).toEqual([
      "not-verified app.example.com no address",
    ]);
    expect(await found({ "app.example.com": "SERVFAIL" }, { names })).toEqual([
      "not-verified app.example.com ESERVFAIL",
    ]);
  });

  it("are found to be wild when a name resolves that nobody has made", async () => {
    server = await startDnsServer(
      (name, type) => (name.endsWith("app.example.com") && type === "A" ? [{ type, address: "192.0.2.1" }] : []),
      new Map([["CAA example.com", caa]]),
    );
    const findings = await inspectDns({ names, resolver: server.resolver });
    expect(findings.map(({ rule }) => rule.id)).toEqual(["dns-hygiene/wildcard"]);
  });

  it("end in a circle as little as in a chain without end", async () => {
    const circle = (target: string): readonly DnsRecord[] => [{ type: "CNAME", target }];
    const zone = { "CNAME app.example.com": circle("b.example.com"), "CNAME b.example.com": circle("app.example.com") };
    expect(await found(zone, { names })).toHaveLength(1);
  });
});

describe("the domain that sends mail", () => {
  const rsa = (bits: number): string =>
    generateKeyPairSync("rsa", { modulusLength: bits })
      .publicKey.export({ type: "spki", format: "der" })
      .toString("base64");
  const good = rsa(2048);
  const whole: Zone = {
    "TXT example.com": txt("google-site-verification=x", "v=spf1 ip4:192.0.2.1 include:_spf.sender.example -all"),
    "TXT _spf.sender.example": txt("v=spf1 ip4:198.51.100.0/24 ~all"),
    "TXT s1._domainkey.example.com": txt(`v=DKIM1; k=rsa; p=${good}`),
    "TXT _dmarc.example.com": txt("v=DMARC1; p=reject; rua=mailto:dmarc@example.com"),
  };
  const mail = { domain: "example.com", selectors: ["s1"] };
  const change = (zone: Zone, selectors: readonly string[] = ["s1"]) =>
    found({ ...whole, ...zone }, { names: [], mail: { ...mail, selectors } });

  it("is clean when all three say so", async () => {
    expect(await change({})).toEqual([]);
    const ed = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" }).subarray(-32);
    expect(await change({ "TXT s1._domainkey.example.com": txt(`k=ed25519; p=${ed.toString("base64")}`) })).toEqual([]);
  });

  it("says by SPF who may send, once, to an end, and in ten lookups", async () => {
    const spf = async (...records: readonly string[]) =>
      (await change({ "TXT example.com": txt(...records) }))[0] ?? "";
    expect(await spf()).toBe("spf example.com no record");
    expect(await spf("v=spf1 -all", "v=spf1 ~all")).toContain("several");
    expect(await spf("v=spf1 +all")).toBe("spf example.com ends with +all");
    expect(await spf("v=spf1 all")).toBe("spf example.com ends with +all");
    expect(await spf("v=spf1 ip4:192.0.2.1 ?all")).toContain("?all");
    expect(await spf("v=spf1 mx")).toContain("ends with nothing");
    expect(await spf("v=spf1 redirect=_spf.sender.example")).toBe("");
    expect(await spf(`v=spf1 ${"a:x.example ".repeat(10)}-all`)).toBe("");
    expect(await spf(`v=spf1 ${"a:x.example ".repeat(11)}-all`)).toContain("ten lookups");
    const circle = { "TXT example.com": txt("v=spf1 include:example.com -all") };
    expect((await change(circle))[0]).toContain("ten lookups");
  });

  it("has a DKIM key that can be believed", async () => {
    const dkim = async (record: string) => (await change({ "TXT s1._domainkey.example.com": txt(record) }))[0] ?? "";
    expect(await dkim("v=DKIM1; p=")).toContain("revoked");
    expect(await dkim(`v=DKIM1; p=${rsa(1024)}`)).toContain("1024 bits");
    expect(await dkim("v=DKIM1; p=AAAA")).toContain("cannot be read");
    expect(await change({}, ["s1", "s2"])).toEqual(["dkim s2._domainkey.example.com no key"]);
  });

  it("asks by DMARC to refuse what is not ours, of everything, and hears of it", async () => {
    const dmarc = async (record: string) => (await change({ "TXT _dmarc.example.com": txt(record) }))[0] ?? "";
    expect(await dmarc("v=DMARC1; p=none; rua=mailto:a@example.com")).toContain("the policy is none");
    expect(await dmarc("v=DMARC1; p=quarantine; rua=mailto:a@example.com")).toBe("");
    expect(await dmarc("v=DMARC1; p=reject")).toContain("rua");
    expect(await dmarc("v=DMARC1; p=reject; pct=20; rua=mailto:a@example.com")).toContain("20 percent");
    expect(await dmarc("v=DMARC2; p=reject")).toContain("no record");
  });

  it("inherits DMARC from above, with the policy that is meant for it", async () => {
    const below = { domain: "mail.example.com", selectors: [] };
    const zone = { ...whole, "TXT mail.example.com": txt("v=spf1 -all") };
    expect(await found(zone, { names: [], mail: below })).toEqual([]);
    const lax = { ...zone, "TXT _dmarc.example.com": txt("v=DMARC1; p=reject; sp=none; rua=mailto:a@example.com") };
    expect(await found(lax, { names: [], mail: below })).toEqual(["dmarc mail.example.com the policy is none"]);
  });

  it("that sends none says that nobody may", async () => {
    expect(await change({}, [])).toEqual(["spf example.com a domain without mail should say v=spf1 -all"]);
    expect(await change({ "TXT example.com": txt("v=spf1 -all") }, [])).toEqual([]);
  });
});

describe("dnsHygiene", () => {
  it("says what was found, and takes nothing for a name that is none", async () => {
    server = await startDnsServer(() => []);
    const findings = await inspectDns({ names: ["app.example.com"], resolver: server.resolver });
    expect(dnsHygiene(findings).check(currentDeployment("production"))).toEqual(findings);
    for (const name of ["", "localhost", "App.example.com", "a..example.com", "-a.example.com", "a b.example.com"])
      await expect(inspectDns({ names: [name] })).rejects.toThrow(/lower case/u);
    await expect(inspectDns({ domains: [] } as never)).rejects.toThrow(/no option/u);
  });
});
