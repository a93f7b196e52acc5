/** Secrets in AWS Secrets Manager (catalog secrets-management). The client is the application's own. */
import { rejectUnknownOptions } from "../core/options.ts";
import { Secret } from "../core/secret.ts";
import type { SecretProvider, SecretVersion } from "./secret-provider.ts";

/** BatchGetSecretValue takes no more names at once. */
const MOST_NAMES = 20;
const NOT_FOUND = "ResourceNotFoundException";

interface ManagedSecret {
  readonly Name?: string | undefined;
  readonly SecretString?: string | undefined;
  readonly VersionId?: string | undefined;
  readonly CreatedDate?: Date | undefined;
}

interface Batch {
  SecretValues?: ManagedSecret[] | undefined;
  Errors?: { SecretId?: string | undefined; ErrorCode?: string | undefined }[] | undefined;
  NextToken?: string | undefined;
}

interface CallOptions {
  abortSignal?: AbortSignal;
}

/** The part of `SecretsManager` of `@aws-sdk/client-secrets-manager` that is used. */
export interface SecretsManagerClient {
  batchGetSecretValue(input: { SecretIdList?: string[]; NextToken?: string }, options?: CallOptions): Promise<Batch>;
  getSecretValue(input: { SecretId: string; VersionStage?: string }, options?: CallOptions): Promise<ManagedSecret>;
}

export interface SecretsManagerSecretsOptions {
  /** `new SecretsManager({ region })`. */
  readonly client: SecretsManagerClient;
}

/**
 * Reads the stage AWSCURRENT by BatchGetSecretValue, twenty names at a time, and AWSPREVIOUS for the overlap. Values are text; a binary one is an
 * error. The role needs `secretsmanager:BatchGetSecretValue`, and `secretsmanager:GetSecretValue` on the names.
 *
 * @throws TypeError on an unknown option or something that is no client.
 * @example
 * const provider = secretsManagerSecrets({ client: new SecretsManager({ region: "eu-central-1" }) });
 */
export function secretsManagerSecrets(options: SecretsManagerSecretsOptions): SecretProvider {
  rejectUnknownOptions("secretsManagerSecrets", options, ["client"]);
  const { client } = options;
  if (typeof client?.batchGetSecretValue !== "function" || typeof client.getSecretValue !== "function")
    throw new TypeError("secretsManagerSecrets() needs client as a SecretsManager of @aws-sdk/client-secrets-manager.");

  async function readBatch(names: readonly string[], signal: AbortSignal): Promise<readonly [string, SecretVersion][]> {
    const values: ManagedSecret[] = [];
    const errors: NonNullable<Batch["Errors"]> = [];
    let token: string | undefined;
    for (let page = 0; page <= names.length; page += 1) {
      const input = { SecretIdList: [...names], ...(token !== undefined && { NextToken: token }) };
      const answer = await client.batchGetSecretValue(input, { abortSignal: signal });
      values.push(...(answer.SecretValues ?? []));
      errors.push(...(answer.Errors ?? []));
      token = answer.NextToken;
      if (token === undefined) break;
    }
    const refused = errors.find(({ ErrorCode: code }) => code !== NOT_FOUND);
    if (refused !== undefined) throw named(refused.ErrorCode);
    const found = values.flatMap((secret): [string, SecretVersion][] =>
      secret.Name !== undefined && names.includes(secret.Name) ? [[secret.Name, versionOf(secret)]] : [],
    );
    if (found.length + errors.length < names.length) throw new Error("Secrets Manager left names unanswered.");
    return found;
  }

  return {
    kind: "secrets-manager",
    managed: true,
    async read(names, signal) {
      const found: [string, SecretVersion][] = [];
      for (let start = 0; start < names.length; start += MOST_NAMES)
        found.push(...(await readBatch(names.slice(start, start + MOST_NAMES), signal)));
      return new Map(found);
    },
    async readPrevious(name, _current, signal) {
      try {
        const input = { SecretId: name, VersionStage: "AWSPREVIOUS" };
        return versionOf(await client.getSecretValue(input, { abortSignal: signal }));
      } catch (error) {
        if (error instanceof Error && error.name === NOT_FOUND) return undefined;
        throw error;
      }
    },
  };
}

function named(code: string | undefined): Error {
  const error = new Error("Secrets Manager refused a secret.");
  error.name = code ?? "UnknownError";
  return error;
}

function versionOf({ SecretString: text, VersionId: version, CreatedDate: created }: ManagedSecret): SecretVersion {
  return {
    value: new Secret(text),
    version: version ?? "",
    ...(created !== undefined && { changedMs: created.getTime() }),
  };
}
