import type { SessionRecord, SessionStore } from "./session-record.ts";

const MOST_SESSIONS = 100_000;

/**
 * Sessions in this process alone, for development, tests and single-process tools. Bounded: the oldest session makes room for a new one.
 *
 * @param mostSessions how many are kept
 */
export function memorySessions(mostSessions: number = MOST_SESSIONS): SessionStore {
  const records = new Map<string, SessionRecord>();
  return {
    kind: "memory",
    read: (id) => records.get(id),
    create(record, replacesId) {
      if (replacesId !== undefined) records.delete(replacesId);
      if (records.size >= mostSessions) records.delete(records.keys().next().value as string);
      records.set(record.id, record);
    },
    touch(id, seenAtMs) {
      const record = records.get(id);
      if (record !== undefined) records.set(id, { ...record, seenAtMs });
    },
    revoke: (id) => void records.delete(id),
    revokeAll(userId, exceptId) {
      const doomed = [...records.values()].filter((record) => record.userId === userId && record.id !== exceptId);
      for (const { id } of doomed) records.delete(id);
      return doomed.length;
    },
    sweep(unusedSinceMs) {
      for (const { id, seenAtMs } of records.values()) if (seenAtMs <= unusedSinceMs) records.delete(id);
    },
    list: (userId) =>
      [...records.values()]
        .filter((record) => record.userId === userId)
        .toSorted((a, b) => b.createdAtMs - a.createdAtMs),
  };
}
