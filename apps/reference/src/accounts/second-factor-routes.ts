import { auditEvent, authenticated, deny, publicAccess, Refusal, signInFirst, type Exchange, type User } from "glacis";
import { stepUp } from "glacis/authentication";
import { access, requestOf } from "glacis/hono";
import { safeRedirect } from "glacis/transport";
import type { Hono } from "hono";
import { notFound } from "../input.ts";
import { frameOf, userOf, type Services } from "../services.ts";
import { BLANK } from "../views/form.ts";
import { CodeForm, NewPasskey, Nothing, PasskeyAnswer, PasskeyForm } from "./input.ts";
import { authenticatorPage, recoveryCodesPage } from "./second-factor-pages.ts";

/** Whoever changes what protects an account has proved within ten minutes that it is theirs. */
const recently = signInFirst("/sign-in", stepUp({ level: 1, page: "/confirm" }));

/** Second factors in the settings, and passkeys wherever they are shown. */
export function secondFactorRoutes(app: Hono, services: Services): void {
  authenticatorRoutes(app, services);
  if (services.factors.passkeys !== undefined) passkeyRoutes(app, services, services.factors.passkeys);
}

function authenticatorRoutes(app: Hono, services: Services): void {
  const { flows, factors, sessions } = services;
  const { totp, recoveryCodes } = factors;

  app.post("/settings/authenticator", access(recently, { input: Nothing }), async (c) => {
    const request = requestOf(c);
    const enrolment = (await flows.secondFactors.beginTotp(request)) ?? notFound();
    return c.html(String(authenticatorPage(await frameOf(services, request), BLANK, enrolment)));
  });

  app.post("/settings/authenticator/confirm", access(recently, { input: CodeForm }), async (c) => {
    const request = requestOf(c);
    const { code } = CodeForm.of(request).form;
    const { kind } = await flows.secondFactors.confirmTotp(request, code.replace(/\s/gu, ""));
    if (kind === "credentials_wrong") {
      const state = {
        values: {},
        errors: { code: "This is not the code of now. Wait for the next one, and enter it." },
      };
      return c.html(String(authenticatorPage(await frameOf(services, request), state)), 422);
    }
    const { id } = userOf(request);
    if ((await recoveryCodes.remaining(id)) > 0) return c.redirect("/settings?notice=factors", 303);
    const codes = await recoveryCodes.generate(id, request.receivedAtMs);
    return c.html(String(recoveryCodesPage(await frameOf(services, request), codes)));
  });

  app.post("/settings/authenticator/remove", access(recently, { input: Nothing }), async (c) => {
    const request = requestOf(c);
    const user = userOf(request);
    if (await isNeeded(services, user, "totp")) return c.redirect("/settings?notice=kept", 303);
    await totp.remove(user.id);
    await flows.notices.tell(user.id, "second_factor_removed", request);
    await afterChange(services, request, user);
    return c.redirect("/settings?notice=factors", 303);
  });

  app.post("/settings/recovery-codes", access(recently, { input: Nothing }), async (c) => {
    const request = requestOf(c);
    const user = userOf(request);
    // They stand in for a factor, so whoever has none needs none.
    if ((await factors.enrolled(subjectOf(user))).length === 0) notFound();
    const codes = await recoveryCodes.generate(user.id, request.receivedAtMs);
    await flows.notices.tell(user.id, "recovery_codes_created", request);
    await sessions.revoke(user.id, { reason: "mfa_changed", request, keepCurrent: true });
    return c.html(String(recoveryCodesPage(await frameOf(services, request), codes)));
  });
}

