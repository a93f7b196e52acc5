export { debugOff } from "./debug-off.ts";
export { eventLog } from "./event-log.ts";
export { redactFields, type RedactFieldsOptions } from "./redact-fields.ts";
export { redactText } from "./redact.ts";
