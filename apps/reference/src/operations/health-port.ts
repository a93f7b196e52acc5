import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { StartError, type Settings } from "./settings.ts";

/**
 * A port that says one thing. Folio answers to its own name alone, and load balancers ask by address: asked at the port of the application they
 * are refused, and each refusal is an event.
 *
 * @throws StartError when the port is taken
 */
export async function openHealthPort(
  { healthPort, host }: Pick<Settings, "healthPort" | "host">,
  ready: () => boolean,
): Promise<Server | undefined> {
  if (healthPort === undefined) return undefined;
  const server = createServer({ maxHeaderSize: 4_096, requestTimeout: 5_000 }, ({ method, url }, response) => {
    const asked = method === "GET" && url === "/healthz";
    response.writeHead(asked ? (ready() ? 200 : 503) : 404, { connection: "close" }).end();
  });
  server.maxConnections = 64;
  server.listen(healthPort, host);
  try {
    await once(server, "listening");
  } catch {
    throw new StartError(`Port ${healthPort} on ${host} is taken. Set HEALTH_PORT to another number.`);
  }
  return server;
}
