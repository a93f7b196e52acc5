import { createCipheriv, createDecipheriv, createHmac, randomBytes, randomUUID } from "node:crypto";
import { fieldEncryption, keyRing, newKey } from "glacis/data";

const TENANTS = Array.from({ length: 8 }, () => randomUUID());
const VALUES = 4096;
const GCM = { authTagLength: 16 };

/** The least that counts: AES-256-GCM by Node with a random nonce, the same data authenticated, and base64url. */
function rawGcm() {
  const key = randomBytes(32);
  return {
    seal(text, { tenantId, row }) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce, GCM);
      cipher.setAAD(Buffer.from(`${tenantId}.users.ssn.${row}`));
      const body = cipher.update(text, "utf8");
      cipher.final();
      return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString("base64url");
    },
    open(sealed, { tenantId, row }) {
      const bytes = Buffer.from(sealed, "base64url");
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12), GCM);
      decipher.setAAD(Buffer.from(`${tenantId}.users.ssn.${row}`));
      decipher.setAuthTag(bytes.subarray(bytes.length - 16));
      const text = decipher.update(bytes.subarray(12, -16));
      decipher.final();
      return text.toString("utf8");
    },
  };
}

/**
 * Other values than the last ones, each in a row of its own, of eight tenants in turn.
 *
 * @param bytes how long each value is
 */
export function fieldValues(bytes) {
  return Array.from({ length: VALUES }, (_, index) => ({
    text: randomBytes(bytes).toString("base64url").slice(0, bytes),
    place: { tenantId: TENANTS[index % TENANTS.length], row: randomUUID() },
  }));
}

/** Calls the operation with one item after the other, and starts again. */
export function inTurn(items, operation) {
  let next = 0;
  return () => operation(items[next++ % items.length]);
}

/** @param values what `fieldValues` made */
export function fieldRows(values) {
  const raw = rawGcm();
  const keys = newKey("k1");
  const columnOf = () => fieldEncryption({ keys: keyRing(keys) }).column({ table: "users", column: "ssn" });
  // Two processes wrote the rows, and a third reads them.
  const [column, ...writers] = [columnOf(), columnOf(), columnOf()];
  const index = column.blindIndex();
  const hmacKey = randomBytes(32);
  const rawSealed = values.map(({ text, place }) => ({ place, sealed: raw.seal(text, place) }));
  const sealed = values.map(({ text, place }, row) => ({
    place,
    sealed: writers[(row >> 3) % writers.length].seal(text, place),
  }));
  const open = ({ sealed: value, place }) => column.open(value, place);
  const shuffled = sealed.toSorted((left, right) => (left.place.row < right.place.row ? -1 : 1));
  return [
    {
      group: "seal",
      label: "node:crypto AES-256-GCM seal",
      isLimit: true,
      run: inTurn(values, ({ text, place }) => raw.seal(text, place)),
    },
    { group: "seal", label: "Glacis seal", run: inTurn(values, ({ text, place }) => column.seal(text, place)) },
    {
      group: "open",
      label: "node:crypto AES-256-GCM open",
      isLimit: true,
      run: inTurn(rawSealed, ({ sealed: value, place }) => raw.open(value, place)),
    },
    { group: "open", label: "Glacis open", run: inTurn(sealed, open) },
    { group: "open", label: "Glacis open, in no order", run: inTurn(shuffled, open) },
    {
      group: "index",
      label: "node:crypto HMAC-SHA-256",
      isLimit: true,
      run: inTurn(values, ({ text }) => createHmac("sha256", hmacKey).update(text).digest("base64url")),
    },
    { group: "index", label: "Glacis blind index", run: inTurn(values, ({ text, place }) => index.of(text, place)) },
  ];
}
