export { eventArchive, type EventArchive, type EventArchiveOptions } from "./event-archive.ts";
export { type EventCursor, type EventFilter } from "./event-filter.ts";
export { type ArchivedEvent, type EventDraft } from "./event-record.ts";
export { memoryEvents } from "./event-store-memory.ts";
export { EVENT_ARCHIVE_MIGRATION, postgresEvents } from "./event-store-postgres.ts";
export { type CountRange, type EventCount, type EventStore, type TopField, type TopValue } from "./event-store.ts";
export { type AccountDirectory, type CenterAccount, type Reach, type SecurityCenterOptions } from "./center-options.ts";
export { securityCenter } from "./security-center.ts";
