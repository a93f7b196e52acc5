import { authenticated, publicAccess, Refusal, type Exchange } from "glacis";
import { access, requestOf } from "glacis/hono";
import { safeRedirect } from "glacis/transport";
import type { Hono } from "hono";
import { demand, readBody, type FieldErrors } from "../input.ts";
import { frameOf, isJson, noticeOf, type Services } from "../services.ts";
import { BLANK } from "../views/form.ts";
import { signIn } from "./actions.ts";
import { SignInInput } from "./input.ts";
import { signInPage } from "./pages.ts";

const WRONG = "The e-mail address or the password is wrong.";

/** Sign-in and sign-out, as forms and as JSON at the same addresses. */
export function signInRoutes(app: Hono, services: Services): void {
  const { demo } = services;

  app.get("/sign-in", access(publicAccess("sign-in page")), async (c) => {
    const request = requestOf(c);
    const next = new URLSearchParams(request.query).get("next") ?? undefined;
    if (request.principal.kind === "user") return c.redirect(destination(services, request, next), 303);
    const frame = await frameOf(services, request);
    const view = { state: BLANK, next, notice: noticeOf(request), demo };
    return c.html(String(signInPage(frame, view)));
  });

  app.post("/sign-in", access(publicAccess("sign-in")), async (c) => {
    const request = requestOf(c);
    const form = readBody(request, SignInInput);
    if (isJson(request)) {
      const { email, password } = demand(form);
      if (await signIn(services, request, email, password)) return c.json({ ok: true });
      const problem = { type: "about:blank", title: WRONG, status: 401, code: "credentials_wrong" };
      return c.json(problem, 401, { "content-type": "application/problem+json" });
    }
    const again = async (errors: FieldErrors, email: string | undefined, next: string | undefined) => {
      const frame = await frameOf(services, request);
      const state = { values: email === undefined ? {} : { email }, errors };
      return String(signInPage(frame, { state, next, notice: undefined, demo }));
    };
    if (!form.ok) return c.html(await again({ email: WRONG }, form.values["email"], form.values["next"]), 422);
    const { email, password, next } = form.value;
    try {
      if (await signIn(services, request, email, password))
        return c.redirect(destination(services, request, next), 303);
      return c.html(await again({ email: WRONG }, email, next), 401);
    } catch (error) {
      // A person keeps the page that he was on; a program gets the refusal as it is.
      if (!(error instanceof Refusal) || error.decision.reason !== "rate_limited") throw error;
      request.addResponseHeaders(error.decision.headers);
      for (const event of error.decision.events) services.report(event, request);
      const errors = { "": "Too many attempts. Wait a few minutes and try again." };
      return c.html(await again(errors, email, next), 429);
    }
  });

  app.post("/sign-out", access(authenticated()), async (c) => {
    const request = requestOf(c);
    await services.sessions.end(request);
    return isJson(request) ? c.json({ ok: true }) : c.redirect("/sign-in?notice=signed-out", 303);
  });
}

/** Where a sign-in leads: the address of ours that was asked for, or the documents. */
function destination(services: Services, request: Exchange, next: string | undefined): string {
  if (next === undefined || next === "") return "/documents";
  const { location, event } = safeRedirect(next, { origin: services.origin, fallback: "/documents" });
  if (event !== undefined) services.report(event, request);
  return location;
}
