/** What a place that keeps secrets is to the store, and how asking it can end (catalog secrets-management). */
import type { Secret } from "../core/secret.ts";

/** One state of a secret. */
export interface SecretVersion {
  readonly value: Secret<string>;
  /** The place's own name for this state; another one means that the secret was rotated. */
  readonly version: string;
  /** When it was written, in milliseconds, where the place knows. */
  readonly changedMs?: number;
}

/** A place that keeps secrets. */
export interface SecretProvider {
  readonly kind: string;
  /** Access to it is granted and recorded, and values have versions. Others are a finding in production. */
  readonly managed: boolean;
  /**
   * The secrets that it has among these; the others are left out.
   *
   * @throws when it cannot answer for any of them, so that "missing" never means "unreachable"
   */
  readonly read: (names: readonly string[], signal: AbortSignal) => Promise<ReadonlyMap<string, SecretVersion>>;
  /** The state before this one, where the place keeps it. */
  readonly readPrevious?: (
    name: string,
    current: SecretVersion,
    signal: AbortSignal,
  ) => Promise<SecretVersion | undefined>;
}

const NAME = /^\/?[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$/u;
const LONGEST_NAME = 512;
export const MOST_SECRET_CHARACTERS = 65_536;

/** @throws TypeError unless it is a name such as `/app/stripe/api-key`: no empty part, and none that begins with a dot. */
export function requireSecretName(name: unknown): string {
  if (typeof name === "string" && name.length <= LONGEST_NAME && NAME.test(name)) return name;
  throw new TypeError(
    `A secret's name is like "/app/stripe/api-key": letters, digits, "_", "-" and ".", at most ${LONGEST_NAME} characters.`,
  );
}

/** Secrets that no provider has. `names` lists every one of them. */
export class SecretsMissingError extends Error {
  override readonly name = "SecretsMissingError";
  readonly names: readonly string[];

  constructor(names: readonly string[], kinds: readonly string[]) {
    super(`No such secrets in ${kinds.join(", ")}: ${names.join(", ")}. Create them, or correct the names.`);
    this.names = names;
  }
}

/** Secrets that cannot be had now: the provider failed, and what was kept is too old to use. The cause is the provider's error. */
export class SecretsUnavailableError extends Error {
  override readonly name = "SecretsUnavailableError";
  readonly names: readonly string[];

  constructor(names: readonly string[], cause: unknown) {
    super(`Secrets could not be read: ${names.join(", ")}.`, { cause });
    this.names = names;
  }
}

/** Secrets whose values protect nothing. The message names them and quotes nothing. */
export class SecretsRefusedError extends Error {
  override readonly name = "SecretsRefusedError";
  readonly names: readonly string[];

  constructor(names: readonly string[], why: string) {
    super(`Secrets refused: ${names.join(", ")}. ${why}`);
    this.names = names;
  }
}
