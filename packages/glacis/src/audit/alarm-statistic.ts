/** What is kept of the values of a metric in a minute, and the figures that alarms compare. */

export const STATISTICS = ["SampleCount", "Sum", "Average", "Minimum", "Maximum"] as const;
export type Statistic = (typeof STATISTICS)[number] | `p${number}`;

/** The values of a stretch of time. Mutable, because it is added to for each event. */
export interface Bucket {
  count: number;
  sum: number;
  least: number;
  most: number;
  /** How often each value came, where a percentile is asked for. */
  values?: Record<string, number>;
}

/** Above so many different values they are rounded, to fewer digits each time. */
const MOST_VALUES = 256;
const DIGITS = [3, 2, 1];

export function emptyBucket(withValues = false): Bucket {
  return { count: 0, sum: 0, least: Infinity, most: -Infinity, ...(withValues && { values: {} }) };
}

export function addValue(bucket: Bucket, value: number): void {
  bucket.count += 1;
  bucket.sum += value;
  if (value < bucket.least) bucket.least = value;
  if (value > bucket.most) bucket.most = value;
  if (bucket.values !== undefined) count(bucket.values, value, 1);
}

export function addBucket(into: Bucket, from: Bucket): void {
  into.count += from.count;
  into.sum += from.sum;
  into.least = Math.min(into.least, from.least);
  into.most = Math.max(into.most, from.most);
  if (from.values === undefined) return;
  into.values ??= {};
  for (const [value, times] of Object.entries(from.values)) count(into.values, Number(value), times);
}

function count(values: Record<string, number>, value: number, times: number): void {
  let key = String(value);
  const size = Object.keys(values).length;
  for (const [index, digits] of DIGITS.entries()) {
    if (values[key] !== undefined || size < MOST_VALUES * (index + 1)) break;
    key = String(Number(value.toPrecision(digits)));
  }
  values[key] = (values[key] ?? 0) + times;
}

/** A figure of a bucket; undefined when it holds no value. */
export function statisticOf(
  { count: size, sum, least, most, values }: Bucket,
  statistic: Statistic,
): number | undefined {
  if (size === 0) return undefined;
  switch (statistic) {
    case "SampleCount":
      return size;
    case "Sum":
      return sum;
    case "Average":
      return sum / size;
    case "Minimum":
      return least;
    case "Maximum":
      return most;
    default:
      return percentileOf(values ?? {}, size, percentile(statistic));
  }
}

/** `p99.9` as 0.999. */
export function percentile(statistic: `p${number}`): number {
  return Number(statistic.slice(1)) / 100;
}

/** How many a share of so many is, rounded up. Of 1000 values 99.9 % are 999, which a product of doubles is not. */
export function countOf(share: number, size: number): number {
  return Math.ceil(Number((share * size).toPrecision(12)));
}

function percentileOf(values: Readonly<Record<string, number>>, size: number, share: number): number | undefined {
  const sorted = Object.entries(values)
    .map(([value, times]) => [Number(value), times] as const)
    .toSorted(([left], [right]) => left - right);
  let left = Math.max(1, countOf(share, size));
  for (const [value, times] of sorted) {
    left -= times;
    if (left <= 0) return value;
  }
  return sorted.at(-1)?.[0];
}

/** Whether a percentile of so few samples means nothing: fewer than 10/(1-p), below the median fewer than 10/p. */
export function hasTooFewSamples(share: number, samples: number): boolean {
  return samples < Math.round(10 / (share >= 0.5 ? 1 - share : share));
}
