import { Refusal, tenantScope, type Exchange } from "glacis";
import { invalid, notFound } from "../input.ts";
import { userOf, type Services } from "../services.ts";
import { ROLE_ORDER, type Role } from "./memberships.ts";

/**
 * Changes somebody's role, or takes them out of the workspace, and ends their sessions: what they do next, they do with the rights they have now.
 *
 * @param role undefined removes them
 * @throws Refusal 403 above one's own role, 404 for nobody, 422 for the last owner
 */
export async function changeMembership(
  services: Services,
  request: Exchange,
  userId: string,
  role: Role | undefined,
): Promise<void> {
  const { accounts, sessions } = services;
  const actor = userOf(request);
  const result =
    role === undefined ? await accounts.removePerson(actor, userId) : await accounts.changeRole(actor, userId, role);
  if (result === "not_found") notFound();
  if (result === "last_owner") invalid("body", "role", "A workspace keeps at least one owner.");
  services.report(
    {
      event_type: "account",
      status: "succeeded",
      severity: "warning",
      event: "authz_change",
      action: role === undefined ? "remove" : `role:${role}`,
      resource_type: "membership",
      user_id: actor.id,
      tenant_id: actor.tenantId,
      resource_id: userId,
    },
    request,
  );
  await sessions.revoke(userId, { reason: "role_changed", request });
}

/**
 * Requires a second factor of everybody in the workspace, or leaves it to them. Whoever has none is signed out, and adds one when they come back.
 *
 * @returns false when the owner has none: whoever makes a rule keeps it
 */
export async function setSecondFactorPolicy(
  services: Services,
  request: Exchange,
  required: boolean,
): Promise<boolean> {
  const { accounts, factors, sessions } = services;
  const owner = userOf(request);
  const { tenantId } = owner;
  const lacks = async (userId: string): Promise<boolean> =>
    (await factors.enrolled({ userId, tenantId, roles: [] })).length === 0;
  if (required && (await lacks(owner.id))) return false;
  await accounts.requireSecondFactor(owner, required);
  services.report(
    {
      event_type: "account",
      status: "succeeded",
      severity: "warning",
      event: "authz_change",
      action: required ? "second_factor:required" : "second_factor:optional",
      resource_type: "tenant",
      user_id: owner.id,
      tenant_id: tenantId,
    },
    request,
  );
  if (!required) return true;
  for (const { id } of await accounts.people(tenantScope(owner)))
    if (await lacks(id)) await sessions.revoke(id, { reason: "mfa_changed", request });
  return true;
}

/**
 * Invites somebody into the workspace of whoever asks. Whether the address has an account already, nobody hears but its owner.
 *
 * @throws Refusal 403 for a role above one's own, 422 for what is no address
 */
export async function invite(
  { flows }: Services,
  request: Exchange,
  { email, role }: { readonly email: string; readonly role: Role },
): Promise<void> {
  const actor = userOf(request);
  const decision = ROLE_ORDER.decide(actor, { from: undefined, to: role });
  if (decision.kind === "deny") throw new Refusal(decision);
  const { kind } = await flows.invitations.invite(
    { email, tenantId: actor.tenantId, roles: [role], invitedBy: actor.id },
    request,
  );
  if (kind === "address_malformed") invalid("body", "email", "Enter an e-mail address such as name@example.com.");
}
