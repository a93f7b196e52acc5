import { fileURLToPath } from "node:url";
import {
  glacis,
  saas,
  withControls,
  type AuditEvent,
  type AuditSink,
  type Control,
  type IdentifiedFacts,
  type Layers,
  type Security,
  type User,
  type Watch,
} from "glacis";
import type { Accounts as People } from "glacis/accounts";
import { memorySignInThrottle, type Csrf, type Sessions, type SsoFetch } from "glacis/authentication";
import { objectLevelAuthorization } from "glacis/authorization";
import { eventArchive, postgresEvents, type EventArchive } from "glacis/center";
import {
  databaseControls,
  dataClassification,
  fieldEncryption,
  keyRing,
  retentionErasure,
  type Storage,
} from "glacis/data";
import { idempotencyKeys, postgresIdempotencyKeys } from "glacis/input";
import {
  memoryRateLimits,
  overloadProtection,
  postgresRateLimits,
  rateLimit,
  type OutboundOptions,
  type OverloadProtection,
  type RateLimit,
  type RateLimitStore,
} from "glacis/network";
import { clientCodeSafety, clientStorage } from "glacis/transport";
import { trail } from "./activity/trail.ts";
import { accountsIn, type Accounts } from "./accounts/accounts.ts";
import { fileStoreOf, type FileStore } from "./attachments/file-store.ts";
import { fileTasksOf, type FileTasks } from "./attachments/file-tasks.ts";
import { flowPages } from "./accounts/flow-pages.ts";
import { singleSignOnOf, type OwnIdentity } from "./accounts/single-sign-on.ts";
import type { Assets } from "./assets.ts";
import { accountsOf, mailOf, type AuthenticationParts } from "./authentication.ts";
import type { Database } from "./database/database.ts";
import { PERSONAL_DATA, schemaColumns } from "./database/personal-map.ts";
import type { DemoTenant } from "./demo.ts";
import { ACCESS_POLICIES } from "./database/access-policies.ts";
import { linkPreviews, type Previews } from "./documents/preview.ts";
import { securityPages } from "./operations/security-pages.ts";
import { watchOptions, type WatchParts } from "./operations/watch.ts";
import { supportOf, type Support } from "./support/support.ts";
import { refusalPage } from "./views/refusal.ts";
import { hooksOf, type Hooks } from "./webhooks/hooks.ts";

export interface Guard {
  readonly security: Security;
  readonly sessions: Sessions;
  readonly csrf: Csrf;
  readonly flows: People["flows"];
  readonly factors: People;
  readonly support: Support;
  /** What the workspace's identity provider calls somebody; undefined where the workspace has none. */
  readonly identityOf: (user: User) => Promise<OwnIdentity | undefined>;
  readonly invitationLimit: RateLimit<IdentifiedFacts>;
  /** For programs that send again when a connection breaks. Those that never do need no key. */
  readonly once: Control<IdentifiedFacts>;
  readonly limitStore: RateLimitStore;
  readonly previews: Previews;
  readonly hooks: Hooks;
  readonly files: FileStore;
  readonly fileTasks: FileTasks;
  /** Events where the Security Center finds them; to be closed before the database is. */
  readonly archive: EventArchive;
  /** The alarms, and the audit log with its chain; to be closed before the archive is. */
  readonly watch: Watch;
}

export interface GuardParts extends WatchParts, Pick<AuthenticationParts, "settings" | "hashing" | "throttleStore"> {
  readonly database: Database;
  /** The key ring, as text. */
  readonly keys: string;
  readonly assets: Assets;
  readonly audit: AuditSink;
  readonly accounts?: Accounts;
  /** Shown on the sign-in page. */
  readonly demo?: readonly DemoTenant[];
  readonly limitStore?: RateLimitStore;
  /** Where files lie; the data folder without it. */
  readonly storage?: Storage | undefined;
  /** What a test puts in the place of the internet. */
  readonly ssoFetch?: SsoFetch;
  readonly webhookOutbound?: Partial<OutboundOptions>;
}

/** A black-box test asks faster than a person, from one address. The limits on guessing passwords are not these, and stay. */
const TEST_LIMITS = { client: "6000/m", anonymous: "6000/m", user: "6000/m" } as const;

export const MODES = { demo: "development", "test-target": "test", production: "production" } as const;

