/** At most so many of something at once; the rest wait their turn, and what is aborted meanwhile never starts. */
export function queue(most: number) {
  let running = 0;
  const waiting: (() => void)[] = [];
  // A place that becomes free goes to the one who waits longest, never through a count that somebody else could see.
  const free = () => {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  };
  return async function run<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    if (running < most) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      signal.throwIfAborted();
      return await task();
    } finally {
      free();
    }
  };
}
