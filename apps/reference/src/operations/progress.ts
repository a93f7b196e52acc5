/** Says what a start is doing: one line that rewrites itself on a terminal, plain lines elsewhere. */
export interface Progress {
  step<Result>(label: string, work: () => Promise<Result>): Promise<Result>;
}

/** Where a start speaks: stdout, or whoever started it. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export function progressOn(stream: Output): Progress {
  return {
    async step(label, work) {
      const began = performance.now();
      if (stream.isTTY === true) stream.write(`  … ${label}`);
      try {
        const result = await work();
        const seconds = ((performance.now() - began) / 1000).toFixed(1);
        stream.write(`${stream.isTTY === true ? "\r\u001B[2K" : ""}  ✓ ${label} (${seconds} s)\n`);
        return result;
      } catch (error) {
        stream.write(`${stream.isTTY === true ? "\r\u001B[2K" : ""}  ✗ ${label}\n`);
        throw error;
      }
    },
  };
}
