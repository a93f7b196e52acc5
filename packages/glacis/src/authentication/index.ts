export { csrf, CSRF_FIELD, type Csrf, type CsrfOptions } from "./csrf.ts";
export { memorySessions } from "./session-memory.ts";
export { postgresSessions, SESSION_MIGRATION, type SessionDatabase } from "./session-postgres.ts";
export type { SessionRecord, SessionStore } from "./session-record.ts";
export {
  sessions,
  signInEvent,
  type Responding,
  type SessionOptions,
  type Sessions,
  type SessionUser,
} from "./session.ts";
