/** node:http: nothing, and the hand-inlined guard. */
import { createServer } from "node:http";
import { created, page } from "../application.mjs";
import { guard } from "../guard.mjs";
import { listen } from "../listen.mjs";

function sendPage(response, user, nonce) {
  const body = page(user, nonce);
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

function sendItem(response, item) {
  const body = JSON.stringify(created(item));
  response.writeHead(201, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

function bare() {
  const server = createServer((request, response) => {
    if (request.method === "GET") {
      sendPage(response, "anonymous", undefined);
      return;
    }
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => sendItem(response, JSON.parse(Buffer.concat(chunks).toString())));
  });
  return listen(server);
}

function guarded(limit) {
  const { enter, readJson, signIn, serverLimits } = guard(limit);
  const server = createServer((request, response) => {
    const admitted = enter(request, response);
    if (admitted === undefined) return;
    if (request.url === "/sign-in") {
      signIn(response);
    } else if (request.method === "GET") {
      sendPage(response, admitted.user ?? "anonymous", admitted.nonce);
    } else {
      readJson(request, response, (item) => sendItem(response, item));
    }
  });
  return listen(serverLimits(server));
}

export const stacks = { bare, guard: guarded };
