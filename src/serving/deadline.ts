/** Waiting for something only so long. */

export class LateError extends Error {
  constructor(milliseconds: number) {
    super(`not done within ${milliseconds} ms`);
    this.name = "LateError";
  }
}

/**
 * The work's result, or a LateError after so many milliseconds; the signal that the work was given is then
 * aborted, and whatever it ends with is dropped.
 */
export async function within<T>(
  milliseconds: number | undefined,
  work: (signal: AbortSignal) => Promise<T> | T,
): Promise<T> {
  const controller = new AbortController();
  if (milliseconds === undefined) return work(controller.signal);
  if (milliseconds <= 0) throw new LateError(milliseconds);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      controller.abort();
      reject(new LateError(milliseconds));
    }, milliseconds);
  });
  try {
    const result = Promise.resolve(work(controller.signal));
    // When time runs out first, nobody waits for this any more.
    result.catch(() => {});
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
}
