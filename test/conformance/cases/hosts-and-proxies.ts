import { get, request, type Case } from "../case.ts";

const wrong = { status: 421, reason: "host_not_allowed", nothingRan: true } as const;

export const HOSTS_AND_PROXIES: readonly Case[] = [
  { name: "another host", send: [get("/", { Host: "evil.test" })], expect: wrong },
  { name: "a host that ends like ours", send: [get("/", { Host: "evilapp.example.com" })], expect: wrong },
  { name: "a host that begins like ours", send: [get("/", { Host: "app.example.com.evil.test" })], expect: wrong },
  { name: "our host on another port", send: [get("/", { Host: "app.example.com:8443" })], expect: wrong },
  {
    name: "our host with the default port",
    send: [get("/", { Host: "app.example.com:443" })],
    expect: { status: 200 },
  },
  { name: "our host in capitals", send: [get("/", { Host: "APP.Example.COM" })], expect: { status: 200 } },
  { name: "an address as host", send: [get("/", { Host: "127.0.0.1" })], expect: wrong },
  {
    name: "X-Forwarded-Host changes nothing",
    send: [get("/", { "X-Forwarded-Host": "evil.test" })],
    expect: { status: 200 },
  },
  { name: "another host on a path that does not exist", send: [get("/nothing", { Host: "evil.test" })], expect: wrong },
  {
    name: "the client address comes from the trusted proxy",
    send: [get("/", { "X-Forwarded-For": "203.0.113.7" })],
    expect: { status: 200, body: /"client":"203\.0\.113\.7"/u },
  },
  {
    name: "what the client itself forwarded is not believed",
    send: [get("/", { "X-Forwarded-For": "10.9.9.9, 203.0.113.8" })],
    expect: { status: 200, body: /"client":"203\.0\.113\.8"/u },
  },
  {
    name: "a forwarded address that is none",
    send: [get("/", { "X-Forwarded-For": "evil" })],
    expect: { status: 200, body: /"client":"127\.0\.0\.1"/u },
  },
  {
    name: "an IPv6 client",
    send: [get("/", { "X-Forwarded-For": "2001:db8::1" })],
    expect: { status: 200, body: /"client":"2001:db8::1"/u },
  },
  {
    name: "an API call over plain HTTP",
    send: [get("/", { "X-Forwarded-Proto": "http" })],
    expect: {
      status: 403,
      reason: "insecure_transport",
      headers: { "strict-transport-security": null },
      nothingRan: true,
    },
  },
  {
    name: "a page over plain HTTP is redirected to the configured origin",
    send: [get("/page?a=1", { "X-Forwarded-Proto": "http", Accept: "text/html", "Sec-Fetch-Mode": "navigate" })],
    expect: { status: 308, headers: { location: "https://app.example.com/page?a=1" }, nothingRan: true },
  },
  {
    name: "the scheme of a WebSocket over TLS is no plain HTTP",
    send: [get("/", { "X-Forwarded-Proto": "wss" })],
    expect: { status: 200, body: /"scheme":"https"/u },
  },
  {
    name: "an unstated scheme is plain HTTP",
    send: [get("/", { "X-Forwarded-Proto": null })],
    expect: { status: 403, reason: "insecure_transport" },
  },
  {
    name: "HTTP/1.0 without Host",
    send: [request("GET /", { Host: null }).replace("HTTP/1.1", "HTTP/1.0")],
    expect: { status: 400, closed: true },
  },
  {
    name: "HTTP/1.0 with Host is served and closed",
    send: [get("/").replace("HTTP/1.1", "HTTP/1.0")],
    expect: { status: 200, closed: true },
  },
];
