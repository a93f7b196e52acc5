import type { RequestFacts, Refusal } from "glacis";
import { rateLimit, type RateLimitStore } from "glacis/network";
import type { Accounts, Credentials } from "./accounts.ts";
import { HasherBusyError, type PasswordHasher } from "./password-hasher.ts";

export const ATTEMPTS_PER_ACCOUNT = 5;
export const FAILURES_PER_CLIENT = 20;
export const WINDOW_SECONDS = 900;
/** What was taken returns evenly: the first attempt after a fifth of the window. */
export const LOCK_SECONDS: number = WINDOW_SECONDS / ATTEMPTS_PER_ACCOUNT;

export type SignInResult =
  | { readonly kind: "proved"; readonly found: Credentials }
  | { readonly kind: "wrong" }
  | { readonly kind: "busy" }
  | { readonly kind: "blocked"; readonly decision: Refusal["decision"] };

/** @param email canonical; undefined when what was typed is no address, which is nobody's and costs the same */
export type ProvePassword = (
  request: RequestFacts,
  email: string | undefined,
  password: string,
) => Promise<SignInResult>;

/**
 * Proves a password. An unknown account takes the same path, the same time and the same counters as a known one, so neither the answer, nor
 * the clock, nor the lock says which it is.
 *
 * An account's attempts are counted before the password is looked at: of a thousand guesses at once five are judged. A success starts a new
 * count, because the number of sign-ins is part of the counter's name. A client's failures are counted once they are known, and the ones
 * still being judged count too, so that a flood in parallel gains nothing.
 *
 * @example
 * const prove = passwordProof(accounts, hasher, memoryRateLimits());
 */
export function passwordProof(accounts: Accounts, hasher: PasswordHasher, store: RateLimitStore): ProvePassword {
  const counters = new WeakMap<RequestFacts, string>();
  const perAccount = rateLimit({
    name: "sign-in-account",
    by: (facts: RequestFacts) => counters.get(facts),
    rates: { limit: ATTEMPTS_PER_ACCOUNT, windowSeconds: WINDOW_SECONDS },
    store,
    whenStoreDown: "refuse",
  });
  const perClient = rateLimit({
    name: "sign-in-client",
    by: "client",
    rates: { limit: FAILURES_PER_CLIENT, windowSeconds: WINDOW_SECONDS },
    store,
    whenStoreDown: "refuse",
  });
  const judging = new Map<string, number>();

  async function judge(request: RequestFacts, email: string | undefined, password: string): Promise<SignInResult> {
    const found = email === undefined ? undefined : await accounts.findCredentials(email);
    counters.set(request, `${email ?? ""}#${found?.signIns ?? 0}`);
    const decision = await perAccount.decide(request);
    if (decision.kind === "deny") return { kind: "blocked", decision };
    const matches = await hasher.verify(found?.passwordHash, password);
    if (matches && found !== undefined) return { kind: "proved", found };
    await perClient.decide(request);
    return { kind: "wrong" };
  }

  return async (request, email, password) => {
    const usage = await perClient.usage(request);
    const decision = usage?.limited === true ? await perClient.decide(request) : undefined;
    if (decision?.kind === "deny") return { kind: "blocked", decision };
    const open = judging.get(request.client) ?? 0;
    if (open >= (usage?.rates[0]?.remaining ?? 0)) return { kind: "busy" };
    judging.set(request.client, open + 1);
    try {
      return await judge(request, email, password);
    } catch (error) {
      if (error instanceof HasherBusyError) return { kind: "busy" };
      throw error;
    } finally {
      const left = (judging.get(request.client) ?? 1) - 1;
      if (left > 0) judging.set(request.client, left);
      else judging.delete(request.client);
    }
  };
}
