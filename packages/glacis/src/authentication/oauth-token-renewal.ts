/** Sealed tokens opened for use, and renewed by one process at a time. */
import { setTimeout as delay } from "node:timers/promises";
import type { AuditEvent } from "../core/event.ts";
import type { FieldSealer } from "../core/keys.ts";
import { Secret } from "../core/secret.ts";
import type { OauthTokenStore, SealedTokens, TokenHolder } from "./oauth-token-store.ts";
import type { GivenTokens, SsoClient, SsoProvider } from "./single-sign-on-provider.ts";

/** A token that ends within a minute is renewed before it is used. */
const EARLY_MS = 60_000;
/** Longer than a provider may take to answer. */
const LEASE_MS = 15_000;
const PATIENCE_MS = 20_000;
const LOOK_EVERY_MS = 50;
const MOST_RENEWALS = 2;
const LONGEST_TOKEN = 16_384;
/** Of a provider that does not say. */
const UNTOLD_SECONDS = 300;

export interface TokenKeeping {
  readonly store: OauthTokenStore;
  readonly sealer: FieldSealer;
  readonly client: Pick<SsoClient, "refresh">;
  readonly report: ((event: AuditEvent) => void) | undefined;
}

export interface TokenKeeper {
  /** @throws TypeError for a token that is empty or longer than 16 KiB */
  seal(holder: TokenHolder, given: GivenTokens, nowMs: number): Promise<string>;
  /** An access token that is good now; undefined when only the user can give one. */
  usable(holder: TokenHolder, provider: SsoProvider): Promise<Secret<string> | undefined>;
}

interface OpenTokens {
  readonly access: Secret<string>;
  readonly refresh: Secret<string> | undefined;
  readonly endsAtMs: number;
}

export function tokenKeeper(keeping: TokenKeeping): TokenKeeper {
  const { store, sealer } = keeping;

  async function usable(holder: TokenHolder, provider: SsoProvider): Promise<Secret<string> | undefined> {
    const patientUntilMs = Date.now() + PATIENCE_MS;
    let renewals = 0;
    for (;;) {
      const kept = await store.read(holder);
      const tokens = kept && (await open(keeping, holder, kept));
      if (kept === undefined || tokens === undefined) return undefined;
      const nowMs = Date.now();
      const leftMs = tokens.endsAtMs - nowMs;
      if (leftMs > EARLY_MS || (renewals > 0 && leftMs > 0)) return tokens.access;
      if (tokens.refresh === undefined || renewals >= MOST_RENEWALS) return leftMs > 0 ? tokens.access : undefined;
      if (nowMs > patientUntilMs)
        throw new Error("An integration's token is being renewed elsewhere, and it takes too long.");
      if (await store.lease(holder, kept.version, nowMs + LEASE_MS, nowMs)) {
        await renew(keeping, provider, holder, kept, tokens);
        renewals += 1;
      } else await delay(LOOK_EVERY_MS);
    }
  }

  return {
    usable,
    async seal(holder, given, nowMs) {
      const { accessToken, refreshToken, expiresInSeconds = UNTOLD_SECONDS } = given;
      if ([accessToken, refreshToken ?? "-"].some((text) => text === "" || text.length > LONGEST_TOKEN))
        throw new TypeError("The provider's token is empty or too long.");
      const text = JSON.stringify([accessToken, refreshToken ?? null, nowMs + expiresInSeconds * 1000]);
      return sealer.seal(text, placeOf(holder));
    },
  };
}

/** What does not open in its place is as good as lost. */
async function open(
  { sealer, report }: TokenKeeping,
  holder: TokenHolder,
  { sealed }: SealedTokens,
): Promise<OpenTokens | undefined> {
  try {
    const text = await sealer.open(sealed, placeOf(holder));
    const [access, refresh, endsAtMs] = JSON.parse(text) as [string, string | null, number];
    return { access: new Secret(access), refresh: refresh === null ? undefined : new Secret(refresh), endsAtMs };
  } catch {
    report?.(lost(holder, "not_opened"));
    return undefined;
  }
}

/** The one that holds the lease renews; whatever comes of it, the lease is over. */
// oxlint-disable-next-line max-params -- whose, at whom, and what there was
async function renew(
  keeping: TokenKeeping,
  provider: SsoProvider,
  holder: TokenHolder,
  { version }: SealedTokens,
  { refresh, endsAtMs }: OpenTokens,
): Promise<void> {
  const { store, client, report } = keeping;
  let given: GivenTokens | undefined;
  try {
    given = await client.refresh(provider, (refresh as Secret<string>).reveal());
  } catch (error) {
    await store.release(holder, version);
    // While the old one is good, a provider that does not answer is nobody's trouble yet.
    if (Date.now() < endsAtMs) return;
    throw error;
  }
  if (given === undefined) {
    await store.remove(holder, version);
    report?.(lost(holder, "refused_by_provider"));
    return;
  }
  // A provider that does not rotate leaves the refresh token as it is.
  const next = { refreshToken: (refresh as Secret<string>).reveal(), ...given };
  await store.replace(holder, version, await tokenKeeper(keeping).seal(holder, next, Date.now()));
}

function placeOf({ tenantId, userId, integration }: TokenHolder): { readonly tenantId: string; readonly row: string } {
  return { tenantId, row: JSON.stringify([userId, integration]) };
}

function lost({ tenantId, userId }: TokenHolder, detail: string): AuditEvent {
  return {
    event_type: "token",
    status: "failed",
    severity: "warning",
    event: "integration_token_lost",
    control: "oauth-token-confinement",
    user_id: userId,
    tenant_id: tenantId,
    detail,
  };
}
