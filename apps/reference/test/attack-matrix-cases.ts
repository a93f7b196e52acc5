import type { AttackMatrixOptions } from "glacis/testing";
import { PASSWORD } from "./attack-matrix-support.ts";

export const OBJECTS: AttackMatrixOptions["objects"] = { document: ["member", "editor", "viewer"], draft: ["member"] };

const readers = ["member", "editor", "viewer"];
const editors = ["member", "editor"];
const owner = ["member"];
const writers = ["admin", "member", "editor", "colleague"];

const document = { id: "{document}" };
const share = { id: "{document}", userId: "{viewer.id}" };
const text = { title: "Changed", body: "Changed" };
const form = { ...text, link: "", version: "1" };
const sharing = { userId: "{colleague.id}", permission: "view" };
const password = { current: PASSWORD, password: "another walk by the sea" };

/** One honest request of each route. */
export const CASES: AttackMatrixOptions["cases"] = {
  "GET /": { allowed: "everyone" },
  "GET /healthz": { allowed: "everyone" },
  "GET /robots.txt": { allowed: "everyone" },
  "GET /assets/:file": { waived: "static files from the image; the name must be one of the list" },
  "GET /sign-up": { allowed: "everyone" },
  "POST /sign-up": {
    json: { workspace: "New", name: "Newcomer", email: "new@newcomer.test", password: PASSWORD },
    allowed: "everyone",
  },
  "GET /sign-in": { allowed: "everyone" },
  "POST /sign-in": { json: { email: "{member.email}", password: PASSWORD }, allowed: "everyone" },
  "POST /sign-out": { json: {} },
  "GET /people": {},
  "GET /settings": {},
  "POST /settings/profile": { form: { name: "Renamed" } },
  "POST /settings/password": { form: password },
  "POST /settings/sessions/end-others": { form: {} },
  "GET /documents": [{}, { query: { after: "{document}" } }, { query: { q: "Plan", sort: "title" } }],
  "GET /documents/new": { allowed: writers },
  "POST /documents": { form: { ...text, link: "" }, allowed: writers },
  "GET /documents/:id": { params: document, allowed: readers },
  "GET /documents/:id/edit": { params: document, allowed: editors },
  "POST /documents/:id": { params: document, form, allowed: editors },
  "GET /documents/:id/delete": { params: document, allowed: owner },
  "POST /documents/:id/delete": { params: document, form: {}, allowed: owner },
  "POST /documents/:id/shares": { params: document, form: sharing, allowed: owner },
  "POST /documents/:id/shares/:userId/remove": { params: share, form: {}, allowed: owner },
  "GET /api/csrf": { allowed: "everyone" },
  "GET /api/me": {},
  "POST /api/profile": { json: { name: "Renamed" } },
  "POST /api/password": { json: password },
  "GET /api/admin/users": { allowed: ["admin"] },
  "GET /api/documents": [{}, { query: { after: "{document}" } }],
  "POST /api/documents": { json: text, allowed: writers },
  "GET /api/documents/:id": { params: document, allowed: readers },
  "PUT /api/documents/:id": { params: document, json: text, allowed: editors },
  "PATCH /api/documents/:id": { params: document, json: { title: "Changed" }, allowed: editors },
  "DELETE /api/documents/:id": { params: document, allowed: owner },
  "GET /api/documents/:id/shares": { params: document, allowed: owner },
  "POST /api/documents/:id/shares": { params: document, json: sharing, allowed: owner },
  "DELETE /api/documents/:id/shares/:userId": { params: share, allowed: owner },
};
