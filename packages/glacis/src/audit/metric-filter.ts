/** Metric filters: what a matching log event adds to which metric (CloudWatch Logs; guide A09). */
import type { Fields } from "./alarm-fields.ts";
import { readFields } from "./alarm-fields.ts";
import type { Cursor } from "./filter-pattern-cursor.ts";
import { selects, takeSelector, type Selector } from "./filter-pattern-selector.ts";
import { filterPattern, type FilterPattern, type LogLine } from "./filter-pattern.ts";

export interface MetricTransformation {
  readonly metricName: string;
  readonly namespace: string;
  /** A number, `$.field` or `$name`, as written. */
  readonly metricValue: string;
  /** What a minute with events and without a match counts as. */
  readonly defaultValue: number | undefined;
  readonly unit: string | undefined;
  /** Names of dimensions, and the fields that they take their values from. */
  readonly dimensions: readonly (readonly [name: string, field: string])[];
  /** What a matching event adds; undefined when the field holds no number. */
  readonly valueOf: (line: LogLine) => number | undefined;
  /** The values of the dimensions; undefined when one of them is absent, and then nothing is counted under any. */
  readonly dimensionsOf: (line: LogLine) => readonly string[] | undefined;
}

export interface MetricFilter {
  readonly name: string;
  readonly pattern: FilterPattern;
  readonly logGroupName: string | undefined;
  readonly transformations: readonly MetricTransformation[];
}

const MOST_DIMENSIONS = 3;
const LONGEST_DIMENSION = 255;
/** Letters, digits and what metric names of CloudWatch are written with. */
const METRIC_NAME = /^[^:*$\p{C}]{1,255}$/u;
const FILTER_NAME = /^[^:*\p{C}]{1,512}$/u;
const NONE: readonly string[] = [];
/** What PutMetricFilter takes for a unit (CloudWatch Logs API, MetricTransformation). */
const UNITS = [
  "Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits Megabits Gigabits Terabits Percent Count None",
  "Bytes/Second Kilobytes/Second Megabytes/Second Gigabytes/Second Terabytes/Second Bits/Second Kilobits/Second Megabits/Second",
  "Gigabits/Second Terabits/Second Count/Second",
].flatMap((names) => names.split(" "));
const LONGEST_METRIC_VALUE = 100;

/** Reads one entry of `MetricFilters`. @throws TypeError saying what CloudWatch would not take */
export function readMetricFilter(value: unknown, where: string, namespace: string): MetricFilter {
  const fields = readFields(value, where, ["FilterName", "FilterPattern", "LogGroupName", "MetricTransformations"]);
  const name = fields.needed("FilterName", fields.text("FilterName"));
  if (!FILTER_NAME.test(name)) fields.refuse("FilterName has 1 to 512 characters, and no colon or star.");
  const pattern = readPattern(fields, fields.needed("FilterPattern", fields.text("FilterPattern")));
  const transformations = fields
    .list("MetricTransformations")
    .map((entry) => readTransformation(entry, `${where} (${name})`, pattern, namespace));
  if (transformations.length !== 1) fields.refuse("MetricTransformations has exactly one entry.");
  return { name, pattern, logGroupName: fields.text("LogGroupName"), transformations };
}

function readPattern(fields: Fields, source: string): FilterPattern {
  try {
    return filterPattern(source);
  } catch (error) {
    return fields.refuse((error as Error).message);
  }
}

