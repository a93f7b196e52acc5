import {
  glacis,
  saas,
  withControls,
  type AuditEvent,
  type AuditSink,
  type IdentifiedFacts,
  type Security,
} from "glacis";
import { authenticationRoutes, type AuthenticationFlows, type Csrf, type Sessions } from "glacis/authentication";
import { eventArchive, postgresEvents, type EventArchive } from "glacis/center";
import { databaseControls, keyRing } from "glacis/data";
import {
  memoryRateLimits,
  overloadProtection,
  postgresRateLimits,
  rateLimit,
  type OverloadProtection,
  type RateLimit,
  type RateLimitStore,
} from "glacis/network";
import { accountsIn, type Accounts } from "./accounts/accounts.ts";
import { fileStoreOf, type FileStore } from "./attachments/file-store.ts";
import { fileTasksOf, type FileTasks } from "./attachments/file-tasks.ts";
import { flowPages } from "./accounts/flow-pages.ts";
import type { Assets } from "./assets.ts";
import { factorsOf, flowsOf, type AuthenticationParts, type Factors } from "./authentication.ts";
import type { DemoTenant } from "./demo.ts";
import { linkPreviews, type Previews } from "./documents/preview.ts";
import { securityPages } from "./operations/security-pages.ts";
import { refusalPage } from "./views/refusal.ts";

export interface Guard {
  readonly security: Security;
  readonly sessions: Sessions;
  readonly csrf: Csrf;
  readonly flows: AuthenticationFlows;
  readonly factors: Factors;
  readonly invitationLimit: RateLimit<IdentifiedFacts>;
  readonly limitStore: RateLimitStore;
  readonly previews: Previews;
  readonly files: FileStore;
  readonly fileTasks: FileTasks;
  /** Events where the Security Center finds them; to be closed before the database is. */
  readonly archive: EventArchive;
}

export interface GuardParts extends Pick<AuthenticationParts, "settings" | "database" | "hashing" | "throttleStore"> {
  /** The key ring, as text. */
  readonly keys: string;
  readonly assets: Assets;
  readonly audit: AuditSink;
  readonly accounts?: Accounts;
  /** Shown on the sign-in page. */
  readonly demo?: readonly DemoTenant[];
  readonly limitStore?: RateLimitStore;
}

/** A black-box test asks faster than a person, from one address. The limits on guessing passwords are not these, and stay. */
const TEST_LIMITS = { client: "6000/m", anonymous: "6000/m", user: "6000/m" } as const;

export const MODES = { demo: "development", "test-target": "test", production: "production" } as const;

/** Second factors are part of the settings, which are pages of our own; and everybody may sign up, so that no account is the first. */
const OWN_ROUTES = [
  "/setup",
  "/sign-in/passkey",
  "/account/totp",
  "/account/totp/remove",
  "/account/recovery-codes",
  "/account/passkeys/options",
  "/account/passkeys",
  "/account/passkeys/rename",
  "/account/passkeys/remove",
  "/account/sessions",
  "/account/sessions/end",
  "/account/sessions/end-others",
];

/** The whole security of the application: the preset, the flows of accounts, and the facts that only this application knows. */
export function guardOf(parts: GuardParts): Guard {
  const { settings, database, assets, audit, accounts = accountsIn(database), demo = [] } = parts;
  const { kind, origin, hosts, trustedOrigins, proxies } = settings;
  const archive = eventArchive({ store: postgresEvents(database) });
  const keys = keyRing(parts.keys);
  const limitStore =
    parts.limitStore ?? (database.shared ? postgresRateLimits({ database: database.driver }) : memoryRateLimits());
  const report = (event: AuditEvent): void => security.report(event);
  const files = fileStoreOf({ settings, keys, database, limitStore });
  const fileTasks = fileTasksOf({ ...files, database, report });
  const authentication: AuthenticationParts = { ...parts, keys, accounts, report, erased: () => fileTasks.run() };
  const factors = factorsOf(authentication);
  const preset = saas({
    origin,
    keys,
    database,
    mode: MODES[kind],
    limitStore,
    audit: archive.tee(audit),
    mfa: { enrolled: factors.enrolled },
    refusalPage: refusalPage(assets),
    ...(proxies.length > 0 && { proxies }),
    ...(hosts.length > 0 && { hosts }),
    ...(trustedOrigins.length > 0 && { trustedOrigins }),
    ...(kind === "test-target" && { limits: TEST_LIMITS }),
  });
  const { flows, controls } = flowsOf(authentication, preset.sessions, factors);
  const endpoints = authenticationRoutes(flows, {
    csrf: preset.csrf,
    render: flowPages({ assets, demo, hasPasskeys: factors.passkeys !== undefined }),
    home: "/documents",
    profile: ["workspace", "name"],
    // Each of these makes a hash or a mail.
    limits: [postLimit("accounts", "client", kind === "test-target" ? "1200/h" : "20/h", limitStore)],
    without: OWN_ROUTES,
  });
  const whole = { ...preset, endpoints: [...preset.endpoints, ...endpoints] };
  const { posture } = database;
  const layers = withControls(
    posture === undefined ? whole : { ...whole, environment: [...whole.environment, ...databaseControls(posture)] },
    ...controls,
    ...factors.controls,
  );
  const patient = database.shared ? layers : withControls(layers, patience());
  const composed = kind === "test-target" ? behindTls(patient) : patient;
  const previews = linkPreviews(report);
  const center = securityPages(settings, preset, archive, accounts, () => security);
  const security: Security = glacis({
    ...composed,
    network: [...composed.network, previews.control],
    environment: [...composed.environment, ...files.controls],
    endpoints: [...composed.endpoints, ...center],
  });
  const { sessions, csrf } = layers;
  const invitationLimit = postLimit("invitations", "user", "30/h", limitStore);
  return { security, sessions, csrf, flows, factors, invitationLimit, limitStore, previews, files, fileTasks, archive };
}

function postLimit(name: string, by: "client" | "user", rates: "1200/h" | "20/h" | "30/h", store: RateLimitStore) {
  return rateLimit({ name, rates, by, methods: ["POST"], store });
}

/** The embedded database works on the event loop itself, so a busy loop is no sign of overload there. Production has no embedded database. */
function patience(): OverloadProtection {
  return overloadProtection({ shedAtDelayMs: 3_000, exemptPaths: ["/healthz"] });
}

/** As if a proxy on this very machine had ended TLS: every request counts as https. For `--test-target` alone, which listens on loopback. */
function behindTls(layers: ReturnType<typeof saas>): ReturnType<typeof saas> {
  const { interpretation } = layers;
  const { resolve } = interpretation;
  return {
    ...layers,
    interpretation: { ...interpretation, resolve: (wire) => ({ ...resolve(wire), scheme: "https" }) },
  };
}
