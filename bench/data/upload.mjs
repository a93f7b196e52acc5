/** A file of 100 MB over a socket to the disk: piped and synced, which is the least, and as an upload that is hashed, judged and kept. */
import { fork } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { crc32 } from "node:zlib";
import { median, printTable, rounded, saveResults } from "../harness.mjs";

const MEGABYTES = 100;
const CHUNK_BYTES = 1_000_000;
const HEAD = '--b\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\ncontent-type: image/png\r\n\r\n';

function pngChunk(type, data) {
  const whole = Buffer.alloc(data.length + 12);
  whole.writeUInt32BE(data.length);
  whole.write(type, 4, "latin1");
  data.copy(whole, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, -4)), whole.length - 4);
  return whole;
}

/** A picture of a hundred chunks of noise, the same one again and again, in a form. */
function form() {
  const header = Buffer.from("000003e8000003e80802000000", "hex");
  const noise = pngChunk("IDAT", randomFillSync(Buffer.alloc(CHUNK_BYTES - 12)));
  return [
    Buffer.concat([Buffer.from(HEAD), Buffer.from("89504e470d0a1a0a", "hex"), pngChunk("IHDR", header)]),
    ...Array.from({ length: MEGABYTES }, () => noise),
    Buffer.concat([pngChunk("IEND", Buffer.alloc(0)), Buffer.from("\r\n--b--\r\n")]),
  ];
}

async function send(port, path, parts) {
  const start = process.hrtime.bigint();
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const headers = { "content-type": "multipart/form-data; boundary=b", "content-length": length };
  const call = request({ port, host: "127.0.0.1", path, method: "POST", headers, agent: false });
  const answered = once(call, "response");
  for (const part of parts) if (!call.write(part)) await once(call, "drain");
  call.end();
  const [response] = await answered;
  response.resume();
  await once(response, "end");
  if (response.statusCode !== 200) throw new Error(`The upload was answered with ${response.statusCode}.`);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/** Saves the speed of both and the memory that the upload took, as medians over the rounds; the two take turns. */
export async function measureUpload(rounds) {
  const server = fork(new URL("upload-server.mjs", import.meta.url), {
    execArgv: ["--expose-gc"],
    env: { ...process.env, NODE_ENV: "test" },
  });
  const ask = async (message) => {
    server.send(message);
    const [answer] = await once(server, "message");
    return { memory: answer.rss / 1e6, processor: answer.processor };
  };
  const [ports] = await once(server, "message");
  const parts = form();
  const times = { pipe: [], upload: [] };
  const processor = { pipe: [], upload: [] };
  const growth = [];
  for (let round = -1; round < rounds; round += 1) {
    for (const path of round % 2 === 0 ? ["pipe", "upload"] : ["upload", "pipe"]) {
      const before = await ask("reset");
      const seconds = await send(ports[path], `/${path}`, parts);
      const after = await ask("peak");
      // The first round warms up.
      if (round < 0) continue;
      times[path].push(seconds);
      processor[path].push(after.processor);
      if (path === "upload") growth.push(after.memory - before.memory);
    }
  }
  server.send("end");
  await once(server, "exit");
  const speed = (seconds) => rounded(MEGABYTES / median(seconds));
  const result = {
    megabytesPerSecond: { pipe: speed(times.pipe), upload: speed(times.upload) },
    shareOfThePipe: rounded(median(times.pipe) / median(times.upload)),
    processorMilliseconds: {
      pipe: Math.round(median(processor.pipe)),
      upload: Math.round(median(processor.upload)),
    },
    memoryGrowthMegabytes: rounded(median(growth)),
    mostMemoryGrowthMegabytes: rounded(Math.max(...growth)),
  };
  const row = (label, path, share) => [
    label,
    String(result.megabytesPerSecond[path]),
    share.toFixed(2),
    String(result.processorMilliseconds[path]),
  ];
  console.log("\na file of 100 MB to the disk");
  printTable([
    ["", "MB/s", "share", "ms of processor"],
    row("piped and synced (limit)", "pipe", 1),
    row("as an upload", "upload", result.shareOfThePipe),
  ]);
  console.log(`memory: ${result.memoryGrowthMegabytes} MB more while it arrives`);
  saveResults("upload", { rounds, unit: "megabytes a second, from the first byte to the answer", ...result });
}
