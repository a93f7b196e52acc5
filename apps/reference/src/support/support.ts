/** Visits of Folio's own staff: where a workspace's owner lets them look in, for half an hour, to read, and on record under both names. */
import type { AuditEvent, Exchange, User } from "glacis";
import {
  postgresSupport,
  supportImpersonation,
  type SupportConsent,
  type SupportImpersonation,
  type SupportVisit,
} from "glacis/authorization";
import type { MailTransport } from "glacis/authentication";
import type { ArchivedEvent, EventArchive } from "glacis/center";
import { html } from "glacis/input";
import { systemScope, type Accounts } from "../accounts/accounts.ts";
import type { Database } from "../database/database.ts";
import { supportEvents } from "./records.ts";

/** A role that no workspace can give: it comes with a place in the workspace of Folio's own staff. */
export const SUPPORT_ROLE = "support";
export const VISIT_EXIT = "/support/end";

/**
 * What a visitor may not even read: whatever is about the person instead of the work, leads to another right, or is a copy to take away. The test
 * of this list knows every route, so that a new one is decided about.
 */
export const CLOSED_TO_VISITORS: readonly string[] = [
  "/settings",
  "/settings/support",
  "/settings/api-keys",
  "/settings/webhooks",
  "/account/totp",
  "/support",
  "/activity",
  "/security-access",
  "/confirm",
  "/account/password",
  "/account/email",
  "/account/delete",
  "/account/keep",
  "/email/confirm",
  "/invitation",
  "/not-me",
  "/reset-password",
  "/forgot-password",
  "/sign-in",
  "/sso/start",
  "/sso/callback",
  "/sign-in/second-factor",
  "/sign-up",
  "/sign-up/confirm",
  "/outbox",
  "/files",
  "/documents/:id/attachments/:attachmentId",
  "/documents/:id/attachments/:attachmentId/remove",
  "/documents/:id/delete",
  "/documents/:id/edit",
  "/documents/new",
  "/api/attachments/:id",
  "/api/admin/users",
];

/** A consent as support staff sees it. */
export interface OpenDoor {
  readonly tenantId: string;
  readonly tenantName: string;
  /** Whom the visitor will be. */
  readonly userId: string;
  readonly userName: string;
  readonly endsAtMs: number;
}

/** What the banner of each page says. */
export interface VisitBanner {
  readonly visitor: string;
  readonly purpose: string;
  readonly endsAtMs: number;
}

/** One line of what support did, for the workspace that it was done in. */
export interface SupportRecord {
  readonly atMs: number;
  readonly event: string;
  /** The member of staff, where one was there. */
  readonly visitor: string | undefined;
  /** Who was seen, or who decided. */
  readonly person: string | undefined;
  readonly route: string | undefined;
  readonly purpose: string | undefined;
}

export interface Support extends SupportImpersonation {
  /** False where no workspace of staff is named: then nobody can visit, and nobody is asked for a consent. */
  readonly offered: boolean;
  /** The roles of somebody in a workspace. */
  readonly rolesIn: (tenantId: string, role: string) => readonly string[];
  doors(nowMs: number): Promise<readonly OpenDoor[]>;
  banner(request: Exchange): Promise<VisitBanner | undefined>;
  consentOf(user: User, nowMs: number): Promise<SupportConsent | undefined>;
  records(user: User): Promise<readonly SupportRecord[]>;
}

export interface SupportParts {
  readonly database: Database;
  readonly accounts: Accounts;
  readonly archive: EventArchive;
  readonly mail: MailTransport;
  /** The workspace of Folio's staff. */
  readonly staff: string | undefined;
  readonly report: (event: AuditEvent) => void;
}

