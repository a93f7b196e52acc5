import { hasRole, Refusal, tenantScope, type Exchange } from "glacis";
import { access, requestOf } from "glacis/hono";
import type { Hono } from "hono";
import { Page } from "../input.ts";
import { forPeople } from "../page-access.ts";
import { frameOf, noticeOf, userOf, type Services } from "../services.ts";
import { BLANK, stateOf, type FormState } from "../views/form.ts";
import { changeMembership, invite } from "./actions.ts";
import { InvitationForm, PersonPath, RoleForm } from "./input.ts";
import { ROLE_ORDER } from "./memberships.ts";
import { peoplePage } from "./people-pages.ts";

const member = forPeople();
const admin = forPeople(hasRole("owner", "admin"));

/** Who is in the workspace, and for admins and owners who comes, goes and rises. */
export function peopleRoutes(app: Hono, services: Services): void {
  const page = async (request: Exchange, state: FormState): Promise<string> => {
    const user = userOf(request);
    const people = await services.accounts.people(tenantScope(user));
    const notice = state === BLANK ? noticeOf(request) : undefined;
    const view = { people, grantable: user.actor === undefined ? ROLE_ORDER.grantable(user) : [], state, notice };
    return String(peoplePage(await frameOf(services, request), view));
  };

  app.get("/people", access(member, { input: Page }), async (c) => c.html(await page(requestOf(c), BLANK)));

  const inviting = { controls: [services.invitationLimit], input: InvitationForm };
  app.post("/people/invitations", access(admin, inviting), async (c) => {
    const request = requestOf(c);
    const sent = InvitationForm.of(request);
    if (!sent.ok) return c.html(await page(request, stateOf(sent)), 422);
    const { form } = sent.value;
    try {
      await invite(services, request, form);
    } catch (error) {
      if (!(error instanceof Refusal) || error.decision.reason !== "input_invalid") throw error;
      const errors = { email: "Enter an e-mail address such as name@example.com." };
      return c.html(await page(request, { values: { email: form.email }, errors }), 422);
    }
    return c.redirect("/people?notice=invited", 303);
  });

  app.post("/people/:id/role", access(admin, { input: RoleForm }), async (c) => {
    const request = requestOf(c);
    const { params, form } = RoleForm.of(request);
    await changeMembership(services, request, params.id, form.role);
    return c.redirect("/people?notice=role", 303);
  });

  app.post("/people/:id/remove", access(admin, { input: PersonPath }), async (c) => {
    const request = requestOf(c);
    await changeMembership(services, request, PersonPath.of(request).params.id, undefined);
    return c.redirect("/people?notice=removed", 303);
  });
}
