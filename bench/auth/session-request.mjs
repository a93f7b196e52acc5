/** A request as a session sees it, and a user to sign in. */
import { saas } from "glacis";
import { keyRing, newKey } from "glacis/data";

const USER = { tenantId: "tenant-1", roles: ["member"] };

const { parseCookies } = saas({ origin: "https://app.example.com", keys: keyRing(newKey("k1")) }).interpretation;

export function factsOf(cookie) {
  return { cookies: parseCookies(cookie), receivedAtMs: Date.now(), header: () => undefined, route: ROUTE };
}

const BROWSERS = 500;
const ROUTE = { kind: "api", passive: false };

/** Signs many browsers in and gives back the Cookie header of each. */
export async function browsersOf(signIn) {
  const cookies = [];
  for (let index = 0; index < BROWSERS; index += 1) cookies.push(await signIn(`user-${index}`));
  return (turn) => cookies[turn % BROWSERS];
}

export async function glacisSignIn(sessions, prove, userId) {
  const lines = [];
  const request = {
    ...factsOf(undefined),
    addResponseHeaders: (headers) => lines.push(...headers.map(([, value]) => value)),
    note: () => undefined,
  };
  await sessions.establish(request, [prove(userId, request.receivedAtMs)], { ...USER, userId });
  return lines.find((line) => line.startsWith("__Host-session=")).split(";")[0];
}
