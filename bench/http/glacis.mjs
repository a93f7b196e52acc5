/** Glacis as the preset composes it, with sessions and counters in memory and limits that are not reached. */
import { authenticated, glacis, publicAccess, saas, withControls } from "glacis";
import { dangerouslyProvedElsewhere } from "glacis/authentication";
import { oncePerRequest } from "glacis/authorization";
import { keyRing, newKey } from "glacis/data";
import { overloadProtection } from "glacis/network";
import { ORIGIN, PARTNER } from "./application.mjs";

export const OPEN = publicAccess("benchmark");
export const SIGNED_IN = authenticated();
const USER = { userId: "user-1", tenantId: "tenant-1", roles: ["member"] };

/** Signs the request's browser in. */
export function signIn(sessions, request) {
  return sessions.establish(request, [dangerouslyProvedElsewhere(USER.userId, request.receivedAtMs)], USER);
}

/** @param followed something is composed that asks for the current request, as an application with a database does */
export function composed(limit, followed) {
  if (followed) oncePerRequest(async () => undefined);
  const rates = { limit, windowSeconds: 60 };
  const layers = saas({
    origin: ORIGIN,
    keys: keyRing(newKey("k1")),
    proxies: ["127.0.0.0/8"],
    cors: { origins: [PARTNER], credentials: true },
    limits: { client: rates, anonymous: rates, user: rates, service: rates },
    // All connections of the load are one user's.
    concurrency: { perUser: 100 },
  });
  // The load is meant to saturate the server: it measures as always, and sheds nothing.
  const patient = overloadProtection({ shedAtDelayMs: 60_000 });
  return { security: glacis(withControls(layers, patient)), sessions: layers.sessions, tokens: layers.csrf };
}
