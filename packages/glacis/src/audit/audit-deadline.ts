/** Waits for others for so long and no longer: what hangs must not hold up the log. */

/**
 * @param seconds how long it may take
 * @param what in the error, such as `The anchor`
 * @throws what the work throws; Error when it has not answered in time, whatever it does later
 */
export async function answeredWithin<Answer>(
  seconds: number,
  what: string,
  work: Answer | Promise<Answer>,
): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`${what} has not answered within ${seconds} seconds.`);
    timer = setTimeout(() => reject(error), seconds * 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
