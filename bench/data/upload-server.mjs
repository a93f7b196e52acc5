/** Receives what the benchmark sends: piped to a file and nothing more, or as an upload. It tells of the memory that it took. */
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import express from "express";
import { glacis, publicAccess } from "glacis";
import { localStorage } from "glacis/data";
import { access, requestOf, secureExpress } from "glacis/express";
import { uploads } from "glacis/input";
import { requestLimits } from "glacis/network";
import { bareLayers } from "glacis/testing";

const MIB = 1024 * 1024;
const root = mkdtempSync(join(tmpdir(), "bench-upload-"));
const storage = localStorage({ root: join(root, "files") });
const upload = uploads({ storage, accept: ["png"], maxBytes: 128 * MIB, maxFiles: 1 });

async function pipe(request, response) {
  const path = join(root, "piped");
  await pipeline(request, createWriteStream(path));
  const file = await open(path);
  await file.sync();
  await file.close();
  rmSync(path);
  response.end();
}

const app = express();
secureExpress(app, glacis(bareLayers({ body: requestLimits({ bodyCeilingBytes: upload.bodyBytes }).body })));
app.post("/upload", access(publicAccess("a benchmark"), { bodyBytes: upload.bodyBytes }), async (request, response) => {
  const { files } = await upload.receive(requestOf(request));
  for (const file of files) await upload.remove(file);
  response.end();
});

let peak = 0;
let spent = process.cpuUsage();
const sample = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5);
process.on("message", (message) => {
  if (message === "reset") {
    globalThis.gc?.();
    peak = process.memoryUsage.rss();
    spent = process.cpuUsage();
    process.send({ rss: peak });
  } else if (message === "peak") {
    const { user, system } = process.cpuUsage(spent);
    process.send({ rss: peak, processor: (user + system) / 1000 });
  } else {
    clearInterval(sample);
    rmSync(root, { recursive: true });
    process.exit();
  }
});

const bare = createServer((request, response) => void pipe(request, response)).listen(0, "127.0.0.1", () => {
  const guarded = app.listen(0, "127.0.0.1", () => {
    process.send({ pipe: bare.address().port, upload: guarded.address().port });
  });
});
