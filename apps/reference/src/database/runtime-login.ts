import { createHash, createHmac, hkdfSync, pbkdf2Sync, randomBytes } from "node:crypto";

const ITERATIONS = 4096;

/**
 * The connection of the running application: the same server and database, logged in as the unprivileged role, so that no statement can lead
 * back to the owner of the tables. Its password follows from the owner's, so that every process of a deployment knows it and nobody keeps a
 * second secret. Where the owner has none (peer, trust or certificates decide) the role has none either.
 *
 * @param url of the role that owns the tables
 */
export function runtimeUrl(url: string, role: string): string {
  const login = new URL(url);
  login.username = role;
  login.password = runtimePassword(url, role) ?? "";
  return login.href;
}

/** SQL that lets the role log in. It carries a verifier (RFC 5803), not the password: statements are logged. */
export function allowLogin(url: string, role: string): string {
  const password = runtimePassword(url, role);
  return `alter role ${role} login password ${password === undefined ? "null" : `'${scramVerifier(password)}'`};`;
}

function runtimePassword(url: string, role: string): string | undefined {
  const owner = decodeURIComponent(new URL(url).password);
  if (owner === "") return undefined;
  return Buffer.from(hkdfSync("sha256", owner, "", `folio runtime login ${role}`, 32)).toString("hex");
}

/** What `psql`'s \password sends: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`. */
function scramVerifier(password: string): string {
  const salt = randomBytes(16);
  // glacis-waive scan/weak-hash: SCRAM of Postgres says how; the password is 256 bits of a key (maintainers, until 2027-02-20)
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const storedKey = createHash("sha256").update(clientKey).digest("base64");
  const serverKey = createHmac("sha256", salted).update("Server Key").digest("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}