/** The whole security of the application: the preset, the flows of accounts, and the facts that only this application knows. */
export function guardOf(parts: GuardParts): Guard {
  const { settings, database, assets, audit, accounts = accountsIn(database) } = parts;
  const { kind, origin, hosts, trustedOrigins, proxies } = settings;
  const archive = eventArchive({ store: postgresEvents(database) });
  const keys = keyRing(parts.keys);
  const limitStore =
    parts.limitStore ?? (database.shared ? postgresRateLimits({ database: database.driver }) : memoryRateLimits());
  const report = (event: AuditEvent): void => security.report(event);
  const files = fileStoreOf({ settings, keys, database, limitStore, storage: parts.storage });
  const fileTasks = fileTasksOf({ ...files, database, report });
  const mail = mailOf(settings);
  const sso = singleSignOnOf(settings.singleSignOn, { accounts, database, fetch: parts.ssoFetch });
  const support = supportOf({ database, accounts, archive, mail, staff: settings.supportWorkspace, report });
  const preset = saas({
    origin,
    keys,
    database,
    mode: MODES[kind],
    limitStore,
    audit: archive.tee(audit),
    ...watchOptions(parts, mail),
    accounts: peopleOf(parts, {
      accounts,
      mail,
      identities: sso.store,
      rolesIn: support.rolesIn,
      erased: () => fileTasks.run(),
    }),
    mfa: { required: ({ tenantId }) => accounts.requiresSecondFactor(tenantId) },
    auditTrail: trail,
    refusalPage: refusalPage(assets),
    outbound: { allow: sso.outbound },
    ...(proxies.length > 0 && { proxies }),
    ...(hosts.length > 0 && { hosts }),
    ...(trustedOrigins.length > 0 && { trustedOrigins }),
    ...(kind === "test-target" && { limits: TEST_LIMITS }),
  });
  const layers = withJudges(preset, database);
  const composed = kind === "test-target" ? behindTls(layers) : layers;
  const previews = linkPreviews(report);
  const hooks = hooksOf({ database, keys, report, outbound: parts.webhookOutbound });
  const signOn = sso.mount(preset);
  const center = securityPages({ settings, layers: preset, archive, accounts, keys, security: () => security });
  const security: Security = glacis({
    ...composed,
    network: [...composed.network, previews.control, hooks.control],
    environment: [...composed.environment, ...files.controls, ...personalDataControls(database)],
    authenticate: support.authenticate(composed.authenticate),
    authorization: [
      ...composed.authorization,
      support.control,
      objectLevelAuthorization(ACCESS_POLICIES, database.posture),
    ],
    endpoints: [...composed.endpoints, ...center, ...signOn.endpoints],
    authentication: [...composed.authentication, ...signOn.controls],
  });
  const { sessions, csrf, watch, accounts: factors } = layers;
  const { flows } = factors;
  const invitationLimit = invitationLimitOf(limitStore);
  const sealer = fieldEncryption({ keys, report }).column({ table: "glacis_idempotency", column: "response" });
  const once = idempotencyKeys({ store: postgresIdempotencyKeys({ database, sealer }), required: false });
  const tools = { sessions, csrf, flows, factors, support, invitationLimit, once, limitStore, previews, hooks };
  return { security, ...tools, files, fileTasks, identityOf: sso.identityOf, archive, watch };
}

function invitationLimitOf(store: RateLimitStore): RateLimit<IdentifiedFacts> {
  return rateLimit({ name: "invitations", rates: "30/h", by: "user", methods: ["POST"], store });
}

/** What browsers get as it stands; the check reads it. */
const SCRIPTS = fileURLToPath(new URL("../assets", import.meta.url));

/** What only this application knows of its database and of the scripts that it sends. */
function withJudges<Composition extends Layers>(preset: Composition, { posture, shared }: Database): Composition {
  const judged = withControls(
    preset,
    clientStorage({ folder: SCRIPTS }),
    clientCodeSafety({ folder: SCRIPTS }),
    ...(shared ? [] : [patience()]),
  );
  if (posture === undefined) return judged;
  return { ...judged, environment: [...judged.environment, ...databaseControls(posture)] };
}

/** The map of personal data, held against what the program knows of the database, and against the database where somebody has looked. */
function personalDataControls({ posture = [] }: Database): readonly Control[] {
  const judged = { map: PERSONAL_DATA, posture };
  return [dataClassification({ ...judged, schema: schemaColumns() }), retentionErasure(judged)];
}

/** The library's accounts in Folio's design. */
function peopleOf(
  { settings, database, assets, demo = [], hashing, throttleStore }: GuardParts,
  more: Pick<AuthenticationParts, "accounts" | "mail" | "identities" | "rolesIn" | "erased">,
) {
  const hasPasskeys = /[a-z]$/u.test(new URL(settings.origin).hostname);
  const render = flowPages({ assets, demo, hasPasskeys, provider: settings.singleSignOn?.name });
  // The embedded database is one process and one connection: counting beside it costs sign-ins nothing.
  const store = throttleStore ?? (database.shared ? undefined : memorySignInThrottle());
  return accountsOf({ ...more, settings, render, ...(hashing && { hashing }), ...(store && { throttleStore: store }) });
}

/** The embedded database works on the event loop itself, so a busy loop is no sign of overload there. Production has no embedded database. */
function patience(): OverloadProtection {
  return overloadProtection({ shedAtDelayMs: 3_000, exemptPaths: ["/healthz"] });
}

/** As if a proxy on this very machine had ended TLS: every request counts as https. For `--test-target` alone, which listens on loopback. */
function behindTls<Composition extends Layers>(layers: Composition): Composition {
  const { interpretation } = layers;
  const { resolve } = interpretation;
  return {
    ...layers,
    interpretation: { ...interpretation, resolve: (wire) => ({ ...resolve(wire), scheme: "https" }) },
  };
}
