/**
 * One keep-alive connection that asks one thing at a time. Clients share the machine with the server that they ask, so they are as cheap as they can be:
 * with Node's own client they would take a tenth of a core, which no flood takes from the server that it comes to.
 */
import { connect } from "node:net";

const END_OF_HEAD = "\r\n\r\n";

/** @returns `ask()`, which answers with the status once the whole answer is there, and `end()` */
export function openSocket(port, path) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const text = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
  let received = "";
  let waiting;
  socket.setEncoding("latin1");
  socket.on("data", (chunk) => {
    received += chunk;
    const head = received.indexOf(END_OF_HEAD);
    if (head === -1) return;
    const length = Number(/\r\ncontent-length: (\d+)/iu.exec(received)[1]);
    if (received.length < head + END_OF_HEAD.length + length) return;
    const status = Number(received.slice(9, 12));
    received = "";
    waiting.resolve(status);
  });
  socket.on("error", (error) => waiting?.reject(error));
  socket.on("close", () => waiting?.reject(new Error("The server has closed the connection.")));
  return {
    ask: () =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(text);
      }),
    end: () => socket.destroy(),
  };
}
