import { authenticated, hasRole, publicAccess, tenantScope } from "glacis";
import { access, requestOf } from "glacis/hono";
import type { Hono } from "hono";
import { demand, notFound, readBody } from "../input.ts";
import { userOf, type Services } from "../services.ts";
import { changeMembership, invite } from "./actions.ts";
import { InvitationInput, PersonId, ProfileInput, RoleInput } from "./input.ts";

const member = access(authenticated(), { kind: "api" });
const admin = access(hasRole("owner", "admin"), { kind: "api" });

/** The account for programs. */
export function accountApi(app: Hono, services: Services): void {
  const { accounts, csrf } = services;
  const inviting = access(hasRole("owner", "admin"), { kind: "api", controls: [services.invitationLimit] });

  app.post("/api/invitations", inviting, async (c) => {
    const request = requestOf(c);
    await invite(services, request, demand(readBody(request, InvitationInput)));
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

  app.post("/api/profile", member, async (c) => {
    const request = requestOf(c);
    await accounts.rename(userOf(request), demand(readBody(request, ProfileInput)).name);
    return c.json({ ok: true });
  });

  app.get("/api/admin/users", admin, async (c) =>
    c.json({ users: await accounts.people(tenantScope(userOf(requestOf(c)))) }),
  );

  app.patch("/api/people/:id", admin, async (c) => {
    const request = requestOf(c);
    const id = PersonId.safeParse(c.req.param("id"));
    const { role } = demand(readBody(request, RoleInput));
    await changeMembership(services, request, id.success ? id.data : notFound(), role);
    return c.json({ ok: true });
  });

  app.delete("/api/people/:id", admin, async (c) => {
    const id = PersonId.safeParse(c.req.param("id"));
    await changeMembership(services, requestOf(c), id.success ? id.data : notFound(), undefined);
    return c.json({ ok: true });
  });
}