export function supportOf(parts: SupportParts): Support {
  const { database, accounts, archive, mail, staff, report } = parts;
  const impersonation = supportImpersonation({
    store: postgresSupport(database),
    role: SUPPORT_ROLE,
    consentStands: async ({ tenantId, grantedBy }) => {
      const giver = await accounts.belonging(grantedBy);
      return giver?.tenantId === tenantId && giver.role === "owner";
    },
    exit: VISIT_EXIT,
    blocked: CLOSED_TO_VISITORS,
    report,
    async subject({ tenantId, userId }) {
      const found = await accounts.belonging(userId);
      return found?.tenantId === tenantId ? { roles: [found.role] } : undefined;
    },
    notify: (visit) => tellOwners(accounts, mail, visit, staff),
  });

  async function doors(nowMs: number): Promise<readonly OpenDoor[]> {
    const found = await Promise.all((await impersonation.standing(nowMs)).map((consent) => doorOf(accounts, consent)));
    return found.filter((door) => door !== undefined);
  }

  return {
    ...impersonation,
    offered: staff !== undefined,
    rolesIn: (tenantId, role) => (tenantId === staff && role !== "viewer" ? [role, SUPPORT_ROLE] : [role]),
    doors,
    consentOf: (user, nowMs) => impersonation.consented(user.tenantId, nowMs),
    async banner(request) {
      const visit = await impersonation.visit(request);
      if (visit === undefined) return undefined;
      const { actorId, actorTenantId, purpose, endsAtMs } = visit;
      return { visitor: await nameOf(accounts, actorTenantId, actorId), purpose, endsAtMs };
    },
    async records(user) {
      // What happened a moment ago waits in the archive's queue.
      await archive.flush();
      const people = await namesIn(accounts, user.tenantId);
      const visitors = staff === undefined ? new Map<string, string>() : await namesIn(accounts, staff);
      const events = await supportEvents(archive.store, user.tenantId);
      return events.map((event) => recordOf(event, people, visitors));
    },
  };
}

function recordOf(
  { timeMs, record }: ArchivedEvent,
  people: ReadonlyMap<string, string>,
  visitors: ReadonlyMap<string, string>,
): SupportRecord {
  const { event, actor_id: actor, user_id: person, route, purpose } = record;
  return {
    atMs: timeMs,
    event,
    visitor: actor === undefined ? undefined : (visitors.get(actor) ?? "somebody who has left Folio"),
    person: person === undefined ? undefined : (people.get(person) ?? "somebody who has left"),
    route,
    purpose,
  };
}

async function namesIn(accounts: Accounts, tenantId: string): Promise<ReadonlyMap<string, string>> {
  return new Map((await accounts.people(systemScope(tenantId, "support"))).map(({ id, name }) => [id, name]));
}

async function nameOf(accounts: Accounts, tenantId: string, userId: string): Promise<string> {
  return (await namesIn(accounts, tenantId)).get(userId) ?? "Folio support";
}

async function doorOf(accounts: Accounts, consent: SupportConsent): Promise<OpenDoor | undefined> {
  const { tenantId, grantedBy: userId, endsAtMs } = consent;
  const profile = await accounts.profileIn(systemScope(tenantId, "support"), { id: userId });
  return profile && { tenantId, tenantName: profile.tenantName, userId, userName: profile.name, endsAtMs };
}

const MAIL_TIME = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });

/** @throws where nobody can be told: then there is no visit */
async function tellOwners(
  accounts: Accounts,
  mail: MailTransport,
  { tenantId, actorId, actorTenantId, purpose, endsAtMs }: SupportVisit,
  staff: string | undefined,
): Promise<void> {
  if (actorTenantId !== staff) throw new Error("A visitor is not of Folio's staff.");
  const owners = (await accounts.people(systemScope(tenantId, "support"))).filter(({ role }) => role === "owner");
  if (owners.length === 0) throw new Error("There is no owner to be told of a visit.");
  const visitor = await nameOf(accounts, actorTenantId, actorId);
  const end = `${MAIL_TIME.format(endsAtMs)} UTC`;
  const lines = [
    `${visitor} of Folio support is looking at your workspace now, as you allowed.`,
    `What for: ${purpose}`,
    `It ends on ${end} at the latest. They can read and change nothing.`,
    "You can end it at once, and see what was looked at, in the settings under Support access.",
  ];
  for (const { email: to } of owners)
    await mail.send({
      to,
      subject: "Folio support is looking at your workspace",
      text: `${lines.join("\n\n")}\n`,
      html: String(
        html`<!doctype html><html lang="en"><body>${lines.map((line) => html`<p>${line}</p>`)}</body></html>`,
      ),
    });
}
