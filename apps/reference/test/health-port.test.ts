import type { AddressInfo } from "node:net";
import { createServer } from "node:http";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { freePort } from "../../../test/support/free-port.ts";
import { openHealthPort } from "../src/operations/health-port.ts";
import { readSettings } from "../src/operations/settings.ts";

const open: { close(): void }[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

describe("the port for health checks", () => {
  it("says whether the application is ready, whatever the host, and nothing else", async () => {
    const healthPort = await freePort();
    let ready = false;
    const server = await openHealthPort({ healthPort, host: "127.0.0.1" }, () => ready);
    if (server !== undefined) open.push(server);
    const ask = async (path: string, method = "GET"): Promise<string> => {
      const response = await fetch(`http://127.0.0.1:${healthPort}${path}`, { method });
      return `${response.status} ${await response.text()}`;
    };
    expect(await ask("/healthz")).toBe("503 ");
    ready = true;
    expect(await ask("/healthz")).toBe("200 ");
    expect(await ask("/login")).toBe("404 ");
    expect(await ask("/healthz", "POST")).toBe("404 ");
  });

  it("is closed unless it is asked for", async () => {
    expect(readSettings([], {}).healthPort).toBeUndefined();
    expect(await openHealthPort({ healthPort: undefined, host: "127.0.0.1" }, () => true)).toBeUndefined();
    expect(readSettings([], { HEALTH_PORT: "3001" }).healthPort).toBe(3001);
    expect(() => readSettings([], { HEALTH_PORT: "http" })).toThrow("HEALTH_PORT must be a number from 1 to 65535");
  });

  it("says which variable to change when it is taken", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    open.push(holder);
    const { port } = holder.address() as AddressInfo;
    await expect(openHealthPort({ healthPort: port, host: "127.0.0.1" }, () => true)).rejects.toThrow("HEALTH_PORT");
  });
});
