import { hasRole, type Exchange } from "glacis";
import { stepUp } from "glacis/authentication";
import { access, requestOf } from "glacis/hono";
import { rateLimit } from "glacis/network";
import type { Hono } from "hono";
import { notFound, Page } from "../input.ts";
import { forPeople } from "../page-access.ts";
import { frameOf, noticeOf, userOf, type Services } from "../services.ts";
import { BLANK, stateOf, type FormState } from "../views/form.ts";
import { WebhookForm, WebhookPath } from "./input.ts";
import { newWebhookPage, webhooksPage } from "./pages.ts";

const admin = hasRole("owner", "admin");
const looking = forPeople(admin);
/** What is told there goes on being told, so whoever says where has just proved who they are. */
const making = forPeople(admin, stepUp({ level: 1, page: "/confirm" }));

/** Where the workspace's events go, said by whoever answers for it. */
export function webhookRoutes(app: Hono, services: Services): void {
  const { limitStore } = services;
  const { webhooks } = services.hooks;

  const page = async (request: Exchange, state: FormState): Promise<string> => {
    const notice = state === BLANK ? noticeOf(request) : undefined;
    const list = await webhooks.list(userOf(request));
    return String(webhooksPage(await frameOf(services, request), { webhooks: list, state, notice }));
  };

  app.get("/settings/webhooks", access(looking, { input: Page }), async (c) => c.html(await page(requestOf(c), BLANK)));

  app.post("/settings/webhooks", access(making, { input: WebhookForm }), async (c) => {
    const request = requestOf(c);
    const sent = WebhookForm.of(request);
    if (!sent.ok) return c.html(await page(request, stateOf(sent)), 422);
    const { endpoint } = sent.value.form;
    const problem = await webhooks.problemWith(endpoint);
    const refuse = async (field: "endpoint" | "", message: string): Promise<Response> =>
      c.html(await page(request, { values: { endpoint }, errors: { [field]: message } }), 422);
    if (problem !== undefined) return refuse("endpoint", problem);
    const made = await webhooks.add(userOf(request), endpoint);
    if (made === "full") return refuse("", "This workspace has as many webhooks as it may. Remove one first.");
    tell(services, request, "webhook:add", made.id);
    return c.html(String(newWebhookPage(await frameOf(services, request), endpoint, made.secret)));
  });

  app.post("/settings/webhooks/:id/remove", access(looking, { input: WebhookPath }), async (c) => {
    const request = requestOf(c);
    const { id } = WebhookPath.of(request).params;
    if (!(await webhooks.remove(userOf(request), id))) notFound();
    tell(services, request, "webhook:remove", id);
    return c.redirect("/settings/webhooks?notice=unhooked", 303);
  });

  /** Each is a request to somebody else's server. */
  const rate = rateLimit({ name: "webhook-test", rates: "10/m", by: "user", store: limitStore });
  app.post("/settings/webhooks/:id/test", access(looking, { controls: [rate], input: WebhookPath }), async (c) => {
    const request = requestOf(c);
    const { id } = WebhookPath.of(request).params;
    if (!(await webhooks.test(userOf(request), id))) notFound();
    return c.redirect("/settings/webhooks?notice=tested", 303);
  });
}

function tell(services: Services, request: Exchange, action: "webhook:add" | "webhook:remove", id: string): void {
  const { id: userId, tenantId } = userOf(request);
  services.report(
    {
      event_type: "account",
      status: "succeeded",
      severity: "warning",
      event: "authz_change",
      action,
      resource_type: "webhook",
      resource_id: id,
      user_id: userId,
      tenant_id: tenantId,
    },
    request,
  );
}
