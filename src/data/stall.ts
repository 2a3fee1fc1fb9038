/**
 * Notices when nothing moves for a while. Samples a number that changes with every progress; knows not of what.
 */

/** How many times a stall's length is sampled: it is noticed at most this part too late. */
const SAMPLES = 10;

/** Calls back once when `sample` has given the same number for `stall` milliseconds. Returns what ends the watch. */
export function watchStall(sample: () => number, stall: number, onStall: () => void): () => void {
  let last = sample();
  let since = performance.now();
  const timer = setInterval(
    () => {
      const now = sample();
      if (now !== last) {
        last = now;
        since = performance.now();
      } else if (performance.now() - since >= stall) {
        clearInterval(timer);
        onStall();
      }
    },
    Math.max(5, stall / SAMPLES),
  );
  return () => clearInterval(timer);
}
