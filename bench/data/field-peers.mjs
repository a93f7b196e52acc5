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

/** @param text the value. Rows that wait for a promise say so. */
export async function peerRows(text) {
  return [...cloakRows(text), ...(await prismaRows(text)), ...(await awsRows(text))];
}

function cloakRows(text) {
  const key = generateKey();
  const parsed = parseKeySync(key);
  const keychain = makeKeychainSync([key]);
  const sealed = encryptStringSync(text, parsed);
  return [
    { group: "seal", label: "@47ng/cloak seal", run: () => encryptStringSync(text, parsed) },
    {
      group: "open",
      label: "@47ng/cloak open",
      run: () => decryptStringSync(sealed, findKeyForMessage(sealed, keychain)),
    },
  ];
}

/** The extension itself, with a database that answers at once with what it was given. */
async function prismaRows(text) {
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
  const seal = () => operate({ model: "User", operation: "updateMany", args: { data: { ssn: text } }, query });
  await seal();
  if (stored === text) throw new Error("The Prisma extension sealed nothing.");
  const open = () => operate({ model: "User", operation: "findFirst", args: {}, query: async () => ({ ssn: stored }) });
  if ((await open()).ssn !== text) throw new Error("The Prisma extension opened nothing.");
  return [
    { group: "seal", label: "prisma-field-encryption seal", isAsync: true, operations: 2_000, run: seal },
    { group: "open", label: "prisma-field-encryption open", isAsync: true, operations: 2_000, run: open },
  ];
}

/** A raw keyring, so that no service is asked; and the context that would keep a value in its place. */
async function awsRows(text) {
  const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
  const keyring = new RawAesKeyringNode({
    keyName: "k1",
    keyNamespace: "bench",
    unencryptedMasterKey: new Uint8Array(randomBytes(32)),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  });
  const encryptionContext = { table: "users", column: "ssn" };
  const seal = async () => (await encrypt(keyring, text, { encryptionContext })).result.toString("base64url");
  const sealed = await seal();
  const open = async () => (await decrypt(keyring, Buffer.from(sealed, "base64url"))).plaintext.toString("utf8");
  if ((await open()) !== text) throw new Error("The AWS Encryption SDK opened nothing.");
  return [
    { group: "seal", label: "AWS Encryption SDK seal", isAsync: true, operations: 200, run: seal },
    { group: "open", label: "AWS Encryption SDK open", isAsync: true, operations: 200, run: open },
  ];
}