function readTransformation(
  value: unknown,
  where: string,
  pattern: FilterPattern,
  inherited: string,
): MetricTransformation {
  const known = ["MetricName", "MetricNamespace", "MetricValue", "DefaultValue", "Unit", "Dimensions"];
  const fields = readFields(value, where, known);
  const metricName = fields.needed("MetricName", fields.text("MetricName"));
  const namespace = fields.text("MetricNamespace") ?? inherited;
  if (!METRIC_NAME.test(metricName) || !METRIC_NAME.test(namespace))
    fields.refuse("MetricName and MetricNamespace have 1 to 255 characters, and no colon, star or dollar sign.");
  const written = fields.raw("MetricValue");
  const metricValue =
    typeof written === "number" ? String(written) : fields.needed("MetricValue", fields.text("MetricValue"));
  if (metricValue.length > LONGEST_METRIC_VALUE)
    fields.refuse(`MetricValue has ${LONGEST_METRIC_VALUE} characters at most.`);
  const defaultValue = fields.number("DefaultValue");
  const dimensions = readDimensions(fields);
  if (dimensions.length > 0 && defaultValue !== undefined)
    fields.refuse("a metric with Dimensions has no DefaultValue: CloudWatch refuses both together.");
  return {
    metricName,
    namespace,
    metricValue,
    defaultValue,
    unit: fields.choice("Unit", UNITS),
    dimensions,
    valueOf: numberReader(fields, metricValue, pattern),
    dimensionsOf: dimensionReader(fields, dimensions, pattern),
  };
}

/** The API writes an object of names and fields, CloudFormation a list of keys and values. */
function readDimensions(fields: Fields): readonly (readonly [string, string])[] {
  const raw = fields.raw("Dimensions");
  if (raw === undefined) return [];
  const entries: readonly (readonly [unknown, unknown])[] = Array.isArray(raw)
    ? raw.map((entry: unknown) => {
        const pair = readFields(entry, `${fields.where}: Dimensions`, ["Key", "Value"]);
        return [pair.text("Key"), pair.text("Value")] as const;
      })
    : Object.entries(raw as object);
  const dimensions = entries.map(([name, field]) =>
    typeof name === "string" && typeof field === "string" && METRIC_NAME.test(name)
      ? ([name, field] as const)
      : fields.refuse("Dimensions name fields by text, such as { ip_address: $.ip_address }."),
  );
  return dimensions.length > MOST_DIMENSIONS ? fields.refuse(`Dimensions are ${MOST_DIMENSIONS} at most.`) : dimensions;
}

function dimensionReader(
  fields: Fields,
  dimensions: readonly (readonly [string, string])[],
  pattern: FilterPattern,
): MetricTransformation["dimensionsOf"] {
  if (dimensions.length === 0) return () => NONE;
  const readers = dimensions.map(([, field]) => fieldReader(fields, field, pattern));
  return (line) => {
    const values: string[] = [];
    for (const read of readers) {
      const value = read(line);
      if (value === undefined) return undefined;
      values.push(String(value).slice(0, LONGEST_DIMENSION));
    }
    return values;
  };
}

function numberReader(fields: Fields, text: string, pattern: FilterPattern): MetricTransformation["valueOf"] {
  if (!text.startsWith("$")) {
    const number = Number(text);
    return text.trim() === "" || !Number.isFinite(number)
      ? fields.refuse("MetricValue is a number, $.field or $name.")
      : () => number;
  }
  const read = fieldReader(fields, text, pattern);
  return (line) => {
    const value = read(line);
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    return typeof number === "number" && Number.isFinite(number) ? number : undefined;
  };
}

function fieldReader(
  fields: Fields,
  text: string,
  { kind, fields: names, extract }: FilterPattern,
): (line: LogLine) => string | number | undefined {
  if (kind === "delimited") {
    if (!names.includes(text.slice(1)) && !/^\$\d+$/u.test(text)) fields.refuse(`${text} is no field of the pattern.`);
    return (line) => extract(line)?.get(text);
  }
  if (kind !== "json")
    return fields.refuse(`${text} takes a field of a JSON or space-delimited pattern; this one has none.`);
  const selector = selectorOf(fields, text);
  return (line) => {
    let found: string | number | undefined;
    selects(line.value(), selector, (value) => {
      if (typeof value === "string" || typeof value === "number") found = value;
      return true;
    });
    return found;
  };
}

function selectorOf(fields: Fields, text: string): Selector {
  const cursor: Cursor = { text, at: 0 };
  try {
    const selector = takeSelector(cursor);
    if (cursor.at === text.length && selector.wildcards === 0) return selector;
  } catch (error) {
    fields.refuse((error as Error).message);
  }
  return fields.refuse(`${text} is no property, such as $.ip_address.`);
}
