/** A day as people write it in settings, `2027-03-01`, in UTC (RFC 3339 section 5.6, full-date). */

/**
 * The first moment of a day, in milliseconds since 1970. `Date.parse` makes 2 March of 30 February; here a day that does not exist is none.
 *
 * @param text exactly `YYYY-MM-DD`
 */
export function dayMs(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/u.test(text)) return undefined;
  const time = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(time) || !new Date(time).toISOString().startsWith(text) ? undefined : time;
}
