/** The server of `bench/outbound.mjs`: key and certificate as files, its port as a message. */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";

const [key, cert] = process.argv.slice(2).map((file) => readFileSync(file));
const json = JSON.stringify({ text: "a".repeat(1000) });
const page = Buffer.alloc(200_000, "a");

const server = createServer({ key, cert, keepAlive: true }, (request, response) => {
  response.setHeader("content-type", request.url === "/json" ? "application/json" : "text/plain");
  response.end(request.url === "/json" ? json : page);
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
