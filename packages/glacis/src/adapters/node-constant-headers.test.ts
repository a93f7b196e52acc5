import { once } from "node:events";
import { createServer, IncomingMessage, ServerResponse } from "node:http";
import { connect, Socket, type AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { ConstantHeaders } from "../core/response.ts";
import { canInsert, writeHeadWith } from "./node-constant-headers.ts";

function constantsOf(values: Readonly<Record<string, string>>): ConstantHeaders {
  return { names: Object.keys(values), values: new Map(Object.entries(values)) };
}

describe("headers that are the same on every response", () => {
  it("can be sent as text by the Node that runs this", () => {
    expect(canInsert()).toBe(true);
  });

  it.each([
    ["a body that is there", (response: ServerResponse) => response.end("body"), "4\r\nbody\r\n0\r\n\r\n"],
    ["none", (response: ServerResponse) => response.end(), "0\r\n\r\n"],
    [
      "a body in pieces",
      (response: ServerResponse) => {
        response.write("bo");
        response.end("dy");
      },
      "2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n",
    ],
    [
      "a head that goes out alone",
      (response: ServerResponse) => {
        response.flushHeaders();
        setImmediate(() => response.end("body"));
      },
      "4\r\nbody\r\n0\r\n\r\n",
    ],
  ])("stand once in the head in front of %s", async (_, answer, body) => {
    const constants = constantsOf({ "x-constant": "1", "x-other": "2" });
    const server = createServer((_request, response) => {
      writeHeadWith(response, 200, undefined, ["x-own", "3"], constants);
      answer(response);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    const [head, ...rest] = (await text(socket)).split("\r\n\r\n");
    server.close();
    const lines = head?.split("\r\n") ?? [];
    expect(lines.slice(0, 4)).toEqual(["HTTP/1.1 200 OK", "x-constant: 1", "x-other: 2", "x-own: 3"]);
    expect(lines.filter((line) => line.startsWith("x-"))).toHaveLength(3);
    expect(rest.join("\r\n\r\n")).toBe(body);
  });

  it.each([
    ["a name that is none", { "x constant": "1" }],
    ["a value with a line of its own", { "x-constant": "1\r\nset-cookie: stolen=1" }],
    ["a value beyond Latin-1", { "x-constant": "\u{1f600}" }],
  ])("are refused with %s, and no head is written", (_, values) => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const constants = constantsOf(values);
    for (let time = 0; time < 2; time += 1)
      expect(() => writeHeadWith(response, 200, undefined, ["x-own", "3"], constants)).toThrow(TypeError);
    expect(response.headersSent).toBe(false);
  });

  it("do not get into another head, when the one that they were for could not be written", () => {
    const [broken, next] = [0, 1].map(() => new ServerResponse(new IncomingMessage(new Socket())));
    const write = (response: ServerResponse | undefined, own: string, constant: string): void =>
      writeHeadWith(
        response as ServerResponse,
        200,
        undefined,
        ["x-own", own],
        constantsOf({ "x-constant": constant }),
      );
    expect(() => write(broken, "1\r\n", "first")).toThrow(TypeError);
    write(next, "1", "second");
    const { _header: head } = next as unknown as { readonly _header: string };
    expect(head.match(/x-constant: \w+/gu)).toEqual(["x-constant: second"]);
  });
});
