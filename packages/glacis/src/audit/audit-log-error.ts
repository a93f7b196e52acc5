/** Why an event is not in the log, or the log cannot be opened. */
export class AuditLogError extends Error {
  override readonly name = "AuditLogError";
  readonly code: "altered" | "truncated" | "full" | "closed" | "write_failed";

  constructor(code: AuditLogError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
