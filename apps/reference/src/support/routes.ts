import { allOf, hasRole, signInFirst, type Exchange } from "glacis";
import { stepUp } from "glacis/authentication";
import { access, requestOf } from "glacis/hono";
import type { Hono } from "hono";
import { notFound, Page } from "../input.ts";
import { Nothing } from "../accounts/input.ts";
import { forPeople } from "../page-access.ts";
import { frameOf, noticeOf, userOf, type Services } from "../services.ts";
import { BLANK, stateOf, type FormState } from "../views/form.ts";
import { ConsentForm, VisitForm } from "./input.ts";
import { accessPage, deskPage } from "./pages.ts";
import { SUPPORT_ROLE, VISIT_EXIT } from "./support.ts";

/** As fresh as a visit itself asks for. */
const FRESH_SECONDS = 300;
const HOUR_MS = 3_600_000;

const owner = forPeople(hasRole("owner"));
const staff = signInFirst(
  "/sign-in",
  allOf(hasRole(SUPPORT_ROLE), stepUp({ level: 2, maxAgeSeconds: FRESH_SECONDS, page: "/confirm" })),
);

/** The owner's say about support, and the desk from which Folio's staff visits. */
export function supportRoutes(app: Hono, services: Services): void {
  consentRoutes(app, services);
  visitRoutes(app, services);
}

function consentRoutes(app: Hono, services: Services): void {
  const { support } = services;
  const page = async (request: Exchange, state: FormState): Promise<string> => {
    const user = userOf(request);
    const consent = await support.consentOf(user, request.receivedAtMs);
    const records = await support.records(user);
    const notice = state === BLANK ? noticeOf(request) : undefined;
    return String(accessPage(await frameOf(services, request), { consent, records, state, notice }));
  };

  app.get("/settings/support", access(owner, { input: Page }), async (c) => {
    if (!support.offered) notFound();
    return c.html(await page(requestOf(c), BLANK));
  });

  app.post("/settings/support/consent", access(owner, { input: ConsentForm }), async (c) => {
    if (!support.offered) notFound();
    const request = requestOf(c);
    const sent = ConsentForm.of(request);
    if (!sent.ok) return c.html(await page(request, stateOf(sent)), 422);
    await support.consent(userOf(request), request.receivedAtMs, Number(sent.value.form.hours) * HOUR_MS);
    return c.redirect("/settings/support?notice=consented", 303);
  });

  app.post("/settings/support/withdraw", access(owner, { input: Nothing }), async (c) => {
    await support.withdraw(userOf(requestOf(c)));
    return c.redirect("/settings/support?notice=withdrawn", 303);
  });
}

function visitRoutes(app: Hono, services: Services): void {
  const { support } = services;
  const desk = async (request: Exchange, state: FormState): Promise<string> => {
    const doors = await support.doors(request.receivedAtMs);
    const notice = state === BLANK ? noticeOf(request) : undefined;
    return String(deskPage(await frameOf(services, request), { doors, state, notice }));
  };

  app.get("/support", access(staff, { input: Page }), async (c) => c.html(await desk(requestOf(c), BLANK)));

  app.post("/support/visits", access(staff, { input: VisitForm }), async (c) => {
    const request = requestOf(c);
    const sent = VisitForm.of(request);
    if (!sent.ok) return c.html(await desk(request, stateOf(sent)), 422);
    const { tenantId, purpose } = sent.value.form;
    const door = (await support.doors(request.receivedAtMs)).find((one) => one.tenantId === tenantId);
    const closed = { values: { purpose }, errors: { "": "This workspace does not let support look in any more." } };
    if (door === undefined) return c.html(await desk(request, closed), 422);
    const result = await support.begin(request, { tenantId, userId: door.userId, purpose });
    if (result.kind === "begun") return c.redirect("/documents", 303);
    if (result.cause === "second_factor_stale") return c.redirect("/confirm?next=%2Fsupport", 303);
    return c.html(await desk(request, closed), 422);
  });

  app.post(VISIT_EXIT, access(forPeople(), { input: Nothing }), async (c) => {
    const request = requestOf(c);
    const visiting = userOf(request).actor !== undefined;
    await support.end(request);
    return c.redirect(visiting ? "/support?notice=left" : "/documents", 303);
  });
}
