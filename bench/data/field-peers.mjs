/** Three other ways to seal a field, each as its documentation says. They take no row and no tenant along but where they can. */
import { randomBytes } from "node:crypto";
import {
  decryptStringSync,
  encryptStringSync,
  findKeyForMessage,
  generateKey,
  makeKeychainSync,
  parseKeySync,
} from "@47ng/cloak";
import {
  buildClient,
  CommitmentPolicy,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from "@aws-crypto/client-node";
import { fieldEncryptionExtension } from "prisma-field-encryption";
import { inTurn } from "./field.mjs";

/** Of what takes milliseconds. */
const SLOW_VALUES = 200;

/** @param values what `fieldValues` made. Rows that wait for a promise say so. */
export async function peerRows(values) {
  const texts = values.map(({ text }) => text);
  return [...cloakRows(texts), ...(await prismaRows(texts)), ...(await awsRows(texts.slice(0, SLOW_VALUES)))];
}

function cloakRows(texts) {
  const key = generateKey();
  const parsed = parseKeySync(key);
  const keychain = makeKeychainSync([key]);
  const seal = (text) => encryptStringSync(text, parsed);
  const open = (sealed) => decryptStringSync(sealed, findKeyForMessage(sealed, keychain));
  return [
    { group: "seal", label: "@47ng/cloak seal", run: inTurn(texts, seal) },
    { group: "open", label: "@47ng/cloak open", run: inTurn(texts.map(seal), open) },
  ];
}

/** The extension itself, with a database that answers at once with what it was given. */
async function prismaRows(texts) {
  const plain = { type: "String", isList: false, isUnique: false, isId: false };
  const ssn = { ...plain, name: "ssn", documentation: "/// @encrypted" };
  const id = { ...plain, name: "id", isId: true, isUnique: true };
  const dmmf = { datamodel: { models: [{ name: "User", fields: [id, ssn] }], enums: [], types: [] } };
  const extension = fieldEncryptionExtension({ encryptionKey: generateKey(), dmmf })({ $extends: (given) => given });
  const { $allOperations: operate } = extension.query.$allModels;
  let stored;
  const query = async ({ data }) => {
    stored = data.ssn;
    return { count: 1 };
  };
  const seal = (text) => operate({ model: "User", operation: "updateMany", args: { data: { ssn: text } }, query });
  const open = (sealed) =>
    operate({ model: "User", operation: "findFirst", args: {}, query: async () => ({ ssn: sealed }) });
  const sealed = [];
  for (const text of texts) {
    await seal(text);
    sealed.push(stored);
  }
  if (stored === texts.at(-1)) throw new Error("The Prisma extension sealed nothing.");
  if ((await open(stored)).ssn !== texts.at(-1)) throw new Error("The Prisma extension opened nothing.");
  const row = { isAsync: true, operations: 2_000 };
  return [
    { group: "seal", label: "prisma-field-encryption seal", ...row, run: inTurn(texts, seal) },
    { group: "open", label: "prisma-field-encryption open", ...row, run: inTurn(sealed, open) },
  ];
}

/** A raw keyring, so that no service is asked; and the context that would keep a value in its place. */
async function awsRows(texts) {
  const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
  const keyring = new RawAesKeyringNode({
    keyName: "k1",
    keyNamespace: "bench",
    unencryptedMasterKey: new Uint8Array(randomBytes(32)),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  });
  const encryptionContext = { table: "users", column: "ssn" };
  const seal = async (text) => (await encrypt(keyring, text, { encryptionContext })).result.toString("base64url");
  const open = async (sealed) => (await decrypt(keyring, Buffer.from(sealed, "base64url"))).plaintext.toString("utf8");
  const sealed = await Promise.all(texts.map(seal));
  if ((await open(sealed[0])) !== texts[0]) throw new Error("The AWS Encryption SDK opened nothing.");
  const row = { isAsync: true, operations: 200 };
  return [
    { group: "seal", label: "AWS Encryption SDK seal", ...row, run: inTurn(texts, seal) },
    { group: "open", label: "AWS Encryption SDK open", ...row, run: inTurn(sealed, open) },
  ];
}