function passkeyRoutes(app: Hono, services: Services, passkeys: NonNullable<Services["factors"]["passkeys"]>): void {
  const { flows, sessions, accounts } = services;
  const api = { kind: "api" } as const;

  app.post("/settings/passkeys/options", access(recently, { ...api, input: Nothing }), async (c) => {
    const request = requestOf(c);
    const user = userOf(request);
    const profile = (await accounts.profile(user)) ?? notFound();
    const { email: account, name: displayName } = profile;
    return c.json(await passkeys.registrationOptions(request, { userId: user.id, account, displayName }));
  });

  app.post("/settings/passkeys", access(recently, { ...api, input: NewPasskey }), async (c) => {
    const request = requestOf(c);
    const { answer, name } = NewPasskey.of(request).body;
    const user = userOf(request);
    const added = (await passkeys.register(request, user.id, answer, name)) ?? refused();
    await sessions.revoke(user.id, { reason: "mfa_changed", request, keepCurrent: true });
    await sessions.stepUp(request, [added.proof]);
    await flows.notices.tell(user.id, "passkey_added", request);
    return c.json({ location: "/settings?notice=factors" }, 201);
  });

  app.post("/settings/passkeys/remove", access(recently, { input: PasskeyForm }), async (c) => {
    const request = requestOf(c);
    const { id } = PasskeyForm.of(request).form;
    const user = userOf(request);
    if ((await passkeys.list(user.id)).length === 1 && (await isNeeded(services, user, "passkey")))
      return c.redirect("/settings?notice=kept", 303);
    // Everybody here has a password, so the last passkey may go.
    if (!(await passkeys.remove(user.id, id, { evenLast: true }))) notFound();
    await flows.notices.tell(user.id, "passkey_removed", request);
    await afterChange(services, request, user);
    return c.redirect("/settings?notice=factors", 303);
  });

  const signing = { ...api, input: PasskeyAnswer };
  app.post("/sign-in/passkey", access(publicAccess("sign-in by passkey"), signing), async (c) => {
    const request = requestOf(c);
    const outcome = await flows.secondFactors.passkey(request, PasskeyAnswer.of(request).body.answer);
    return outcome.kind === "established" ? c.json({ location: wayBack(services, request, "/documents") }) : refused();
  });

  app.post("/confirm/passkey/options", access(authenticated(), { ...api, input: Nothing }), async (c) => {
    const request = requestOf(c);
    return c.json(await passkeys.authenticationOptions(request, userOf(request).id));
  });

  app.post("/confirm/passkey", access(authenticated(), signing), async (c) => {
    const request = requestOf(c);
    const { answer } = PasskeyAnswer.of(request).body;
    const proof = (await passkeys.authenticate(request, answer, userOf(request).id)) ?? refused();
    const outcome = await sessions.stepUp(request, [proof]);
    return outcome.kind === "established" ? c.json({ location: wayBack(services, request, "/settings") }) : refused();
  });
}

/** The only factor of somebody whose workspace requires one. */
async function isNeeded({ accounts, factors }: Services, user: User, method: "totp" | "passkey"): Promise<boolean> {
  const others = (await factors.enrolled(subjectOf(user))).filter((one) => one !== method && one !== "recovery_code");
  return others.length === 0 && accounts.requiresSecondFactor(user.tenantId);
}

/** Codes that stand in for nothing are void, and other browsers sign in anew. */
async function afterChange(services: Services, request: Exchange, user: User): Promise<void> {
  const { factors, sessions } = services;
  if ((await factors.enrolled(subjectOf(user))).length === 0) await factors.recoveryCodes.remove(user.id);
  await sessions.revoke(user.id, { reason: "mfa_changed", request, keepCurrent: true });
}

function subjectOf({ id, tenantId, roles }: User): { userId: string; tenantId: string; roles: readonly string[] } {
  return { userId: id, tenantId, roles };
}

/** The address of ours that was asked for, or another one. */
function wayBack(services: Services, request: Exchange, fallback: string): string {
  const next = new URLSearchParams(request.query).get("next");
  if (next === null) return fallback;
  const { location, event } = safeRedirect(next, { origin: services.origin, fallback });
  if (event !== undefined) services.report(event, request);
  return location;
}

/** The verifier has written down why. */
function refused(): never {
  throw new Refusal({
    ...deny("credentials_wrong", auditEvent("authentication/authn_passkey_fail/failed")),
    events: [],
  });
}
