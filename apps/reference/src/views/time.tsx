const FORMAT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });

/** A moment, in UTC because the server does not know where the reader is. */
export function Time({ at }: { at: Date | number }) {
  const date = new Date(at);
  return <time datetime={date.toISOString()}>{`${FORMAT.format(date)} UTC`}</time>;
}
