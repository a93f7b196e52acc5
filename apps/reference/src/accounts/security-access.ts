/** The way into the Security Center for whoever has not proved two factors: to the proof, or first to a factor. */
import { hasRole } from "glacis";
import { access, requestOf } from "glacis/hono";
import { html, type SafeHtml } from "glacis/input";
import type { Hono } from "hono";
import { forPeople } from "../page-access.ts";
import { frameOf, userOf, type Services } from "../services.ts";
import { layout, type Frame } from "../views/layout.ts";

export function securityAccess(app: Hono, services: Services): void {
  app.get("/security-access", access(forPeople(hasRole("owner", "admin"))), async (c) => {
    const request = requestOf(c);
    const { id: userId, tenantId, roles } = userOf(request);
    const enrolled = await services.factors.enrolled({ userId, tenantId, roles });
    if (enrolled.length === 0) return c.html(String(accessPage(await frameOf(services, request))));
    const wanted = new URLSearchParams(request.query).get("next") ?? "";
    const next = /^\/security(?:[/?]|$)/u.test(wanted) ? wanted : "/security";
    return c.redirect(`/confirm?next=${encodeURIComponent(next)}`, 303);
  });
}

function accessPage(frame: Frame): SafeHtml {
  return layout(
    frame,
    { title: "Security", section: "/security" },
    html`
      <div class="narrow stack">
        <div class="sheet stack">
          <h1>First a second factor</h1>
          <p class="lead">
            The Security Center shows what happens in your workspace and ends other people’s sessions. A password alone does
            not open it.
          </p>
          <p>Add an authenticator app or a passkey to your account, and come back. It takes a minute.</p>
          <p><a class="button" href="/settings#second-factors">Add a second factor</a></p>
        </div>
      </div>`,
  );
}
