import { hasRole, type Exchange } from "glacis";
import { stepUp, type ApiKeys, type IssuedApiKey } from "glacis/authentication";
import { access, requestOf } from "glacis/hono";
import type { Context, Hono } from "hono";
import { notFound, Page } from "../input.ts";
import { forPeople } from "../page-access.ts";
import { frameOf, noticeOf, userOf, type Services } from "../services.ts";
import { BLANK, stateOf, type FormState } from "../views/form.ts";
import { apiKeysPage, newKeyPage } from "./api-key-pages.ts";
import { ApiKeyForm, ApiKeyPath } from "./input.ts";

const admin = hasRole("owner", "admin");
const looking = forPeople(admin);
/** A key outlives the session that made it, so whoever makes one has just proved who they are. */
const making = forPeople(admin, stepUp({ level: 1, page: "/confirm" }));

/** Keys for programs, made and ended by whoever answers for the workspace. */
export function apiKeyRoutes(app: Hono, services: Services): void {
  const { flows } = services;
  const keys = keysOf(services);

  const page = async (request: Exchange, state: FormState): Promise<string> => {
    const notice = state === BLANK ? noticeOf(request) : undefined;
    const { id: userId, tenantId } = userOf(request);
    const view = { keys: await keys.list(tenantId), userId, nowMs: request.receivedAtMs, state, notice };
    return String(apiKeysPage(await frameOf(services, request), view));
  };

  const shown = async (c: Context, request: Exchange, outcome: IssuedApiKey, rotated: boolean): Promise<Response> => {
    if (outcome.kind === "issued") {
      await flows.notices.tell(userOf(request).id, "api_key_created", request);
      const { key, apiKey } = outcome;
      return c.html(String(newKeyPage(await frameOf(services, request), key, apiKey, rotated)));
    }
    if (outcome.cause === "overlap_running") return c.redirect("/settings/api-keys?notice=unrotated", 303);
    if (outcome.cause !== "too_many") notFound();
    const errors = { "": "This workspace has as many keys as it may. Revoke one first." };
    return c.html(await page(request, { values: {}, errors }), 422);
  };

  app.get("/settings/api-keys", access(looking, { input: Page }), async (c) => c.html(await page(requestOf(c), BLANK)));

  app.post("/settings/api-keys", access(making, { input: ApiKeyForm }), async (c) => {
    const request = requestOf(c);
    const sent = ApiKeyForm.of(request);
    if (!sent.ok) return c.html(await page(request, stateOf(sent)), 422);
    const { name, access: wanted, days } = sent.value.form;
    const scopes = wanted === "write" ? ["documents:read", "documents:write"] : ["documents:read"];
    const outcome = await keys.issue(
      userOf(request),
      { name, scopes, lifetimeDays: Number(days) },
      request.receivedAtMs,
    );
    return shown(c, request, outcome, false);
  });

  app.post("/settings/api-keys/:id/rotate", access(making, { input: ApiKeyPath }), async (c) => {
    const request = requestOf(c);
    const { id } = ApiKeyPath.of(request).params;
    const outcome = await keys.rotate(userOf(request), id, request.receivedAtMs);
    return shown(c, request, outcome, true);
  });

  app.post("/settings/api-keys/:id/revoke", access(looking, { input: ApiKeyPath }), async (c) => {
    const request = requestOf(c);
    const { id } = ApiKeyPath.of(request).params;
    if (!(await keys.revoke(userOf(request).tenantId, id, request.receivedAtMs))) notFound();
    return c.redirect("/settings/api-keys?notice=revoked", 303);
  });
}

function keysOf({ factors }: Services): ApiKeys {
  if (factors.apiKeys === undefined) throw new Error("The composition has no API keys.");
  return factors.apiKeys;
}
