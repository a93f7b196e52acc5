import type { Account, AccountEffects, AccountStore } from "./account-store.ts";
import type { JobStore } from "./job-store.ts";
import type { OneTimeLinkStore } from "./one-time-link-store.ts";

/** Accounts in this process alone, for development and tests. Every step runs without a pause, so none is ever seen half done. */
export function memoryAccounts(links: OneTimeLinkStore, jobs: JobStore): AccountStore {
  const accounts = new Map<string, Account>();
  /** By address: a search from the front would take longer for an address that nobody has. */
  const owners = new Map<string, string>();

  function put(account: Account): void {
    const { email } = accounts.get(account.userId) ?? account;
    owners.delete(email);
    owners.set(account.email, account.userId);
    accounts.set(account.userId, account);
  }
  function spends({ spend }: AccountEffects): boolean {
    return spend === undefined || links.take(spend.id, spend.purpose, spend.nowMs) !== undefined;
  }
  function apply(userId: string, { voids = [], jobs: queued = [] }: AccountEffects): void {
    void links.void(voids, userId);
    void jobs.add(queued);
  }
  return {
    byEmail: async (email) => accounts.get(owners.get(email) ?? ""),
    byId: async (userId) => accounts.get(userId),
    async create(account, effects = {}) {
      if (!spends(effects)) return false;
      if (accounts.has(account.userId) || owners.has(account.email)) return false;
      put(account);
      apply(account.userId, effects);
      return true;
    },
    async change(userId, version, change, effects = {}) {
      const standing = accounts.get(userId);
      if (standing?.version !== version) return undefined;
      if (change.email !== undefined && (owners.get(change.email) ?? userId) !== userId) return undefined;
      if (!spends(effects)) return undefined;
      const changed: Account = { ...standing, ...change, version: version + 1 };
      put(changed);
      apply(userId, effects);
      return changed;
    },
    async upgradeHash(userId, from, to) {
      const standing = accounts.get(userId);
      if (standing?.passwordHash === from) accounts.set(userId, { ...standing, passwordHash: to });
    },
    async remove(userId, queued = []) {
      const standing = accounts.get(userId);
      if (standing === undefined) return;
      owners.delete(standing.email);
      accounts.delete(userId);
      void jobs.add(queued);
    },
    any: async () => accounts.size > 0,
  };
}
