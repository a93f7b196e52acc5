/** Files of the project that is judged, which is not trusted to be small. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { CannotCheck } from "../outcome.ts";

const MOST_BYTES = 64 * 1024 * 1024;

/**
 * @returns undefined where there is no such file
 * @throws CannotCheck when it is there and cannot be read, is no file, or is larger than the limit
 */
export function readText(path: string, mostBytes: number = MOST_BYTES): string | undefined {
  let descriptor: number;
  try {
    // Without the second a pipe would wait for its writer for ever.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(String((error as { readonly code?: unknown }).code))) return undefined;
    throw refusal(path, "it may not be opened.");
  }
  try {
    const about = fstatSync(descriptor);
    if (about.isDirectory()) return undefined;
    if (!about.isFile()) throw refusal(path, "it is no regular file.");
    if (about.size > mostBytes) throw refusal(path, `it is larger than ${mostBytes} bytes.`);
    return readFileSync(descriptor, "utf8").replace(/^\uFEFF/u, "");
  } finally {
    closeSync(descriptor);
  }
}

function refusal(path: string, reason: string): CannotCheck {
  return new CannotCheck(
    `${path} could not be read: ${reason}`,
    "a file that nobody has read counts as not judged.",
    "make it readable, or remove it.",
  );
}
