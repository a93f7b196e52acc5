/** Where each session was first seen. */

/** The part of a `pg` pool or of PGlite that is used. */
export interface AccessPlaceDatabase {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** The table, as a migration. Neither an address nor a browser stands in it, but keyed hashes of both. Times are milliseconds since the epoch. */
export const ACCESS_PLACE_MIGRATION = `
create table if not exists glacis_access_places (
  session_id text primary key,
  network text not null,
  device text not null,
  until_ms bigint not null
);
create index if not exists glacis_access_places_until on glacis_access_places (until_ms);
`;

/** What the application's database role reads and writes. */
export const ACCESS_PLACE_TABLES: readonly string[] = ["glacis_access_places"];

/** A network and a browser, hashed. */
export interface AccessPlace {
  readonly network: string;
  readonly device: string;
}

/** Remembers the first place of a session. A store that fails throws. */
export interface AccessPlaceStore {
  readonly kind: "memory" | "shared";
  /** The first place of the session, which is this one when there was none. Of many at once one is first. */
  first(sessionId: string, place: AccessPlace, untilMs: number): AccessPlace | Promise<AccessPlace>;
}

const MOST_KEPT = 100_000;
const SWEEP_EVERY_MS = 60_000;

/** Places in this process alone, for development and tests. */
export function memoryAccessPlaces(): AccessPlaceStore {
  const places = new Map<string, AccessPlace>();
  return {
    kind: "memory",
    first(sessionId, place) {
      const known = places.get(sessionId);
      if (known !== undefined) return known;
      const [oldest] = places.keys();
      if (places.size >= MOST_KEPT && oldest !== undefined) places.delete(oldest);
      places.set(sessionId, place);
      return place;
    },
  };
}

/** Places in Postgres: one statement, which returns what stands there from then on. */
export function postgresAccessPlaces(database: AccessPlaceDatabase): AccessPlaceStore {
  let sweptAtMs = 0;
  return {
    kind: "shared",
    async first(sessionId, { network, device }, untilMs) {
      const nowMs = Date.now();
      if (nowMs - sweptAtMs > SWEEP_EVERY_MS) {
        sweptAtMs = nowMs;
        await database.query("delete from glacis_access_places where until_ms < $1", [nowMs]);
      }
      // The update changes nothing; it makes the row come back when somebody else was first.
      const text = `insert into glacis_access_places (session_id, network, device, until_ms) values ($1, $2, $3, $4)
        on conflict (session_id) do update set until_ms = glacis_access_places.until_ms returning network, device`;
      return (await database.query(text, [sessionId, network, device, untilMs])).rows[0] as AccessPlace;
    },
  };
}
