/** Keeps secrets fresh: asks ahead of time, once at a time, and says what became of it (catalog secret-rotation). */
import { auditEvent } from "../core/event-entry.ts";
import type { AuditEvent, EventDetails, EventKey } from "../core/event.ts";
import type { Secret } from "../core/secret.ts";
import { isAccepted, postpone, renew, wantsRefresh, type SecretEntry, type SecretTimes } from "./secret-entry.ts";
import { SecretsMissingError, SecretsRefusedError, SecretsUnavailableError } from "./secret-provider.ts";
import type { ReadSecret } from "./secret-reading.ts";

export interface RefreshTools {
  readonly read: ReadSecret;
  readonly kinds: readonly string[];
  readonly times: SecretTimes;
  readonly now: () => number;
  readonly report: (event: AuditEvent) => void;
  readonly entries: ReadonlyMap<string, SecretEntry>;
}

export interface SecretRefresh {
  /** Asks the provider again. Never rejects; a failure is reported, and the next question put off. */
  readonly refreshOne: (entry: SecretEntry) => Promise<void>;
  /** The value to use now; begins a refresh where one is nearly due. @throws SecretsUnavailableError when it is too old */
  readonly valueOf: (entry: SecretEntry) => Secret<string>;
}

type SecretEvent = Extract<EventKey, `secret/${string}`>;

export function secretRefresh({ read, kinds, times, now, report, entries }: RefreshTools): SecretRefresh {
  function tell(entry: SecretEntry, event: SecretEvent, about: EventDetails & Pick<AuditEvent, "severity">): void {
    try {
      report(auditEvent(event, { control: "secrets-management", resource_id: entry.name, ...about }));
    } catch {
      // Whoever listens has no say in whether a secret is fresh.
    }
  }

  function refreshOne(entry: SecretEntry): Promise<void> {
    entry.refreshing ??= askAgain(entry).finally(() => (entry.refreshing = undefined));
    return entry.refreshing;
  }

  async function askAgain(entry: SecretEntry): Promise<void> {
    const before = entry.current.value;
    try {
      const found = await read(entry.name);
      if (found === undefined) throw new SecretsMissingError([entry.name], kinds);
      if (!isAccepted(entry, found.value))
        throw new SecretsRefusedError([entry.name], "The new value is not accepted.");
      if (!renew(entry, found, now(), times)) return;
      tell(entry, "secret/secret_rotated/succeeded", { severity: "info", control: "secret-rotation" });
      announce(entry, before);
    } catch (error) {
      postpone(entry, now());
      const stale = now() >= entry.readMs + times.refreshMs;
      const gone = error instanceof SecretsMissingError;
      const severity = gone || stale || error instanceof SecretsRefusedError ? "error" : "warning";
      const detail = gone ? "missing" : error instanceof Error ? error.name.slice(0, 64) : "failed";
      tell(entry, stale ? "secret/secret_stale/failed" : "secret/secret_refresh_failed/failed", { severity, detail });
    }
  }

  /** Each listener by itself, and none is waited for: one that fails or hangs must not keep anybody on the old value. */
  function announce(entry: SecretEntry, before: Secret<string>): void {
    const failed = (): void =>
      tell(entry, "secret/secret_rotation_failed/failed", { severity: "error", control: "secret-rotation" });
    for (const listener of entry.listeners) {
      try {
        Promise.resolve(listener(entry.current.value, before)).catch(failed);
      } catch {
        failed();
      }
    }
  }

  function refreshDue(): void {
    const nowMs = now();
    for (const entry of entries.values()) if (wantsRefresh(entry, nowMs)) void refreshOne(entry);
  }

  function valueOf(entry: SecretEntry): Secret<string> {
    if (wantsRefresh(entry, now())) refreshDue();
    if (now() < entry.readMs + times.refreshMs + times.staleMs) return entry.current.value;
    throw new SecretsUnavailableError([entry.name], new Error("The last value is too old to use."));
  }

  return { refreshOne, valueOf };
}
