import type { PendingRecord, SessionRecord, SessionStore } from "./session-record.ts";

const MOST_SESSIONS = 100_000;

/**
 * Sessions in this process alone, for development, tests and single-process tools. Bounded: the oldest session makes room for a new one.
 *
 * @param mostSessions how many are kept
 */
export function memorySessions(mostSessions: number = MOST_SESSIONS): SessionStore {
  const records = new Map<string, SessionRecord>();
  const pending = new Map<string, PendingRecord>();
  const revocations = new Map<string, number>();

  const isRevoked = ({ userId, provedSinceMs }: SessionRecord): boolean =>
    provedSinceMs < (revocations.get(userId) ?? Number.NEGATIVE_INFINITY);

  function keep(record: SessionRecord): boolean {
    if (isRevoked(record)) return false;
    makeRoom(records, mostSessions);
    records.set(record.id, record);
    return true;
  }

  return {
    kind: "memory",
    read: (id) => records.get(id),
    create(record, replacesId) {
      if (replacesId !== undefined) records.delete(replacesId);
      return keep(record);
    },
    rotate: (id, record) => records.delete(id) && keep(record),
    touch(uses) {
      for (const { id, seenAtMs } of uses) {
        const record = records.get(id);
        if (record !== undefined && seenAtMs > record.seenAtMs) records.set(id, { ...record, seenAtMs });
      }
    },
    revoke: (id) => void records.delete(id),
    revokeAll(userId, exceptId, notBeforeMs) {
      makeRoom(revocations, mostSessions);
      revocations.set(userId, Math.max(notBeforeMs, revocations.get(userId) ?? notBeforeMs));
      for (const held of pending.values()) if (held.userId === userId) pending.delete(held.id);
      const own = [...records.values()].filter((record) => record.userId === userId);
      const doomed = own.filter((record) => record.id !== exceptId);
      for (const { id } of doomed) records.delete(id);
      for (const record of own) {
        if (record.id === exceptId)
          records.set(record.id, { ...record, provedSinceMs: Math.max(notBeforeMs, record.provedSinceMs) });
      }
      return doomed.length;
    },
    sweep(unusedSinceMs, nowMs) {
      for (const { id, seenAtMs } of records.values()) if (seenAtMs <= unusedSinceMs) records.delete(id);
      for (const { id, endsAtMs } of pending.values()) if (endsAtMs <= nowMs) pending.delete(id);
    },
    list: (userId) =>
      [...records.values()]
        .filter((record) => record.userId === userId)
        .toSorted((a, b) => b.createdAtMs - a.createdAtMs),
    hold(held) {
      makeRoom(pending, mostSessions);
      pending.set(held.id, held);
    },
    held: (id) => pending.get(id),
    take(id) {
      const held = pending.get(id);
      pending.delete(id);
      return held;
    },
  };
}

function makeRoom(map: Map<string, unknown>, most: number): void {
  if (map.size >= most) map.delete(map.keys().next().value as string);
}
