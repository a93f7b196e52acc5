import { authenticated, hasRole, publicAccess, tenantScope } from "glacis";
import { access, requestOf } from "glacis/hono";
import type { Hono } from "hono";
import { userOf, type Services } from "../services.ts";
import { changeMembership, invite } from "./actions.ts";
import { InvitationBody, PersonPath, ProfileBody, RoleBody } from "./input.ts";

const member = access(authenticated(), { kind: "api" });
const admins = hasRole("owner", "admin");

/** The account for programs. */
export function accountApi(app: Hono, services: Services): void {
  const { accounts, csrf } = services;
  const inviting = access(admins, {
    kind: "api",
    controls: [services.invitationLimit, services.once],
    input: InvitationBody,
  });

  app.post("/api/invitations", inviting, async (c) => {
    const request = requestOf(c);
    await invite(services, request, InvitationBody.of(request).body);
    return c.json({ status: "accepted" }, 202);
  });

  app.get("/api/csrf", access(publicAccess("a token for the first form"), { kind: "api" }), (c) =>
    c.json({ csrfToken: csrf.token(requestOf(c)) }),
  );

  app.get("/api/me", member, async (c) => {
    const profile = await accounts.profile(userOf(requestOf(c)));
    if (profile === undefined) throw new Error("A session belongs to an account that does not exist.");
    const { id, email, name, role, tenantId, tenantName } = profile;
    return c.json({ user: { id, email, name, role, tenant: tenantId, tenantName } });
  });

  app.post("/api/profile", access(authenticated(), { kind: "api", input: ProfileBody }), async (c) => {
    const request = requestOf(c);
    await accounts.rename(userOf(request), ProfileBody.of(request).body.name);
    return c.json({ ok: true });
  });

  app.get("/api/admin/users", access(admins, { kind: "api" }), async (c) =>
    c.json({ users: await accounts.people(tenantScope(userOf(requestOf(c)))) }),
  );

  app.patch("/api/people/:id", access(admins, { kind: "api", input: RoleBody }), async (c) => {
    const request = requestOf(c);
    const { params, body } = RoleBody.of(request);
    await changeMembership(services, request, params.id, body.role);
    return c.json({ ok: true });
  });

  app.delete("/api/people/:id", access(admins, { kind: "api", input: PersonPath }), async (c) => {
    const request = requestOf(c);
    await changeMembership(services, request, PersonPath.of(request).params.id, undefined);
    return c.json({ ok: true });
  });
}
