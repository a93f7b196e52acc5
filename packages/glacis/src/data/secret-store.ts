/** Secrets from where they are kept, read at the start, kept fresh, and never printed (catalog secrets-management, secret-rotation; guide A02). */
import type { AuditEvent } from "../core/event.ts";
import type { Mode } from "../core/control.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Secret } from "../core/secret.ts";
import { modeOf } from "../primitives/deployment.ts";
import { recent } from "../primitives/recent.ts";
import { isAccepted, newEntry, type SecretEntry, type SecretTimes } from "./secret-entry.ts";
import { liveSecret, type LiveSecret } from "./secret-live.ts";
import {
  requireSecretName,
  SecretsMissingError,
  SecretsRefusedError,
  SecretsUnavailableError,
  type SecretProvider,
} from "./secret-provider.ts";
import { readEvery, secretReading, within } from "./secret-reading.ts";
import { secretRefresh } from "./secret-refresh.ts";
import { isPlaceholder } from "./secret-strength.ts";

const DAY_SECONDS = 86_400;
const NEGATIVE_MS = 5_000;

export interface SecretStoreOptions {
  /** Asked in this order; the first that has a name answers for it. */
  readonly providers: readonly SecretProvider[];
  /** How old a value may be before the provider is asked again; it is asked ahead of that. 300. */
  readonly refreshSeconds?: number;
  /** How long after that a value is still used while the provider fails. A day. */
  readonly staleSeconds?: number;
  /** How long the value before is accepted after a rotation. A day. */
  readonly overlapSeconds?: number;
  /** How long a provider may take. 5000. */
  readonly timeoutMs?: number;
  /** Where rotations, failed refreshes and stale values are told: `security.report`. */
  readonly report?: (event: AuditEvent) => void;
  /** In production a placeholder or one value under two names is refused. `NODE_ENV` or `GLACIS_ENV` decide unless you say. */
  readonly mode?: Mode;
  /** The time in milliseconds. `Date.now`. */
  readonly now?: () => number;
}

/** A secret's name, or the name with what else is wanted of it. */
export type SecretRequest =
  | string
  | {
      readonly name: string;
      /** Fetch the value before as well. */
      readonly previous?: boolean;
      /** Whether a value is usable, such as `(text) => text.startsWith("sk_live_")`. A rotated value that is not leaves the old one in place. */
      readonly accepts?: (text: string) => boolean;
    };

export interface SecretStore {
  /**
   * The value of one secret.
   *
   * @throws SecretsMissingError, SecretsUnavailableError; TypeError for what is no name
   */
  readonly getParameter: (name: string) => Promise<Secret<string>>;
  /**
   * All secrets that an application needs, under its own names for them; to be awaited before it starts.
   *
   * @throws SecretsMissingError that lists every missing one; SecretsRefusedError for placeholders, one value under two names and
   * values that are not accepted;
   * SecretsUnavailableError when a provider fails.
   */
  readonly secrets: <const Requests extends Readonly<Record<string, SecretRequest>>>(
    requests: Requests,
  ) => Promise<{ readonly [Key in keyof Requests]: LiveSecret }>;
  /** Asks the providers again for everything that is kept, due or not. Never rejects: failures are reported. */
  readonly refresh: () => Promise<void>;
  /** Everything that is kept. */
  readonly kept: () => readonly LiveSecret[];
}

/**
 * Opens the store. Names asked for in one moment are read together, each name once at a time, however many ask; what is kept is refreshed ahead of
 * its time while the old value is served.
 *
 * @throws TypeError on an unknown option or a time out of range.
 * @example
 * const store = secretStore({ providers: [ssmSecrets({ client: new SSM() })], report: security.report });
 * const secrets = await store.secrets({ stripe: "/app/stripe/api-key", database: "/app/database/password" });
 * const stripe = new Stripe(secrets.stripe.current().reveal());
 */
export function secretStore(options: SecretStoreOptions): SecretStore {
  const composed = compose(options);
  const { times, now, mode, report, providers } = composed;
  const read = secretReading(providers, composed.timeoutMs);
  const kinds = providers.map(({ kind }) => kind);
  const entries = new Map<string, SecretEntry>();
  const { refreshOne, valueOf } = secretRefresh({ read, kinds, times, now, report, entries });
  const missingUntil = recent<number>(1000);

  async function getParameter(given: string): Promise<Secret<string>> {
    const name = requireSecretName(given);
    const entry = entries.get(name);
    if (entry === undefined) return (await load([name])).get(name)?.current.value as Secret<string>;
    if (now() >= entry.readMs + times.refreshMs && now() >= entry.retryMs) await refreshOne(entry);
    return valueOf(entry);
  }

  async function load(names: readonly string[]): Promise<ReadonlyMap<string, SecretEntry>> {
    const fresh = names.filter((name) => !entries.has(name));
    const absent = fresh.filter((name) => now() < (missingUntil.get(name) ?? 0));
    if (absent.length > 0 && absent.length === fresh.length) throw new SecretsMissingError(absent, kinds);
    const found = await readEvery(read, fresh, kinds).catch((error: unknown) => {
      if (error instanceof SecretsMissingError)
        for (const name of error.names) missingUntil.set(name, now() + NEGATIVE_MS);
      throw error;
    });
    if (mode === "production")
      refusePlaceholders([...found].map(([name, { value }]) => [name, value.reveal()] as const));
    // Somebody else may have read it in the meantime; what listens to that entry must go on.
    for (const [name, version] of found) {
      if (entries.has(name)) continue;
      const entry = newEntry(name, version, now(), times);
      if (mode === "production") entry.accepts.add((text) => !isPlaceholder(text));
      entries.set(name, entry);
    }
    return new Map(names.map((name) => [name, entries.get(name) as SecretEntry]));
  }

  const live = (entry: SecretEntry): LiveSecret => liveSecret(entry, { now, valueOf });
  return {
    getParameter,
    async secrets(requests) {
      const wanted = Object.entries(requests).map(([key, request]) => readRequest(key, request));
      const loaded = await load([...new Set(wanted.map(({ name }) => name))]);
      if (mode === "production") refuseReuse([...loaded.values()]);
      refuseUnaccepted(wanted, loaded);
      await Promise.all(
        wanted
          .filter(({ previous }) => previous)
          .map(({ name }) => loadPrevious(loaded.get(name) as SecretEntry, composed)),
      );
      const pairs = wanted.map(({ key, name }) => [key, live(loaded.get(name) as SecretEntry)] as const);
      return Object.freeze(Object.fromEntries(pairs)) as { [Key in keyof typeof requests]: LiveSecret };
    },
    refresh: async () => void (await Promise.all([...entries.values()].map(refreshOne))),
    kept: () => [...entries.values()].map(live),
  };
}

