import type { Mark } from "./redact-marks.ts";

/** What may not stand in a log, wherever in a text it stands. */
export interface HiddenPattern {
  /** As `markFinder` takes them: no text without one of these can match. Without any, a long word must stand there. */
  readonly marks: readonly Mark[];
  /** Where a mark stands in many lines that have nothing to hide, this look says so at little cost. It is never no where the pattern would match. */
  readonly mayStand?: (text: string) => boolean;
  /** Linear: no nested repetition. One after another. */
  readonly replacements: readonly (readonly [pattern: RegExp, by: string | ((...found: string[]) => string)])[];
}
