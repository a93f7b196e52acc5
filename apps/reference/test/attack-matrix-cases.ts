import type { AttackMatrixOptions } from "glacis/testing";
import { PASSWORD } from "./attack-matrix-support.ts";

export const OBJECTS: AttackMatrixOptions["objects"] = {
  document: ["member", "editor", "reader", "viewer"],
  draft: ["member"],
  memo: ["admin", "reader", "guest"],
  key: ["admin"],
  webhook: ["admin"],
  attachment: ["member", "editor", "reader", "viewer"],
  scan: ["admin", "reader", "guest"],
};

const readers = ["member", "editor", "reader", "viewer"];
const editors = ["member", "editor"];
const owner = ["member"];
/** Whoever has pages; a program has none. */
const humans = ["admin", "member", "editor", "reader", "guest", "viewer"];
const newKey = { name: "Export", access: "read", days: "90" };
const writers = ["admin", "member", "editor", "reader", "guest"];

const document = { id: "{document}" };
const share = { id: "{document}", userId: "{reader.id}" };
const attached = { id: "{document}", attachmentId: "{attachment}" };
const attachment = { id: "{attachment}" };
const file = {
  type: "multipart/form-data; boundary=limit",
  text: '--limit\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\ncontent-type: text/plain\r\n\r\nhello\r\n--limit--\r\n',
};
const text = { title: "Changed", body: "Changed" };
const form = { ...text, link: "", version: "1" };
const sharing = { userId: "{admin.id}", permission: "view" };
const password = { current_password: PASSWORD, password: "another walk by the sea" };
const link = { waived: "needs a link that works once and was mailed; sign-up.test.ts tries what a wrong one does" };
const mailed = { waived: "answers everybody alike and leaves a mail; the library's own tests hold that" };
const passkey = { waived: "needs the answer of an authenticator; second-factors-browser.test.ts has one" };
const code = { waived: "needs a code of an authenticator app; second-factors.test.ts has one" };
const colleague = { params: { id: "{reader.id}" }, allowed: ["admin"], changes: ["memberships", "glacis_sessions"] };
/** With somebody goes what was shared with him. */
const gone = { ...colleague, params: { id: "{guest.id}" }, changes: [...colleague.changes, "document_shares"] };

const provided = { waived: "needs an identity provider that answers; single-sign-on.test.ts has one" };
const owned = { waived: "is for owners, of whom there is none here; support.test.ts has one" };
const staffed = { waived: "is for Folio's own staff with two fresh factors; support.test.ts has some" };

