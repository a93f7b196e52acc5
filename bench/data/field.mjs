import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { fieldEncryption, keyRing, newKey } from "glacis/data";

const PLACE = { tenantId: "0b5ee0f0-4c1c-4f0b-9d3a-0c6a7f6f2a01", row: "4f8a1a56-97a2-4a4e-9a0a-6f8b6d3f5e10" };
const GCM = { authTagLength: 16 };
const CONTEXT = Buffer.from(`${PLACE.tenantId}.users.ssn.${PLACE.row}`);

/** The least that counts: AES-256-GCM by Node with a random nonce, the same data authenticated, and base64url. */
function rawGcm() {
  const key = randomBytes(32);
  return {
    seal(text) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce, GCM);
      cipher.setAAD(CONTEXT);
      const body = cipher.update(text, "utf8");
      cipher.final();
      return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString("base64url");
    },
    open(sealed) {
      const bytes = Buffer.from(sealed, "base64url");
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12), GCM);
      decipher.setAAD(CONTEXT);
      decipher.setAuthTag(bytes.subarray(bytes.length - 16));
      const text = decipher.update(bytes.subarray(12, -16));
      decipher.final();
      return text.toString("utf8");
    },
  };
}

/** @param bytes how long each value is */
export function fieldRows(bytes) {
  const text = "a".repeat(bytes);
  const raw = rawGcm();
  const column = fieldEncryption({ keys: keyRing(newKey("k1")) }).column({ table: "users", column: "ssn" });
  const index = column.blindIndex();
  const hmacKey = randomBytes(32);
  const [rawSealed, sealed] = [raw.seal(text), column.seal(text, PLACE)];
  return [
    { group: "seal", label: "node:crypto AES-256-GCM seal", isLimit: true, run: () => raw.seal(text) },
    { group: "seal", label: "Glacis seal", run: () => column.seal(text, PLACE) },
    { group: "open", label: "node:crypto AES-256-GCM open", isLimit: true, run: () => raw.open(rawSealed) },
    { group: "open", label: "Glacis open", run: () => column.open(sealed, PLACE) },
    {
      group: "index",
      label: "node:crypto HMAC-SHA-256",
      isLimit: true,
      run: () => createHmac("sha256", hmacKey).update(text).digest("base64url"),
    },
    { group: "index", label: "Glacis blind index", run: () => index.of(text, PLACE) },
  ];
}
