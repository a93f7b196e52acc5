import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";

export type DnsRecord =
  | { readonly type: "A" | "AAAA"; readonly address: string; readonly name?: string }
  | { readonly type: "CNAME"; readonly target: string }
  | { readonly type: "TXT"; readonly text: string }
  | { readonly type: "CAA"; readonly tag: string; readonly value: string };

/** What a server says besides addresses, by question such as `TXT example.com`; a word is an error for every question about the name. */
export type DnsZone = ReadonlyMap<string, readonly DnsRecord[] | "NXDOMAIN" | "SERVFAIL">;

export interface DnsServer {
  /** How often each question was asked, such as `A app.example.com`. */
  readonly questions: Map<string, number>;
  /** A resolver that asks this server. */
  readonly resolver: Resolver;
  /** Every address that the server has for a name, asked over the wire. */
  readonly resolve: (hostname: string) => Promise<readonly string[]>;
  readonly close: () => void;
}

const TYPES = { A: 1, CNAME: 5, TXT: 16, AAAA: 28, CAA: 257 } as const;
const ERRORS = { SERVFAIL: 2, NXDOMAIN: 3 } as const;

/**
 * A name server on a port of 127.0.0.1 whose answers the test decides. It speaks the part of RFC 1035 that a resolver asks for.
 *
 * @param answer the records for a question; the number says how often the same was asked before
 */
export async function startDnsServer(
  answer: (name: string, type: "A" | "AAAA", before: number) => readonly DnsRecord[],
  zone: DnsZone = new Map(),
): Promise<DnsServer> {
  const questions = new Map<string, number>();
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const { name, type, end } = readQuestion(query);
    const kind = type === TYPES.A ? "A" : "AAAA";
    const key = `${kind} ${name}`;
    const before = questions.get(key) ?? 0;
    questions.set(key, before + 1);
    const asked = Object.entries(TYPES).find(([, code]) => code === type)?.[0] ?? "";
    const declared = zone.get(name) ?? zone.get(`${asked} ${name}`);
    const error = typeof declared === "string" ? ERRORS[declared] : 0;
    const addresses = type === TYPES.A || type === TYPES.AAAA ? answer(name, kind, before) : [];
    const records = typeof declared === "string" ? [] : (declared ?? addresses);
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(0x85_80 | error, 2);
    header.writeUInt16BE(records.length, 6);
    header.writeUInt32BE(0, 8);
    let owner = name;
    const encoded = records.map((record) => {
      const bytes = writeRecord(owner, record);
      if (record.type === "CNAME") owner = record.target;
      return bytes;
    });
    socket.send(Buffer.concat([header, query.subarray(12, end), ...encoded]), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const resolver = new Resolver({ timeout: 1000, tries: 2 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return {
    questions,
    resolver,
    close: () => socket.close(),
    async resolve(hostname) {
      const both = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
      return both.flatMap((settled) => (settled.status === "fulfilled" ? settled.value : []));
    },
  };
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length).toLowerCase());
    at += length + 1;
  }
  return { name: labels.join("."), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function dataOf(record: DnsRecord): Buffer {
  switch (record.type) {
    case "CNAME":
      return writeName(record.target);
    case "TXT":
      return Buffer.concat((record.text.match(/.{1,255}/gsu) ?? [""]).map(writeText));
    case "CAA":
      return Buffer.concat([Buffer.from([0]), writeText(record.tag), Buffer.from(record.value)]);
    case "A":
    case "AAAA":
      return writeAddress(record.address);
  }
}

const writeText = (text: string): Buffer => Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]);

function writeRecord(owner: string, record: DnsRecord): Buffer {
  const data = dataOf(record);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(TYPES[record.type], 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([writeName(owner), fixed, data]);
}

function writeName(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

/** IPv4 in dots, IPv6 with its eight groups written out or with one gap. */
function writeAddress(address: string): Buffer {
  if (!address.includes(":")) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const left = groups(head);
  const right = groups(tail ?? "");
  const filled = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => "0"), ...right];
  return Buffer.from(filled.map((group) => group.padStart(4, "0")).join(""), "hex");
}
