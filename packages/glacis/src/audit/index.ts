export { eventLog } from "./event-log.ts";
export { redactText } from "./redact.ts";
