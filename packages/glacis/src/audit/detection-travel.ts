/** Two sign-ins of one user that are farther apart than anybody travels. */
import { recentMap } from "./detection-cooldown.ts";

export interface Place {
  /** Degrees north, -90 to 90. */
  readonly lat: number;
  /** Degrees east, -180 to 180. */
  readonly lon: number;
}

/** Where an address is, roughly, from a table in memory; undefined where that is not known. Must not wait for a network. */
export type Locate = (ip: string) => Place | undefined;

export interface TravelDetector {
  /** @returns true when nobody gets from the last place to this one in the time */
  arrives(userId: string, ip: string, atMs: number): boolean;
}

const EARTH_RADIUS_KM = 6371;
/** Faster than an airliner. */
const FASTEST_KM_PER_HOUR = 1000;
/** Tables of addresses are wrong by a country now and then; below this nothing is said. */
const LEAST_KM = 500;
const MOST_USERS = 25_000;

/** Remembers the last known place of each user; the longest ago is forgotten first. */
export function travelDetector(locate: Locate, maxUsers: number = MOST_USERS): TravelDetector {
  const last = recentMap<Place & { readonly ip: string; readonly atMs: number }>(maxUsers);
  return {
    arrives(userId, ip, atMs) {
      const from = last.get(userId);
      const place = from?.ip === ip ? from : locate(ip);
      if (place === undefined || !isOnEarth(place)) return false;
      last.set(userId, { lat: place.lat, lon: place.lon, ip, atMs });
      if (from === undefined) return false;
      const km = distanceKm(from, place);
      // Two processes may report out of order: what counts is how far apart in time they are.
      const hours = Math.abs(atMs - from.atMs) / 3_600_000;
      return km >= LEAST_KM && km > FASTEST_KM_PER_HOUR * hours;
    },
  };
}

function isOnEarth({ lat, lon }: Place): boolean {
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180;
}

/** The great-circle distance, by the haversine formula. */
export function distanceKm(from: Place, to: Place): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const half =
    Math.sin(radians(to.lat - from.lat) / 2) ** 2 +
    Math.cos(radians(from.lat)) * Math.cos(radians(to.lat)) * Math.sin(radians(to.lon - from.lon) / 2) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(half)));
}
