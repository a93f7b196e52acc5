import { glacis, saas, withControls, type AuditSink, type Security } from "glacis";
import type { Csrf, Sessions } from "glacis/authentication";
import { eventArchive, postgresEvents, type EventArchive } from "glacis/center";
import { databaseControls, keyRing } from "glacis/data";
import {
  memoryRateLimits,
  overloadProtection,
  postgresRateLimits,
  type OverloadProtection,
  type RateLimitStore,
} from "glacis/network";
import { accountsIn } from "./accounts/accounts.ts";
import type { Assets } from "./assets.ts";
import type { Database } from "./database/database.ts";
import { linkPreviews, type Previews } from "./documents/preview.ts";
import { securityPages } from "./operations/security-pages.ts";
import type { Settings } from "./operations/settings.ts";
import { refusalPage } from "./views/refusal.ts";

export interface Guard {
  readonly security: Security;
  readonly sessions: Sessions;
  readonly csrf: Csrf;
  readonly limitStore: RateLimitStore;
  readonly previews: Previews;
  /** Events where the Security Center finds them; to be closed before the database is. */
  readonly archive: EventArchive;
}

/** A black-box test asks faster than a person, from one address. The limits on guessing passwords are not these, and stay. */
const TEST_LIMITS = { client: "6000/m", anonymous: "6000/m", user: "6000/m" } as const;

export const MODES = { demo: "development", "test-target": "test", production: "production" } as const;

/** The whole security of the application: the preset, and the facts that only this application knows. */
export function guardOf(settings: Settings, keys: string, database: Database, assets: Assets, audit: AuditSink): Guard {
  const { kind, origin, hosts, trustedOrigins, proxies } = settings;
  const limitStore = database.shared ? postgresRateLimits({ database: database.driver }) : memoryRateLimits();
  const archive = eventArchive({ store: postgresEvents(database) });
  const preset = saas({
    origin,
    keys: keyRing(keys),
    database,
    mode: MODES[kind],
    limitStore,
    audit: archive.tee(audit),
    refusalPage: refusalPage(assets),
    ...(proxies.length > 0 && { proxies }),
    ...(hosts.length > 0 && { hosts }),
    ...(trustedOrigins.length > 0 && { trustedOrigins }),
    ...(kind === "test-target" && { limits: TEST_LIMITS }),
  });
  const { posture } = database;
  const layers =
    posture === undefined ? preset : { ...preset, environment: [...preset.environment, ...databaseControls(posture)] };
  const patient = database.shared ? layers : withControls(layers, patience());
  const composed = kind === "test-target" ? behindTls(patient) : patient;
  const previews = linkPreviews((event) => security.report(event));
  const center = securityPages(settings, preset, archive, accountsIn(database), () => security);
  const security: Security = glacis({
    ...composed,
    network: [...composed.network, previews.control],
    endpoints: [...composed.endpoints, ...center],
  });
  return { security, sessions: layers.sessions, csrf: layers.csrf, limitStore, previews, archive };
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
