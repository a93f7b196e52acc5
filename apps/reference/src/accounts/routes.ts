import { authenticated, publicAccess, signInFirst, tenantScope, type Exchange } from "glacis";
import { access, requestOf } from "glacis/hono";
import { rateLimit } from "glacis/network";
import type { Hono } from "hono";
import { readBody } from "../input.ts";
import { frameOf, isJson, noticeOf, userOf, type Services } from "../services.ts";
import { BLANK, type FormState } from "../views/form.ts";
import { changePassword, signUp } from "./actions.ts";
import { PasswordInput, ProfileInput, SignUpInput } from "./input.ts";
import { frontPage, signUpPage } from "./pages.ts";
import { peoplePage, settingsPage } from "./settings-pages.ts";

const member = signInFirst("/sign-in", authenticated());

/** Sign-up, people and settings; sign-in has a file of its own. */
export function accountRoutes(app: Hono, services: Services): void {
  const { accounts, sessions } = services;

  app.get("/", access(publicAccess("front page")), async (c) => {
    const request = requestOf(c);
    if (request.principal.kind === "user") return c.redirect("/documents", 303);
    return c.html(String(frontPage(await frameOf(services, request))));
  });

  app.get("/sign-up", access(publicAccess("sign-up page")), async (c) =>
    c.html(String(signUpPage(await frameOf(services, requestOf(c)), BLANK))),
  );

  // Each sign-up costs a password hash and leaves a tenant behind.
  const slowly = rateLimit({
    name: "sign-up",
    rates: "20/h",
    by: "client",
    methods: ["POST"],
    store: services.limitStore,
  });
  app.post("/sign-up", access(publicAccess("sign-up"), { controls: [slowly] }), async (c) => {
    const request = requestOf(c);
    const form = readBody(request, SignUpInput);
    if (isJson(request)) return c.json(await signUp(services, request, form), 201);
    if (!form.ok) return c.html(String(signUpPage(await frameOf(services, request), form)), 422);
    await signUp(services, request, form);
    return c.redirect("/sign-in?notice=signed-up", 303);
  });

  app.get("/people", access(member), async (c) => {
    const request = requestOf(c);
    const people = await accounts.people(tenantScope(userOf(request)));
    return c.html(String(peoplePage(await frameOf(services, request), people)));
  });

  app.get("/settings", access(member), async (c) => c.html(await settings(services, requestOf(c), {})));

  app.post("/settings/profile", access(member), async (c) => {
    const request = requestOf(c);
    const form = readBody(request, ProfileInput);
    if (!form.ok) return c.html(await settings(services, request, { profileState: form }), 422);
    await accounts.rename(userOf(request), form.value.name);
    return c.redirect("/settings?notice=renamed", 303);
  });

  app.post("/settings/password", access(member), async (c) => {
    const request = requestOf(c);
    const form = readBody(request, PasswordInput);
    if (!form.ok) return c.html(await settings(services, request, { passwordState: form }), 422);
    const outcome = await changePassword(services, request, form.value);
    if (outcome === "changed") return c.redirect("/settings?notice=password", 303);
    const passwordState = { values: {}, errors: { current: "This is not your present password." } };
    return c.html(await settings(services, request, { passwordState }), 422);
  });

  app.post("/settings/sessions/end-others", access(member), async (c) => {
    const request = requestOf(c);
    await sessions.revoke(userOf(request).id, { reason: "user_request", request, keepCurrent: true });
    return c.redirect("/settings?notice=ended", 303);
  });
}

interface SettingsStates {
  readonly profileState?: FormState;
  readonly passwordState?: FormState;
}

async function settings(services: Services, request: Exchange, states: SettingsStates): Promise<string> {
  const frame = await frameOf(services, request);
  if (frame.viewer === undefined) throw new Error("A session belongs to an account that does not exist.");
  const profileState = states.profileState ?? { values: { name: frame.viewer.name }, errors: {} };
  const view = {
    profile: frame.viewer,
    profileState,
    passwordState: states.passwordState ?? BLANK,
    sessions: await services.sessions.list(frame.viewer.id, request),
    notice: (states.profileState ?? states.passwordState) ? undefined : noticeOf(request),
  };
  return String(settingsPage(frame, view));
}
