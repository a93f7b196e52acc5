/** A server that checks passwords, in a process of its own; with `direct` on request it checks them without any server, which is the limit. */
import { createServer } from "node:http";
import { hashingLine, passwordHashing } from "glacis/authentication";

const PASSWORD = "a password of the benchmark";
const passwords = passwordHashing();
const alone = passwordHashing({ line: hashingLine({ waiting: 1000 }) });
const { encoded } = await passwords.hash(PASSWORD);
const account = { userId: "user-1", stored: encoded };
const verify = (hashing) => hashing.verify(PASSWORD, account, Date.now());

const server = createServer((request, response) => {
  if (request.url === "/page") return response.writeHead(200, { "content-length": 2 }).end("ok");
  verify(passwords).then(({ kind }) =>
    response.writeHead(kind === "verified" ? 200 : 503, { "content-length": 0 }).end(),
  );
});
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));

process.on("message", async ({ directMs }) => {
  if (directMs === undefined) return process.send({ residentMiB: process.memoryUsage().rss / 1_048_576 });
  const start = performance.now();
  let done = 0;
  const work = async () => {
    while (performance.now() - start < directMs) {
      await verify(alone);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  process.send({ perSecond: (done * 1000) / (performance.now() - start) });
});
process.on("disconnect", () => process.exit());
