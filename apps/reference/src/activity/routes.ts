import { auditEvent, hasRole, tenantScope } from "glacis";
import { access, requestOf } from "glacis/hono";
import type { Hono } from "hono";
import { forPeople } from "../page-access.ts";
import { frameOf, userOf, type Services } from "../services.ts";
import { ACTIVITY_PAGE } from "./activity.ts";
import { ActivityExport, ActivityPage } from "./input.ts";
import { activityPage } from "./pages.ts";

const admin = forPeople(hasRole("owner", "admin"));
const TYPES = { csv: "text/csv; charset=utf-8", json: "application/x-ndjson" } as const;

/** What was done here and by whom, for owners and admins. */
export function activityRoutes(app: Hono, services: Services): void {
  app.get("/activity", access(admin, { input: ActivityPage }), async (c) => {
    const request = requestOf(c);
    const user = userOf(request);
    const taken = ActivityPage.of(request);
    const { before } = taken.ok ? taken.value.query : {};
    const entries = await services.activity.page(user, before);
    const people = await services.accounts.people(tenantScope(user));
    const view = {
      entries: entries.slice(0, ACTIVITY_PAGE),
      hasMore: entries.length > ACTIVITY_PAGE,
      isFirst: before === undefined,
      names: new Map(people.map(({ id, name }) => [id, name])),
    };
    return c.html(String(activityPage(await frameOf(services, request), view)), taken.ok ? 200 : 422);
  });

  app.post("/activity/export", access(admin, { input: ActivityExport }), async (c) => {
    const request = requestOf(c);
    const { format } = ActivityExport.of(request).form;
    const text = await services.activity.file(userOf(request), format);
    const count = text.split("\n").length - (format === "csv" ? 2 : 1);
    request.note(
      auditEvent("data_access/audit_trail_exported/succeeded", {
        control: "audit-trail",
        resource_type: "audit_trail",
        count,
      }),
    );
    const headers = {
      "content-type": TYPES[format],
      "content-disposition": `attachment; filename="activity.${format}"`,
    };
    return c.body(text, 200, headers);
  });
}
