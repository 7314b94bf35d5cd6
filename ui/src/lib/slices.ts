/** Long work in slices, so that the page stays alive meanwhile. */

/** Well below the 50 ms from which on one notices. */
const SLICE_MS = 12;

/** Calls `step(i)` for every i below `count`; rejects with the signal's reason when that aborts. */
export async function inSlices(count: number, signal: AbortSignal, step: (i: number) => void): Promise<void> {
  let since = performance.now();
  for (let i = 0; i < count; i++) {
    step(i);
    if ((i & 63) === 63 && performance.now() - since > SLICE_MS) {
      await nextTurn();
      signal.throwIfAborted();
      since = performance.now();
    }
  }
}

/** After what waits already: input, painting. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** After the page was painted. A page that nobody sees is not, so that a timer stands in. */
export function afterPaint(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 200);
    requestAnimationFrame(() => {
      clearTimeout(timer);
      void nextTurn().then(resolve);
    });
  });
}
