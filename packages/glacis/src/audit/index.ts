export { debugOff } from "./debug-off.ts";
export { eventLog } from "./event-log.ts";
export { redactText } from "./redact.ts";
