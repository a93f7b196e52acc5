import type { ServerResponse } from "node:http";

/**
 * Writes text as it comes, no faster than the client reads. The source ends when the client goes; an error of the source cuts the connection,
 * because a complete end would say that this was all.
 *
 * @param failed told what the source throws
 */
export async function writeStream(
  response: ServerResponse,
  source: AsyncIterable<string>,
  failed: (error: unknown) => void,
): Promise<void> {
  // The response is taken out of the application's hands while this goes on writing to it.
  const write = response.write.bind(response);
  const end = response.end.bind(response);
  const iterator = source[Symbol.asyncIterator]();
  let wake: (() => void) | undefined;
  const proceed = (): void => wake?.();
  response.on("drain", proceed);
  response.once("close", () => {
    proceed();
    void iterator.return?.().catch(failed);
  });
  try {
    while (!response.destroyed) {
      const step = await iterator.next();
      if (step.done === true) break;
      if (response.destroyed || write(step.value)) continue;
      await new Promise<void>((resolve) => (wake = resolve));
      wake = undefined;
    }
    end();
  } catch (error) {
    failed(error);
    response.destroy();
  }
}
