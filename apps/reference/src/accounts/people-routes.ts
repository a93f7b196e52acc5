import { authenticated, hasRole, Refusal, signInFirst, tenantScope, type Exchange } from "glacis";
import { access, requestOf } from "glacis/hono";
import type { Hono } from "hono";
import { demand, notFound, readBody } from "../input.ts";
import { frameOf, noticeOf, userOf, type Services } from "../services.ts";
import { BLANK, type FormState } from "../views/form.ts";
import { changeMembership, invite } from "./actions.ts";
import { InvitationInput, Nothing, PersonId, RoleInput } from "./input.ts";
import { ROLE_ORDER } from "./memberships.ts";
import { peoplePage } from "./people-pages.ts";

const member = signInFirst("/sign-in", authenticated());
const admin = signInFirst("/sign-in", hasRole("owner", "admin"));

/** Who is in the workspace, and for admins and owners who comes, goes and rises. */
export function peopleRoutes(app: Hono, services: Services): void {
  const page = async (request: Exchange, state: FormState): Promise<string> => {
    const user = userOf(request);
    const people = await services.accounts.people(tenantScope(user));
    const notice = state === BLANK ? noticeOf(request) : undefined;
    const view = { people, grantable: ROLE_ORDER.grantable(user), state, notice };
    return String(peoplePage(await frameOf(services, request), view));
  };

  app.get("/people", access(member), async (c) => c.html(await page(requestOf(c), BLANK)));

  app.post("/people/invitations", access(admin, { controls: [services.invitationLimit] }), async (c) => {
    const request = requestOf(c);
    const form = readBody(request, InvitationInput);
    if (!form.ok) return c.html(await page(request, form), 422);
    try {
      await invite(services, request, form.value);
    } catch (error) {
      if (!(error instanceof Refusal) || error.decision.reason !== "input_invalid") throw error;
      const errors = { email: "Enter an e-mail address such as name@example.com." };
      return c.html(await page(request, { values: { email: form.value.email }, errors }), 422);
    }
    return c.redirect("/people?notice=invited", 303);
  });

  app.post("/people/:id/role", access(admin), async (c) => {
    const request = requestOf(c);
    const { role } = demand(readBody(request, RoleInput));
    await changeMembership(services, request, idIn(c.req.param("id")), role);
    return c.redirect("/people?notice=role", 303);
  });

  app.post("/people/:id/remove", access(admin), async (c) => {
    const request = requestOf(c);
    demand(readBody(request, Nothing));
    await changeMembership(services, request, idIn(c.req.param("id")), undefined);
    return c.redirect("/people?notice=removed", 303);
  });
}

function idIn(text: string): string {
  const id = PersonId.safeParse(text);
  return id.success ? id.data : notFound();
}