interface Composed {
  readonly providers: readonly SecretProvider[];
  readonly times: SecretTimes;
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly mode: Mode;
  readonly report: (event: AuditEvent) => void;
}

function compose(options: SecretStoreOptions): Composed {
  const known = ["providers", "refreshSeconds", "staleSeconds", "overlapSeconds", "timeoutMs", "report", "mode", "now"];
  rejectUnknownOptions("secretStore", options, known);
  const { providers, refreshSeconds = 300, staleSeconds = DAY_SECONDS, overlapSeconds = DAY_SECONDS } = options;
  if (!Array.isArray(providers) || providers.length === 0)
    throw new TypeError("secretStore() needs providers: a list such as [ssmSecrets({ client })].");
  requireWithin("refreshSeconds", refreshSeconds, 1, DAY_SECONDS);
  requireWithin("staleSeconds", staleSeconds, 0, 30 * DAY_SECONDS);
  requireWithin("overlapSeconds", overlapSeconds, 0, 400 * DAY_SECONDS);
  const { timeoutMs = 5_000, now = Date.now, mode = modeOf(process.env), report = () => undefined } = options;
  requireWithin("timeoutMs", timeoutMs, 1, 60_000);
  const times: SecretTimes = {
    refreshMs: refreshSeconds * 1000,
    staleMs: staleSeconds * 1000,
    overlapMs: overlapSeconds * 1000,
  };
  return { providers, times, timeoutMs, now, mode, report };
}

async function loadPrevious(entry: SecretEntry, { timeoutMs, now, times }: Composed): Promise<void> {
  const { provider, changedMs } = entry.current;
  const { readPrevious } = provider;
  if (readPrevious === undefined)
    throw new TypeError(`The provider "${provider.kind}" keeps no earlier value of "${entry.name}".`);
  const version = await within(timeoutMs, (signal) => readPrevious(entry.name, entry.current, signal)).catch(
    (error: unknown) => {
      throw new SecretsUnavailableError([entry.name], error);
    },
  );
  if (version !== undefined) entry.previous = { version, untilMs: (changedMs ?? now()) + times.overlapMs };
}

function requireWithin(name: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new TypeError(`secretStore() needs ${name} as a whole number from ${least} to ${most}.`);
}

interface Wanted {
  readonly key: string;
  readonly name: string;
  readonly previous: boolean;
  readonly accepts: ((text: string) => boolean) | undefined;
}

function readRequest(key: string, request: SecretRequest): Wanted {
  const { name, previous = false, accepts } = typeof request === "string" ? { name: request } : request;
  if (typeof request === "object")
    rejectUnknownOptions(`secrets({ ${key} })`, request, ["name", "previous", "accepts"]);
  return { key, name: requireSecretName(name), previous, accepts };
}

function refusePlaceholders(values: readonly (readonly [name: string, text: string])[]): void {
  const names = values.filter(([, text]) => isPlaceholder(text)).map(([name]) => name);
  if (names.length > 0)
    throw new SecretsRefusedError(names, "They still have the value of an example; store real ones.");
}

function refuseUnaccepted(wanted: readonly Wanted[], loaded: ReadonlyMap<string, SecretEntry>): void {
  for (const { name, accepts } of wanted) if (accepts !== undefined) loaded.get(name)?.accepts.add(accepts);
  const names = [...loaded.values()].filter((entry) => !isAccepted(entry, entry.current.value)).map(({ name }) => name);
  if (names.length > 0)
    throw new SecretsRefusedError(names, "Their values are not of the kind that the application expects.");
}

function refuseReuse(entries: readonly SecretEntry[]): void {
  const owners = new Map<string, string[]>();
  for (const { name, current } of entries) {
    const text = current.value.reveal();
    owners.set(text, [...(owners.get(text) ?? []), name]);
  }
  const names = [...owners.values()].filter((group) => group.length > 1).flat();
  if (names.length > 0) throw new SecretsRefusedError(names, "They share one value; give each its own.");
}
