import type { Account, AccountEffects, AccountStore } from "./account-store.ts";
import type { JobStore } from "./job-store.ts";
import type { OneTimeLinkStore } from "./one-time-link-store.ts";

/** Accounts in this process alone, for development and tests. Every step runs without a pause, so none is ever seen half done. */
export function memoryAccounts(links: OneTimeLinkStore, jobs: JobStore): AccountStore {
  const accounts = new Map<string, Account>();
  const byEmail = (email: string): Account | undefined =>
    [...accounts.values()].find((account) => account.email === email);

  function spends({ spend }: AccountEffects): boolean {
    return spend === undefined || links.take(spend.id, spend.purpose, spend.nowMs) !== undefined;
  }
  function apply(userId: string, { voids = [], jobs: queued = [] }: AccountEffects): void {
    void links.void(voids, userId);
    void jobs.add(queued);
  }
  return {
    byEmail: async (email) => byEmail(email),
    byId: async (userId) => accounts.get(userId),
    async create(account, effects = {}) {
      if (!spends(effects)) return false;
      if (accounts.has(account.userId) || byEmail(account.email) !== undefined) return false;
      accounts.set(account.userId, account);
      apply(account.userId, effects);
      return true;
    },
    async change(userId, version, change, effects = {}) {
      const standing = accounts.get(userId);
      if (standing?.version !== version) return undefined;
      if (change.email !== undefined && (byEmail(change.email)?.userId ?? userId) !== userId) return undefined;
      if (!spends(effects)) return undefined;
      const changed: Account = { ...standing, ...change, version: version + 1 };
      accounts.set(userId, changed);
      apply(userId, effects);
      return changed;
    },
    async upgradeHash(userId, from, to) {
      const standing = accounts.get(userId);
      if (standing?.passwordHash === from) accounts.set(userId, { ...standing, passwordHash: to });
    },
    async remove(userId) {
      accounts.delete(userId);
    },
    any: async () => accounts.size > 0,
  };
}
