/** The load, in a process of its own: raw sockets, one request at a time on each, the next when the answer is complete. */
import { connect } from "node:net";

/** Reads one response from what a connection has received; undefined while it is incomplete. */
function readResponse(received) {
  const end = received.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const head = received.latin1Slice(0, end).toLowerCase();
  const length = /\r\ncontent-length: *(\d+)/u.exec(head)?.[1];
  const complete =
    length === undefined
      ? received.latin1Slice(received.length - 5) === "0\r\n\r\n"
      : received.length === end + 4 + Number(length);
  return complete ? { status: Number(head.slice(9, 12)), close: head.includes("\r\nconnection: close") } : undefined;
}

/** Sends `count` requests over `connections` sockets; resolves with the elapsed milliseconds. */
function run({ port, bytes, status, connections, count }) {
  const request = Buffer.from(bytes, "base64");
  let started = 0;
  let finished = 0;
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const open = () => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      let received;
      const next = () => {
        if (started === count) return socket.end();
        started += 1;
        received = undefined;
        return socket.write(request);
      };
      socket.on("connect", next);
      socket.on("error", reject);
      socket.on("data", (chunk) => {
        received = received === undefined ? chunk : Buffer.concat([received, chunk]);
        const response = readResponse(received);
        if (response === undefined) return;
        if (response.status !== status) {
          reject(new Error(`Expected ${status}, got:\n${received.toString()}`));
          return;
        }
        finished += 1;
        if (finished === count) resolve(performance.now() - start);
        if (response.close) {
          socket.end();
          if (started < count) open();
        } else next();
      });
    };
    for (let index = 0; index < connections; index += 1) open();
  });
}

process.on("message", async (job) => {
  try {
    process.send({ elapsedMs: await run(job) });
  } catch (error) {
    process.send({ error: error.message });
  }
});