/** One honest request of each route. Where nobody is named it is for everybody who has pages. */
const ROUTES: AttackMatrixOptions["cases"] = {
  "GET /": { allowed: "everyone" },
  "GET /healthz": { allowed: "everyone" },
  "GET /robots.txt": { allowed: "everyone" },
  "GET /assets/:file": { waived: "static files from the image; the name must be one of the list" },
  "GET /sign-up": { allowed: "everyone" },
  "POST /sign-up": {
    json: { workspace: "New", name: "Newcomer", email: "new@newcomer.test", password: PASSWORD },
    allowed: "everyone",
    changes: [],
  },
  "GET /sign-in": { allowed: "everyone" },
  "POST /sign-in": {
    json: { email: "{member.email}", password: PASSWORD },
    allowed: "everyone",
    changes: ["glacis_sessions"],
  },
  "GET /sign-in/second-factor": { waived: "leads back to the sign-in without one that was begun" },
  "POST /sign-in/second-factor": code,
  "POST /sign-in/passkey/options": { json: {}, allowed: "everyone", changes: [] },
  "POST /sign-in/passkey": passkey,
  "POST /sign-out": { json: {}, self: true },
  "GET /sign-up/confirm": link,
  "POST /sign-up/confirm": link,
  "GET /forgot-password": { allowed: "everyone" },
  "POST /forgot-password": mailed,
  "GET /reset-password": link,
  "POST /reset-password": link,
  "GET /email/confirm": link,
  "POST /email/confirm": link,
  "GET /invitation": link,
  "POST /invitation": link,
  "GET /not-me": link,
  "POST /not-me": link,
  "GET /account/keep": link,
  "POST /account/keep": link,
  "GET /security-access": {
    waived: "says that a second factor is needed, or leads to the proof of it; shows nothing of anybody",
  },
  "GET /confirm": { self: true },
  "POST /confirm": { form: { password: PASSWORD, code: "" }, self: true, changes: ["glacis_sessions"] },
  "POST /confirm/passkey/options": { json: {}, self: true, changes: [] },
  "POST /confirm/passkey": passkey,
  "GET /account/password": { self: true },
  "POST /account/password": { form: password, self: true, changes: ["glacis_sessions"] },
  "GET /account/email": { self: true },
  "POST /account/email": { form: { email: "new@newcomer.test", password: PASSWORD }, self: true, changes: [] },
  "GET /account/delete": { self: true },
  "POST /account/delete": {
    form: { password: PASSWORD },
    self: true,
    changes: ["glacis_sessions"],
  },
  "POST /account/export": { form: {}, self: true, changes: [] },
  "GET /people": { shows: ["{reader.name}", "{admin.email}"] },
  "POST /people/invitations": {
    form: { email: "guest@newcomer.test", role: "member" },
    allowed: ["admin"],
    changes: [],
  },
  "POST /people/:id/role": { ...colleague, form: { role: "viewer" } },
  "POST /people/:id/remove": { ...gone, form: {} },
  "GET /activity": { allowed: ["admin"] },
  "POST /activity/export": { form: { format: "csv" }, allowed: ["admin"], changes: [] },
  "GET /settings": { self: true },
  "POST /settings/profile": { form: { name: "Renamed" }, self: true },
  "POST /settings/authenticator": {
    waived: "shows a new secret each time, to whoever is signed in and has just proved it",
  },
  "POST /settings/authenticator/confirm": code,
  "POST /settings/authenticator/remove": { form: {}, self: true, changes: ["glacis_sessions"] },
  "POST /settings/recovery-codes": { waived: "is for people with a second factor; second-factors.test.ts has them" },
  "POST /settings/passkeys/options": { json: {}, self: true, changes: [] },
  "POST /settings/passkeys": passkey,
  "POST /settings/passkeys/remove": passkey,
  "POST /settings/second-factor-policy": {
    waived: "is the owner's, who needs a second factor for it; workspace.test.ts has one",
  },
  "GET /settings/api-keys": { allowed: ["admin"], shows: ["{key}"] },
  "POST /settings/api-keys": { form: newKey, allowed: ["admin"], changes: ["glacis_api_keys"] },
  "POST /settings/api-keys/:id/rotate": { params: { id: "{key}" }, form: {}, allowed: ["admin"] },
  "POST /settings/api-keys/:id/revoke": { params: { id: "{key}" }, form: {}, allowed: ["admin"] },
  "GET /settings/webhooks": { allowed: ["admin"], shows: ["{webhook}"] },
  "POST /settings/webhooks": {
    form: { endpoint: "https://hooks.example.com/new" },
    allowed: ["admin"],
    changes: ["webhooks"],
  },
  "POST /settings/webhooks/:id/test": { params: { id: "{webhook}" }, form: {}, allowed: ["admin"], changes: [] },
  "POST /settings/webhooks/:id/remove": { params: { id: "{webhook}" }, form: {}, allowed: ["admin"] },
  "GET /account/totp": { waived: "shows a new secret each time, to whoever may add one" },
  "POST /account/totp": code,
  "POST /settings/sessions/end-others": { form: {}, self: true },
  "GET /sso/start": provided,
  "GET /sso/callback": provided,
  "POST /sso/link": provided,
  "POST /sso/unlink": { form: { provider: "workspace", next: "/settings" }, self: true, changes: ["glacis_sessions"] },
  "POST /sso/sign-out": { form: {}, self: true, changes: ["glacis_sessions"] },
  "POST /sso/back-channel-logout": provided,
  "GET /settings/support": owned,
  "POST /settings/support/consent": owned,
  "POST /settings/support/withdraw": owned,
  "GET /support": staffed,
  "POST /support/visits": staffed,
  "POST /support/end": { form: {}, self: true, changes: [] },
  "GET /outbox": { waived: "shows every mail to everybody: a demonstration has it, production has not" },
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
  "POST /documents/:id/attachments": { params: document, raw: file, allowed: editors, changes: ["attachments"] },
  "GET /documents/:id/attachments/:attachmentId": { params: attached, allowed: readers },
  "GET /documents/:id/attachments/:attachmentId/remove": { params: attached, allowed: editors },
  "POST /documents/:id/attachments/:attachmentId/remove": { params: attached, form: {}, allowed: editors },
  "GET /files": { waived: "needs a link that lives for a minute; attachments.test.ts tries it as others" },
  "GET /api/documents/:id/attachments": { params: document, allowed: readers, shows: ["{attachment}"] },
  "POST /api/documents/:id/attachments": { params: document, raw: file, allowed: editors, changes: ["attachments"] },
  "GET /api/attachments/:id": { params: attachment, allowed: readers },
  "DELETE /api/attachments/:id": { params: attachment, allowed: editors },
  "POST /api/preview": { waived: "asks a site on the internet for what a user named; it reads nothing of any tenant" },
  "GET /api/csrf": { allowed: "everyone" },
  "GET /api/me": { self: true, shows: ["{tenant}"] },
  "POST /api/profile": { json: { name: "Renamed" }, self: true },
  "POST /api/invitations": {
    json: { email: "guest@newcomer.test", role: "member" },
    allowed: ["admin"],
    changes: [],
  },
  "GET /api/admin/users": { allowed: ["admin"], shows: ["{member.id}"] },
  "PATCH /api/people/:id": { ...colleague, json: { role: "viewer" } },
  "DELETE /api/people/:id": gone,
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

const FOR_PROGRAMS: ReadonlySet<string> = new Set(["GET /api/documents", "POST /api/documents"]);

export const CASES: AttackMatrixOptions["cases"] = Object.fromEntries(
  Object.entries(ROUTES).map(([route, wanted]) => [
    route,
    Array.isArray(wanted) ? wanted.map((one: object) => forHumans(route, one)) : forHumans(route, wanted),
  ]),
) as AttackMatrixOptions["cases"];

function forHumans<Case extends object>(route: string, wanted: Case): Case {
  if ("waived" in wanted) return wanted;
  const allowed = "allowed" in wanted ? (wanted.allowed as "everyone" | readonly string[]) : humans;
  if (allowed === "everyone") return wanted;
  return { ...wanted, allowed: FOR_PROGRAMS.has(route) ? [...allowed, "program"] : allowed };
}
