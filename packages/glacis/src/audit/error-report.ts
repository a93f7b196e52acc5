/** What an error service such as Sentry may receive (catalog `log-redaction`, `third-party-sharing`; guide A09). No dependency: shapes only. */
import { redactFields } from "./redact-fields.ts";
import { redactText } from "./redact.ts";

/** The parts of an event that leave; everything else stays. */
const KEPT = [
  "event_id",
  "timestamp",
  "platform",
  "level",
  "logger",
  "release",
  "environment",
  "server_name",
  "sdk",
  "exception",
  "message",
  "transaction",
  "fingerprint",
  "tags",
  "contexts",
  "breadcrumbs",
  "type",
  "start_timestamp",
  "spans",
];
const KEPT_CONTEXTS = ["runtime", "os", "trace", "app", "device", "cloud_resource"];
const MOST_BYTES = 200_000;
const MOST_BREADCRUMBS = 30;

type Fields = Readonly<Record<string, unknown>>;

export interface ErrorReportOptions {
  /** More names whose values are hidden, such as the `redactionKeys` of the personal data map. */
  readonly keys?: readonly string[];
  /** Told that an event was dropped because it could not be cleaned. Never throws. */
  readonly dropped?: () => void;
}

/** What goes into `Sentry.init({ ... })`, typed by shape. */
export interface ErrorReportHooks {
  readonly sendDefaultPii: false;
  readonly dataCollection: Fields;
  readonly beforeSend: <Event extends object>(event: Event) => Event | null;
  readonly beforeSendTransaction: <Event extends object>(event: Event) => Event | null;
  readonly beforeBreadcrumb: <Crumb extends object>(crumb: Crumb) => Crumb | null;
}

/**
 * Hooks that let an error service see what failed and where, and nobody's data: no cookies, headers, bodies, query strings, local variables or
 * addresses; of the user only the id. A fault while cleaning drops the event.
 *
 * @example
 * Sentry.init({ dsn, ...errorReportHooks({ keys: map.redactionKeys }) });
 */
export function errorReportHooks({ keys = [], dropped = () => undefined }: ErrorReportOptions = {}): ErrorReportHooks {
  const clean = <Event extends object>(event: Event): Event | null => {
    try {
      const cleaned = cleanEvent(event as Fields, keys);
      if (Buffer.byteLength(JSON.stringify(cleaned)) <= MOST_BYTES) return cleaned as Event;
    } catch {
      // Dropped below, like one that is too large: what could not be cleaned does not leave.
    }
    dropped();
    return null;
  };
  return {
    sendDefaultPii: false,
    dataCollection: {
      userInfo: false,
      cookies: false,
      httpHeaders: false,
      httpBodies: false,
      queryParams: false,
      localVariables: false,
    },
    beforeSend: clean,
    beforeSendTransaction: clean,
    beforeBreadcrumb: (crumb) => {
      try {
        return cleanBreadcrumb(crumb as Fields, keys) as typeof crumb;
      } catch {
        return null;
      }
    },
  };
}

function cleanEvent(event: Fields, keys: readonly string[]): Fields {
  const kept = pick(event, KEPT);
  const user = event["user"] as Fields | null | undefined;
  const request = event["request"] as Fields | null | undefined;
  const contexts = kept["contexts"] as Fields | undefined;
  const breadcrumbs = kept["breadcrumbs"];
  return {
    ...(redactFields(
      { ...kept, exception: undefined, contexts: undefined, breadcrumbs: undefined },
      { keys },
    ) as Fields),
    ...(kept["exception"] !== undefined && { exception: cleanException(kept["exception"] as Fields) }),
    ...(contexts && { contexts: redactFields(pick(contexts, KEPT_CONTEXTS), { keys }) }),
    ...(Array.isArray(breadcrumbs) && {
      breadcrumbs: breadcrumbs.slice(-MOST_BREADCRUMBS).map((crumb) => cleanBreadcrumb(crumb as Fields, keys)),
    }),
    ...(typeof user?.["id"] === "string" && { user: { id: user["id"] } }),
    ...(request && { request: { method: request["method"], url: pathOf(request["url"]) } }),
  };
}

/** Of each frame its place in the code; variables and source lines stay. */
function cleanException({ values }: Fields): Fields {
  if (!Array.isArray(values)) return { values: [] };
  return {
    values: (values as readonly Fields[]).map(({ type, value, mechanism, stacktrace }) => {
      const frames = (stacktrace as Fields | undefined)?.["frames"];
      return {
        type: redactText(String(type)),
        value: redactText(String(value)),
        ...(mechanism !== undefined && { mechanism: pick(mechanism as Fields, ["type", "handled"]) }),
        ...(Array.isArray(frames) && {
          stacktrace: {
            frames: (frames as readonly Fields[]).map((frame) =>
              pick(frame, ["filename", "function", "module", "lineno", "colno", "in_app"]),
            ),
          },
        }),
      };
    }),
  };
}

function cleanBreadcrumb(crumb: Fields, keys: readonly string[]): Fields {
  const data = crumb["data"] as Fields | undefined;
  return redactFields(
    {
      ...pick(crumb, ["timestamp", "type", "category", "level", "message"]),
      ...(data && {
        data: {
          ...pick(data, ["method", "status_code", "reason"]),
          ...(data["url"] !== undefined && { url: pathOf(data["url"]) }),
        },
      }),
    },
    { keys },
  ) as Fields;
}

/** Paths carry ids at most; what stands behind them may be anything. */
function pathOf(address: unknown): string {
  return redactText(String(address).split(/[?#]/u, 1)[0] ?? "");
}

function pick(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(
    names.flatMap((name) => (Object.hasOwn(fields, name) && fields[name] !== undefined ? [[name, fields[name]]] : [])),
  );
}
