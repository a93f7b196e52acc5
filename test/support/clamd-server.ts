import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** The first characters of the harmless file that every scanner takes for a virus, as EICAR has agreed; whole, it would be found here too. */
export const EICAR: string = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].join("");

/** How a daemon misbehaves. */
export type ClamdBehaviour = "scan" | "silent" | "garbage" | "endless" | "half" | "close" | "two replies" | "unknown";

export interface Clamd {
  readonly port: number;
  readonly scanned: Buffer[];
  behave(how: ClamdBehaviour): void;
  close(): void;
}

const REPLIES: Partial<Record<ClamdBehaviour, string>> = {
  garbage: "\x16\x03\x01 not clamd\0",
  endless: "stream: ".padEnd(10_000, "O"),
  half: "stream: O",
  "two replies": "stream: OK\0stream: Eicar FOUND\0",
  unknown: "stream: PERHAPS\0",
};

/** A daemon that speaks clamd's INSTREAM on a socket: it reads the frames as clamd does, and finds EICAR. */
export async function startClamd(streamMaxBytes = 1_000_000): Promise<Clamd> {
  let behaviour: ClamdBehaviour = "scan";
  const scanned: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      if (behaviour === "close") return socket.destroy();
      received = Buffer.concat([received, chunk]);
      const file = readStream(received);
      const size = received.length;
      if (behaviour === "scan" && size > streamMaxBytes)
        return void socket.end("INSTREAM size limit exceeded. ERROR\0");
      if (file === undefined || behaviour === "silent") return undefined;
      scanned.push(file);
      const reply =
        REPLIES[behaviour] ?? (file.includes(EICAR) ? "stream: Win.Test.EICAR_HDB-1 FOUND\0" : "stream: OK\0");
      return void socket.end(reply, "latin1");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    scanned,
    behave: (how) => void (behaviour = how),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** The file, once its last chunk is there. */
function readStream(received: Buffer): Buffer | undefined {
  const command = "zINSTREAM\0";
  if (received.length < command.length || received.toString("latin1", 0, command.length) !== command) return undefined;
  const chunks: Buffer[] = [];
  for (let at = command.length; at + 4 <= received.length;) {
    const length = received.readUInt32BE(at);
    if (length === 0) return Buffer.concat(chunks);
    chunks.push(received.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return undefined;
}
