import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One call as the service saw it. */
export interface AwsCall {
  readonly target: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export interface AwsServer {
  readonly endpoint: string;
  readonly calls: AwsCall[];
  /** Name to values, the newest last; a parameter's version is its place. */
  readonly parameters: Map<string, string[]>;
  readonly secrets: Map<string, string[]>;
  /** What the next calls are answered with instead, one for each call. */
  readonly faults: (AwsFault | "hang" | undefined)[];
  close(): Promise<void>;
}

export interface AwsFault {
  readonly status: number;
  readonly type: string;
}

const SIGNATURE =
  /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/[a-z0-9-]+\/(ssm|secretsmanager|kms)\/aws4_request, SignedHeaders=[a-z0-9;-]*x-amz-date[a-z0-9;-]*, Signature=[0-9a-f]{64}$/u;
const SERVICE: Readonly<Record<string, string>> = {
  AmazonSSM: "ssm",
  secretsmanager: "secretsmanager",
  TrentService: "kms",
};

/** Parameter Store, Secrets Manager and KMS as far as they are used: JSON 1.1 over HTTP, signed by SigV4, with the limits of the real ones. */
export async function awsServer(): Promise<AwsServer> {
  const state = {
    calls: [] as AwsCall[],
    parameters: new Map<string, string[]>(),
    secrets: new Map<string, string[]>(),
    faults: [] as AwsServer["faults"],
    kmsKey: randomBytes(32),
  };
  const server = createServer((request, response) => void answer(state, request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    ...state,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

type State = Omit<AwsServer, "endpoint" | "close"> & { readonly kmsKey: Buffer };
type Input = Readonly<Record<string, never>>;

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const target = String(request.headers["x-amz-target"]);
  const input = JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}") as Input;
  state.calls.push({ target, input });
  const fault = state.faults.shift();
  if (fault === "hang") return;
  const [service = "", operation = ""] = target.split(".");
  const signed = SIGNATURE.exec(request.headers["authorization"] ?? "")?.[1];
  const refused = { status: 400, type: "IncompleteSignatureException" };
  const wrong =
    fault ??
    (signed !== SERVICE[service] || request.headers["content-type"] !== "application/x-amz-json-1.1"
      ? refused
      : undefined);
  const result = wrong ?? run(state, operation, input);
  const failed = "type" in result;
  const body = failed ? { __type: result["type"], message: "refused by the test's server" } : result;
  response.writeHead(failed ? Number(result["status"]) : 200, { "content-type": "application/x-amz-json-1.1" });
  response.end(JSON.stringify(body));
}

type Result = Readonly<Record<string, unknown>>;

function run(state: State, operation: string, input: Input): Result {
  switch (operation) {
    case "GetParameters":
      return getParameters(state, input);
    case "BatchGetSecretValue":
      return batchGetSecretValue(state, input);
    case "GetSecretValue":
      return getSecretValue(state, input);
    case "GenerateDataKey":
    case "GenerateDataKeyWithoutPlaintext":
      return generateDataKey(state, input, operation === "GenerateDataKey");
    case "Decrypt":
      return decrypt(state, input);
    default:
      return { status: 400, type: "UnknownOperationException" };
  }
}

function getParameters({ parameters }: State, input: Input): Result {
  const names: readonly string[] = input["Names"] ?? [];
  if (names.length === 0 || names.length > 10) return { status: 400, type: "ValidationException" };
  const known = (full: string): { name: string; version: number; value: string } | undefined => {
    const [name = "", selector] = full.split(":");
    const values = parameters.get(name) ?? [];
    const version = selector === undefined ? values.length : Number(selector);
    const value = values[version - 1];
    return value === undefined ? undefined : { name, version, value };
  };
  return {
    Parameters: names.flatMap((full) => {
      const found = known(full);
      if (found === undefined) return [];
      const { name, version, value } = found;
      return [{ Name: name, Type: "SecureString", Value: value, Version: version, LastModifiedDate: 1_790_000_000.5 }];
    }),
    InvalidParameters: names.filter((full) => known(full) === undefined),
  };
}

function secretOf(name: string, values: readonly string[], place: number): Result {
  const VersionId = `00000000-0000-4000-8000-${String(values.length + place).padStart(12, "0")}`;
  return {
    ARN: `arn:aws:secretsmanager:x:1:secret:${name}-AbCdEf`,
    Name: name,
    VersionId,
    CreatedDate: 1_790_000_000,
    SecretString: values.at(place),
  };
}

function batchGetSecretValue({ secrets }: State, input: Input): Result {
  const names: readonly string[] = input["SecretIdList"] ?? [];
  if (names.length === 0 || names.length > 20) return { status: 400, type: "InvalidParameterException" };
  return {
    SecretValues: names.flatMap((name) => {
      const values = secrets.get(name);
      return values === undefined ? [] : [secretOf(name, values, -1)];
    }),
    Errors: names
      .filter((name) => !secrets.has(name))
      .map((name) => ({
        SecretId: name,
        ErrorCode: name.includes("denied") ? "AccessDeniedException" : "ResourceNotFoundException",
      })),
  };
}

function getSecretValue({ secrets }: State, input: Input): Result {
  const place = input["VersionStage"] === "AWSPREVIOUS" ? -2 : -1;
  const values = secrets.get(input["SecretId"] ?? "") ?? [];
  if (values.at(place) === undefined) return { status: 400, type: "ResourceNotFoundException" };
  return secretOf(input["SecretId"] ?? "", values, place);
}

/** The key's name and the encryption context are bound to the ciphertext, as by the real service. */
function contextOf(input: Input): Buffer {
  const context = Object.entries(input["EncryptionContext"] ?? {}).toSorted();
  return Buffer.from(JSON.stringify(context));
}

function generateDataKey({ kmsKey }: State, input: Input, withPlaintext: boolean): Result {
  const plaintext = randomBytes(input["KeySpec"] === "AES_256" ? 32 : (input["NumberOfBytes"] ?? 16));
  const keyId = String(input["KeyId"]);
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", kmsKey, nonce);
  cipher.setAAD(contextOf(input));
  const id = Buffer.from(keyId.padEnd(64));
  const sealed = Buffer.concat([id, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return {
    KeyId: keyId,
    CiphertextBlob: sealed.toString("base64"),
    ...(withPlaintext && { Plaintext: plaintext.toString("base64") }),
    RequestId: randomUUID(),
  };
}

function decrypt({ kmsKey }: State, input: Input): Result {
  const sealed = Buffer.from(input["CiphertextBlob"] ?? "", "base64");
  const keyId = sealed.subarray(0, 64).toString().trim();
  if (input["KeyId"] !== undefined && input["KeyId"] !== keyId) return { status: 400, type: "IncorrectKeyException" };
  try {
    const decipher = createDecipheriv("aes-256-gcm", kmsKey, sealed.subarray(64, 76));
    decipher.setAAD(contextOf(input));
    decipher.setAuthTag(sealed.subarray(-16));
    const plaintext = Buffer.concat([decipher.update(sealed.subarray(76, -16)), decipher.final()]);
    return { KeyId: keyId, Plaintext: plaintext.toString("base64"), EncryptionAlgorithm: "SYMMETRIC_DEFAULT" };
  } catch {
    return { status: 400, type: "InvalidCiphertextException" };
  }
}
