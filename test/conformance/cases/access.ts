import { get, post, request, type Case } from "../case.ts";

const unauthenticated = { status: 401, reason: "unauthenticated", nothingRan: true } as const;
const forbidden = { status: 403, reason: "forbidden", nothingRan: true } as const;
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

export const ACCESS: readonly Case[] = [
  { name: "a public route", send: [get("/")], expect: { status: 200, body: /"who":"anonymous"/u } },
  { name: "a protected route without a session", send: [get("/documents")], expect: unauthenticated },
  {
    name: "a protected route with a session",
    send: ({ cookie }) => [get("/documents", { Cookie: cookie.ada })],
    expect: { status: 200, body: /"who":"ada"/u },
  },
  {
    name: "a session that does not exist",
    send: [get("/documents", { Cookie: `__Host-session=${"A".repeat(43)}` })],
    expect: unauthenticated,
  },
  {
    name: "two session cookies",
    send: ({ cookie }) => [get("/documents", { Cookie: `${cookie.ada}; ${cookie.admin}` })],
    expect: { status: 401, nothingRan: true },
  },
  {
    name: "the route's pattern is known",
    send: ({ cookie }) => [get("/documents/7", { Cookie: cookie.ada })],
    expect: { status: 200, body: /"params":\{"id":"7"\}.*"pattern":"\/documents\/:id"/u },
  },
  {
    name: "handlers run inside the request's context",
    send: ({ cookie }) => [get("/documents/7", { Cookie: cookie.ada })],
    expect: { status: 200, body: /"inContext":true/u },
  },
  {
    name: "a role that is missing",
    send: ({ cookie }) => [get("/admin-role", { Cookie: cookie.ada })],
    expect: forbidden,
  },
  {
    name: "a role that is there",
    send: ({ cookie }) => [get("/admin-role", { Cookie: cookie.admin })],
    expect: { status: 200 },
  },
  {
    name: "an assurance level that is not reached",
    send: ({ cookie }) => [get("/two-factors", { Cookie: cookie.ada })],
    expect: { status: 401, reason: "step_up_required", nothingRan: true },
  },
  {
    name: "a policy that permits",
    send: ({ cookie }) => [get("/policy", { Cookie: cookie.ada })],
    expect: { status: 200 },
  },
  {
    name: "a policy that refuses",
    send: ({ cookie }) => [get("/policy", { Cookie: cookie.admin })],
    expect: forbidden,
  },
  {
    name: "a policy that throws",
    send: ({ cookie }) => [get("/policy-throws", { Cookie: cookie.ada })],
    expect: { status: 503, reason: "control_failed", nothingRan: true, event: "sys_control_failed" },
  },
  {
    name: "a policy that never answers",
    send: ({ cookie }) => [get("/policy-hangs", { Cookie: cookie.ada })],
    listening: { silenceMs: 1500 },
    expect: { status: 503, reason: "control_failed", nothingRan: true },
  },
  {
    name: "a control that throws before routing",
    send: [get("/broken-open")],
    expect: { status: 503, reason: "control_failed", nothingRan: true },
  },
  {
    name: "HEAD keeps the access rule",
    send: [request("HEAD /documents")],
    listening: { head: true },
    expect: { status: 401, nothingRan: true },
  },
  {
    name: "HEAD with a session",
    send: ({ cookie }) => [request("HEAD /documents", { Cookie: cookie.ada })],
    listening: { head: true },
    expect: { status: 200, body: "" },
  },
  {
    name: "HEAD in a group keeps the group's rule",
    send: ({ cookie }) => [request("HEAD /admin/users", { Cookie: cookie.ada })],
    listening: { head: true },
    expect: { status: 403, nothingRan: true },
  },
  {
    name: "OPTIONS is no way in",
    send: [request("OPTIONS /documents")],
    expect: { status: 405, reason: "method_not_allowed", nothingRan: true },
  },
  {
    name: "OPTIONS in a group is no way in",
    send: [request("OPTIONS /admin/users")],
    expect: { status: { oneOf: [401, 405] }, nothingRan: true },
  },
  {
    name: "another method of a path says which it has",
    send: [request("DELETE /documents")],
    expect: { status: 405, reason: "method_not_allowed", headers: { allow: "GET, HEAD, POST" }, nothingRan: true },
  },
  {
    name: "another method of a path with a parameter",
    send: [request("PATCH /documents/7")],
    expect: { status: 405, headers: { allow: "DELETE, GET, HEAD, PUT" }, nothingRan: true },
  },
  {
    name: "another method of a path in a group",
    send: ({ cookie, adminToken }) => [
      request("DELETE /admin/users", {
        Cookie: cookie.admin,
        "X-CSRF-Token": adminToken,
        Origin: "https://app.example.com",
      }),
    ],
    expect: { status: 405, headers: { allow: "GET, HEAD, POST" }, nothingRan: true },
  },
  { name: "every method of a route for all", send: [request("PUT /any")], expect: { status: 200, ran: "ALL /any" } },
  {
    name: "a path that differs by a trailing slash never answers without the rule",
    send: [get("/documents/")],
    expect: { status: { oneOf: [401, 404] }, nothingRan: true },
  },
  {
    name: "a path that differs by case never answers without the rule",
    send: [get("/DOCUMENTS")],
    expect: { status: { oneOf: [401, 404] }, nothingRan: true },
  },
  {
    name: "an encoded letter in the path never answers without the rule",
    send: [get("/%64ocuments")],
    expect: { status: { oneOf: [401, 404] }, nothingRan: true },
  },
  {
    name: "a double slash never answers without the rule",
    send: [get("//documents")],
    expect: { status: { oneOf: [401, 404] }, nothingRan: true },
  },
  {
    name: "an encoded slash never answers without the rule",
    send: [get("/admin%2fusers")],
    expect: { status: { oneOf: [401, 403, 404] }, nothingRan: true },
  },
  {
    name: "a semicolon never answers without the rule",
    send: [get("/documents;x=1")],
    expect: { status: { oneOf: [401, 404] }, nothingRan: true },
  },
  { name: "a group without a session", send: [get("/admin/users")], expect: unauthenticated },
  {
    name: "a group with the wrong role",
    send: ({ cookie }) => [get("/admin/users", { Cookie: cookie.ada })],
    expect: forbidden,
  },
  {
    name: "a group with the role",
    send: ({ cookie }) => [get("/admin/users/3", { Cookie: cookie.admin })],
    expect: { status: 200, body: /"id":"3"/u },
  },
  {
    name: "a rule inside a group narrows it",
    send: ({ cookie }) => [get("/admin/root", { Cookie: cookie.admin })],
    expect: forbidden,
  },
  {
    name: "a rule inside a group, met",
    send: ({ cookie }) => [get("/admin/root", { Cookie: cookie.root })],
    expect: { status: 200, body: /"who":"root"/u },
  },
  {
    name: "a group's path in capitals never answers without the rule",
    send: [get("/ADMIN/users")],
    expect: { status: { oneOf: [401, 404] }, nothingRan: true },
  },
  {
    name: "a path below a group that does not exist",
    send: ({ cookie }) => [get("/admin/nothing", { Cookie: cookie.admin })],
    expect: { status: 404, nothingRan: true },
  },
  {
    name: "a body in a group",
    send: ({ cookie, adminToken }) => [
      post("/admin/users", '{"a":1}', {
        Cookie: cookie.admin,
        "X-CSRF-Token": adminToken,
        Origin: "https://app.example.com",
      }),
    ],
    expect: { status: 200, body: '{"body":{"a":1}}' },
  },
  {
    name: "CSRF: a cross-site form post",
    send: ({ cookie }) => [
      post("/documents", "a=1", {
        ...FORM,
        Cookie: cookie.ada,
        Origin: "https://evil.test",
        "Sec-Fetch-Site": "cross-site",
      }),
    ],
    expect: { status: 403, reason: "csrf_failed", nothingRan: true },
  },
  {
    name: "CSRF: no token",
    send: ({ cookie }) => [post("/documents", "{}", { Cookie: cookie.ada, Origin: "https://app.example.com" })],
    expect: { status: 403, reason: "csrf_failed", nothingRan: true },
  },
  {
    name: "CSRF: the token in a header",
    send: ({ cookie, token }) => [
      post("/documents", '{"a":1}', { Cookie: cookie.ada, "X-CSRF-Token": token, Origin: "https://app.example.com" }),
    ],
    expect: { status: 200, body: /"a":1/u },
  },
  {
    name: "CSRF: the token in a form field",
    send: ({ cookie, token }) => [
      post("/documents", `a=1&csrf_token=${token}`, { ...FORM, Cookie: cookie.ada, Origin: "https://app.example.com" }),
    ],
    expect: { status: 200, body: /"a":"1"/u },
  },
  {
    name: "CSRF: a form without the field",
    send: ({ cookie }) => [
      post("/documents", "a=1", { ...FORM, Cookie: cookie.ada, Origin: "https://app.example.com" }),
    ],
    expect: { status: 403, reason: "csrf_failed", nothingRan: true },
  },
  {
    name: "CSRF: another session's token",
    send: ({ cookie, adminToken }) => [
      post("/documents", `csrf_token=${adminToken}`, {
        ...FORM,
        Cookie: cookie.ada,
        Origin: "https://app.example.com",
      }),
    ],
    expect: { status: 403, reason: "csrf_failed", nothingRan: true },
  },
  {
    name: "CSRF: JSON sent as text",
    send: ({ cookie }) => [post("/documents", "{}", { "Content-Type": "text/plain", Cookie: cookie.ada })],
    expect: { status: 403, reason: "csrf_failed", nothingRan: true },
  },
  {
    name: "a route that is exempt needs no token",
    send: ({ cookie }) => [post("/public", "{}", { Cookie: cookie.ada })],
    expect: { status: 200 },
  },
  {
    name: "signing in sets a cookie of the strict kind",
    send: [post("/sign-in", "{}")],
    expect: { status: 200, headers: { "set-cookie": /^__Host-session=[\w-]+;.*Secure/u } },
  },
];
