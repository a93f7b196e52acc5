/** What opens things: the key ring, the database, the mail server and the audit log's key. Read once, at the start, and taken out of the environment. */
import {
  environmentSecrets,
  fileSecrets,
  keyRing,
  SecretsMissingError,
  SecretsRefusedError,
  secretStore,
  type SecretRequest,
} from "glacis/data";
import { kindOf, StartError } from "./settings.ts";

type Variables = Readonly<Record<string, string | undefined>>;

const SECRETS = {
  GLACIS_KEYS: { name: "/folio/keys", accepts: isKeyRing },
  DATABASE_URL: { name: "/folio/database-url", accepts: (text: string) => /^postgres(?:ql)?:\/\//u.test(text) },
  AUDIT_SIGNING_KEY: { name: "/folio/audit-key", accepts: (text: string) => /^-+BEGIN PRIVATE KEY-/u.test(text) },
  SSO_CLIENT_SECRET: { name: "/folio/sso-client-secret", accepts: (text: string) => text !== "" },
  SMTP_URL: { name: "/folio/smtp-url", accepts: (text: string) => /^smtps?:\/\//u.test(text) },
} as const satisfies Readonly<Record<string, Extract<SecretRequest, object>>>;

type Variable = keyof typeof SECRETS;
const NAMED = Object.entries(SECRETS) as readonly (readonly [Variable, (typeof SECRETS)[Variable]])[];

/**
 * Reads the secrets from files of `SECRETS_DIR`, such as `/run/secrets`, and from the environment, which then holds them no longer. Which of them
 * must be there depends on how Folio is started, and is for `readSettings` to say.
 *
 * @returns the variables, with the secrets among them
 * @throws StartError for what is an example or of another form
 */
export async function withSecrets(
  argv: readonly string[],
  environment: Record<string, string | undefined>,
): Promise<Variables> {
  const folder = environment["SECRETS_DIR"];
  const files = Object.fromEntries(NAMED.map(([, { name }]) => [name, name.replace("/folio/", "")]));
  const named = Object.fromEntries(NAMED.map(([variable, { name }]) => [name, variable]));
  const store = secretStore({
    mode: kindOf(argv, environment) === "production" ? "production" : "development",
    providers: [
      ...(folder === undefined ? [] : [fileSecrets({ folder, files, readableByOthers: true })]),
      environmentSecrets({ variables: named, environment }),
    ],
  });
  try {
    const found = await store.secrets(SECRETS).catch((error: unknown) => {
      if (!(error instanceof SecretsMissingError)) throw error;
      const there = NAMED.filter(([, { name }]) => !error.names.includes(name));
      return store.secrets(Object.fromEntries(there));
    });
    const variables: Record<string, string | undefined> = { ...environment };
    for (const [variable, secret] of Object.entries(found)) variables[variable] = secret.current().reveal();
    return variables;
  } catch (error) {
    throw error instanceof SecretsRefusedError ? new StartError(error.message) : error;
  }
}

function isKeyRing(text: string): boolean {
  try {
    return keyRing(text) !== undefined;
  } catch {
    return false;
  }
}
