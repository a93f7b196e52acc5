/** How far long work has come, for a person at a terminal; a pipeline's log stays as it is. */
export interface ProgressLine {
  readonly show: (done: number, of: number) => void;
  /** To be called before anything else is printed. */
  readonly clear: () => void;
}

const REDRAW_MS = 100;

/** @param title what is under way */
export function progressLine(title: string): ProgressLine {
  const { stderr } = process;
  if (!stderr.isTTY || process.env["CI"] !== undefined) return { show: () => undefined, clear: () => undefined };
  let drawnMs = 0;
  return {
    show(done, of) {
      if (Date.now() - drawnMs < REDRAW_MS) return;
      drawnMs = Date.now();
      stderr.write(`\r\u001b[2K${title}: ${done} of ${of}`);
    },
    clear: () => void stderr.write("\r\u001b[2K"),
  };
}
