/** What the machine refuses at a start, as a sentence that names the variable to change. */
import { StartError, type Settings } from "./settings.ts";

type Place = Pick<Settings, "host" | "port" | "dataFolder">;

/** The embedded database lives in WebAssembly and counts errors as WASI does, which has no names for them. */
const WASI_NO_SPACE = 51;

/** @returns undefined for a fault that no setting mends */
export function startFault(error: unknown, { host, port, dataFolder }: Place): StartError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errno, syscall, path } = error as NodeJS.ErrnoException;
  if (syscall === "listen" || syscall === "getaddrinfo") return listenFault(code, host, port);
  if (code === "ENOSPC" || code === "EDQUOT" || (error.name === "ErrnoError" && errno === WASI_NO_SPACE)) {
    return new StartError(
      `There is no room left in ${dataFolder}. Make some, or set DATA_DIR to a folder on another disk.`,
    );
  }
  // What is in the folder, or what it would have been in.
  if (path === undefined || !(path.startsWith(dataFolder) || dataFolder.startsWith(path))) return undefined;
  return new StartError(
    `${dataFolder} cannot be written to (${code}). Set DATA_DIR to a folder in which whoever starts Folio may make files.`,
  );
}

function listenFault(code: string | undefined, host: string, port: number): StartError {
  if (code === "EADDRINUSE")
    return new StartError(`Port ${port} on ${host} is taken. Stop what listens there, or set PORT to another number.`);
  if (code === "EACCES")
    return new StartError(`Port ${port} is for the system's administrator. Set PORT to a number from 1024 on.`);
  return new StartError(
    `HOST must be an address of this machine, such as 127.0.0.1, 0.0.0.0 or ::1, and "${host}" is none (${code}).`,
  );
}
