import type { AttackMatrixOptions } from "glacis/testing";
import { PASSWORD } from "./attack-matrix-support.ts";

export const OBJECTS: AttackMatrixOptions["objects"] = {
  document: ["member", "editor", "reader", "viewer"],
  draft: ["member"],
  memo: ["admin", "reader"],
};

const readers = ["member", "editor", "reader", "viewer"];
const editors = ["member", "editor"];
const owner = ["member"];
const writers = ["admin", "member", "editor", "reader"];

const document = { id: "{document}" };
const share = { id: "{document}", userId: "{reader.id}" };
const text = { title: "Changed", body: "Changed" };
const form = { ...text, link: "", version: "1" };
const sharing = { userId: "{admin.id}", permission: "view" };
const password = { current: PASSWORD, password: "another walk by the sea" };

/** One honest request of each route. */
export const CASES: AttackMatrixOptions["cases"] = {
  "GET /": { allowed: "everyone" },
  "GET /healthz": { allowed: "everyone" },
  "GET /robots.txt": { allowed: "everyone" },
  "GET /assets/:file": { waived: "static files from the image; the name must be one of the list" },
  "GET /sign-up": { allowed: "everyone" },
  "POST /sign-up": {
    changes: ["tenants", "users", "memberships", "credentials"],
    json: { workspace: "New", name: "Newcomer", email: "new@newcomer.test", password: PASSWORD },
    allowed: "everyone",
  },
  "GET /sign-in": { allowed: "everyone" },
  "POST /sign-in": {
    json: { email: "{member.email}", password: PASSWORD },
    allowed: "everyone",
    changes: ["glacis_sessions"],
  },
  "POST /sign-out": { json: {}, self: true },
  "GET /people": { shows: ["{reader.name}", "{admin.email}"] },
  "GET /settings": { self: true },
  "POST /settings/profile": { form: { name: "Renamed" }, self: true },
  "POST /settings/password": { form: password, self: true, changes: ["credentials", "glacis_sessions"] },
  "POST /settings/sessions/end-others": { form: {}, self: true },
  "GET /documents": [
    { shows: ["{document}", "{draft}", "{memo}"] },
    { query: { after: "{document}" } },
    { query: { q: "Plan", sort: "title" } },
  ],
  "GET /documents/new": { allowed: writers },
  "POST /documents": { form: { ...text, link: "" }, allowed: writers },
  "GET /documents/:id": { params: document, allowed: readers, shows: ["{member.name}"] },
  "GET /documents/:id/edit": { params: document, allowed: editors },
  "POST /documents/:id": { params: document, form, allowed: editors },
  "GET /documents/:id/delete": { params: document, allowed: owner },
  "POST /documents/:id/delete": { params: document, form: {}, allowed: owner },
  "POST /documents/:id/shares": { params: document, form: sharing, allowed: owner },
  "POST /documents/:id/shares/:userId/remove": { params: share, form: {}, allowed: owner },
  "POST /documents/:id/preview": { params: document, form: {}, allowed: readers, changes: [] },
  "POST /api/preview": { waived: "asks a site on the internet for what a user named; it reads nothing of any tenant" },
  "GET /api/csrf": { allowed: "everyone" },
  "GET /api/me": { self: true, shows: ["{tenant}"] },
  "POST /api/profile": { json: { name: "Renamed" }, self: true },
  "POST /api/password": { json: password, self: true, changes: ["credentials", "glacis_sessions"] },
  "GET /api/admin/users": { allowed: ["admin"], shows: ["{member.id}"] },
  "PATCH /api/people/:id": {
    params: { id: "{reader.id}" },
    json: { role: "viewer" },
    allowed: ["admin"],
    changes: ["memberships", "glacis_sessions"],
  },
  "DELETE /api/people/:id": {
    params: { id: "{reader.id}" },
    allowed: ["admin"],
    changes: ["memberships", "glacis_sessions"],
  },
  "GET /api/documents": [{ shows: ["{document}", "{draft}", "{memo}"] }, { query: { after: "{document}" } }],
  "POST /api/documents": { json: text, allowed: writers },
  "GET /api/documents/:id": { params: document, allowed: readers, shows: ["{member.name}"] },
  "PUT /api/documents/:id": { params: document, json: text, allowed: editors },
  "PATCH /api/documents/:id": { params: document, json: { title: "Changed" }, allowed: editors },
  "DELETE /api/documents/:id": { params: document, allowed: owner },
  "GET /api/documents/:id/shares": { params: document, allowed: owner, shows: ["{reader.email}"] },
  "POST /api/documents/:id/shares": [
    { params: document, json: sharing, allowed: owner },
    { params: document, json: { userId: "{reader.id}", permission: "edit" }, allowed: owner },
  ],
  "DELETE /api/documents/:id/shares/:userId": { params: share, allowed: owner },
};
