/** Secrets in AWS Systems Manager Parameter Store (catalog secrets-management; guide A02 SSM). The client is the application's own. */
import { rejectUnknownOptions } from "../core/options.ts";
import { Secret } from "../core/secret.ts";
import type { SecretProvider, SecretVersion } from "./secret-provider.ts";

/** GetParameters takes no more names at once. */
const MOST_NAMES = 10;

interface SsmParameter {
  readonly Name?: string | undefined;
  readonly Value?: string | undefined;
  readonly Version?: number | undefined;
  readonly LastModifiedDate?: Date | undefined;
}

/** The part of `SSM` of `@aws-sdk/client-ssm` that is used. */
export interface SsmClient {
  getParameters(
    input: { Names: string[]; WithDecryption: boolean },
    options?: { abortSignal?: AbortSignal },
  ): Promise<{ Parameters?: SsmParameter[] | undefined; InvalidParameters?: string[] | undefined }>;
}

export interface SsmSecretsOptions {
  /** `new SSM({ region })`. It signs, retries when throttled, and finds its credentials as the SDK does. */
  readonly client: SsmClient;
  /** Stands before every name, such as `/shop/production`, so that one code serves all stages. */
  readonly prefix?: string;
}

/**
 * Reads by GetParameters with decryption, ten names at a time. The role needs `ssm:GetParameters` on the names and `kms:Decrypt` on their key, and
 * nothing else.
 *
 * @throws TypeError on an unknown option or something that is no client.
 * @example
 * const provider = ssmSecrets({ client: new SSM({ region: "eu-central-1" }), prefix: "/shop/production" });
 */
export function ssmSecrets(options: SsmSecretsOptions): SecretProvider {
  rejectUnknownOptions("ssmSecrets", options, ["client", "prefix"]);
  const { client, prefix = "" } = options;
  if (typeof client?.getParameters !== "function")
    throw new TypeError("ssmSecrets() needs client as an SSM of @aws-sdk/client-ssm, with getParameters().");
  if (prefix !== "" && !/^(?:\/[A-Za-z0-9_.-]+)+$/u.test(prefix))
    throw new TypeError('ssmSecrets() needs prefix as a path without a slash at its end, such as "/shop/production".');
  const fullName = (name: string): string => (prefix === "" ? name : `${prefix}/${name.replace(/^\//u, "")}`);

  async function readBatch(names: readonly string[], signal: AbortSignal): Promise<readonly [string, SecretVersion][]> {
    const byFullName = new Map(names.map((name) => [fullName(name), name]));
    const input = { Names: [...byFullName.keys()], WithDecryption: true };
    const { Parameters: parameters = [], InvalidParameters: invalid = [] } = await client.getParameters(input, {
      abortSignal: signal,
    });
    const found = parameters.flatMap((parameter): [string, SecretVersion][] => {
      const name = byFullName.get(parameter.Name ?? "");
      return name === undefined ? [] : [[name, versionOf(parameter)]];
    });
    // What is neither found nor invalid was not answered for, and must not count as absent.
    if (found.length + invalid.length < byFullName.size) throw new Error("Parameter Store left names unanswered.");
    return found;
  }

  return {
    kind: "ssm",
    managed: true,
    async read(names, signal) {
      const batches = Array.from({ length: Math.ceil(names.length / MOST_NAMES) }, (_, index) =>
        names.slice(index * MOST_NAMES, (index + 1) * MOST_NAMES),
      );
      const found: [string, SecretVersion][] = [];
      // One after the other: the default quota is 40 calls a second for the whole account.
      for (const batch of batches) found.push(...(await readBatch(batch, signal)));
      return new Map(found);
    },
    async readPrevious(name, current, signal) {
      const version = Number(current.version) - 1;
      if (!(version >= 1)) return undefined;
      const input = { Names: [`${fullName(name)}:${version}`], WithDecryption: true };
      const { Parameters: [parameter] = [] } = await client.getParameters(input, { abortSignal: signal });
      return parameter === undefined ? undefined : versionOf(parameter);
    },
  };
}

function versionOf({ Value: value, Version: version, LastModifiedDate: changed }: SsmParameter): SecretVersion {
  return {
    value: new Secret(value),
    version: String(version ?? 0),
    ...(changed !== undefined && { changedMs: changed.getTime() }),
  };
}
