/** Secrets in environment variables: for development, and for platforms that have no other way (catalog secrets-management). */
import { rejectUnknownOptions } from "../core/options.ts";
import { Secret } from "../core/secret.ts";
import { requireSecretName, type SecretProvider, type SecretVersion } from "./secret-provider.ts";

export interface EnvironmentSecretsOptions {
  /** The variable of a name; `/app/stripe/api-key` is `APP_STRIPE_API_KEY` unless it stands here. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Where variables are read and taken from. `process.env`. */
  readonly environment?: Record<string, string | undefined>;
}

/**
 * Takes each variable out of the environment when it is first read: child processes do not inherit it and diagnostic reports do not list it.
 *
 * @throws TypeError on an unknown option or a malformed name; when two names mean one variable.
 * @example
 * const provider = environmentSecrets({ variables: { "/app/stripe/api-key": "STRIPE_API_KEY" } });
 */
export function environmentSecrets(options: EnvironmentSecretsOptions = {}): SecretProvider {
  rejectUnknownOptions("environmentSecrets", options, ["variables", "environment"]);
  const { variables = {}, environment = process.env } = options;
  const named = new Map(Object.entries(variables).map(([name, variable]) => [requireSecretName(name), variable]));
  const taken = new Map<string, SecretVersion>();
  const owners = new Map<string, string>();

  function take(name: string): SecretVersion | undefined {
    const variable = named.get(name) ?? variableOf(name);
    const owner = owners.get(variable);
    if (owner !== undefined && owner !== name)
      throw new TypeError(`The secrets "${owner}" and "${name}" mean one variable, ${variable}. Map one elsewhere.`);
    const text = environment[variable];
    // Set again since, as by a test or a supervisor: the newer value counts.
    if (typeof text === "string" && text !== "") {
      taken.set(variable, { value: new Secret(text), version: "environment" });
      owners.set(variable, name);
      delete environment[variable];
    }
    return taken.get(variable);
  }

  return {
    kind: "environment",
    managed: false,
    async read(names) {
      return new Map(
        names.flatMap((name) => {
          const version = take(name);
          return version === undefined ? [] : [[name, version] as const];
        }),
      );
    },
  };
}

function variableOf(name: string): string {
  return name
    .replace(/^\//u, "")
    .replaceAll(/[^A-Za-z0-9]/gu, "_")
    .toUpperCase();
}
