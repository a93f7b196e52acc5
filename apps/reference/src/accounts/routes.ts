import { hasRole, publicAccess, type Exchange } from "glacis";
import { stepUp } from "glacis/authentication";
import { access, requestOf } from "glacis/hono";
import type { Hono } from "hono";
import { Page } from "../input.ts";
import { forPeople } from "../page-access.ts";
import { frameOf, noticeOf, userOf, type Services } from "../services.ts";
import { stateOf, type FormState } from "../views/form.ts";
import { setSecondFactorPolicy } from "./actions.ts";
import { Nothing, PolicyForm, ProfileForm } from "./input.ts";
import { frontPage } from "./pages.ts";
import { settingsPage } from "./settings-pages.ts";

/** The rule for everybody is the owner's, with a fresh proof that it is them. */
const owner = forPeople(hasRole("owner"), stepUp({ level: 1, page: "/confirm" }));
const member = forPeople();

/** The front page and the settings; the ways in are the library's, and second factors have a file of their own. */
export function accountRoutes(app: Hono, services: Services): void {
  const { accounts, sessions } = services;

  app.get("/", access(publicAccess("front page")), async (c) => {
    const request = requestOf(c);
    if (request.principal.kind === "user") return c.redirect("/documents", 303);
    return c.html(String(frontPage(await frameOf(services, request))));
  });

  app.get("/settings", access(member, { input: Page }), async (c) =>
    c.html(await settings(services, requestOf(c), undefined)),
  );

  app.post("/settings/profile", access(member, { input: ProfileForm }), async (c) => {
    const request = requestOf(c);
    const sent = ProfileForm.of(request);
    if (!sent.ok) return c.html(await settings(services, request, stateOf(sent)), 422);
    await accounts.rename(userOf(request), sent.value.form.name);
    return c.redirect("/settings?notice=renamed", 303);
  });

  app.post("/settings/second-factor-policy", access(owner, { input: PolicyForm }), async (c) => {
    const request = requestOf(c);
    const required = PolicyForm.of(request).form.second_factor === "required";
    if (await setSecondFactorPolicy(services, request, required))
      return c.redirect(`/settings?notice=${required ? "required" : "optional"}`, 303);
    const errors = { "": "Add a second factor of your own first: the rule is for you too." };
    return c.html(await settings(services, request, { values: {}, errors }), 422);
  });

  app.post("/settings/sessions/end-others", access(member, { input: Nothing }), async (c) => {
    const request = requestOf(c);
    await sessions.revoke(userOf(request).id, { reason: "user_request", request, keepCurrent: true });
    return c.redirect("/settings?notice=ended", 303);
  });
}

async function settings(services: Services, request: Exchange, failed: FormState | undefined): Promise<string> {
  const { flows, factors, sessions } = services;
  const user = userOf(request);
  const frame = await frameOf(services, request);
  if (frame.viewer === undefined) throw new Error("A session belongs to an account that does not exist.");
  const { id, name } = frame.viewer;
  const [own, totp, recoveryCodes, passkeys, identity, hasOwnWayIn] = await Promise.all([
    sessions.list(id, request),
    factors.totp.enrolled(id),
    factors.recoveryCodes.remaining(id),
    factors.passkeys?.list(id),
    services.identityOf(user),
    flows.accountStatus.hasOwnWayIn(id),
  ]);
  return String(
    settingsPage(frame, {
      profile: frame.viewer,
      profileState:
        failed === undefined ? { values: { name }, errors: {} } : { ...failed, values: { name, ...failed.values } },
      passwordRules: flows.context.policy.description.sentences.join(" "),
      factors: { totp, recoveryCodes, passkeys },
      identity: identity && { ...identity, hasOwnWayIn },
      sessions: own,
      hasSupport: services.support.offered && frame.viewer.role === "owner",
      notice: failed === undefined ? noticeOf(request) : undefined,
    }),
  );
}
