/** A filter pattern that CloudWatch Logs would not take, or would take and never match. */
export class FilterPatternError extends TypeError {
  override readonly name = "FilterPatternError";
  /** Where in the pattern, from zero. */
  readonly index: number;

  constructor(message: string, index: number) {
    super(`${message} (at character ${index + 1} of the filter pattern)`);
    this.index = index;
  }
}
