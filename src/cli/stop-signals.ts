/**
 * Waits for the operator to stop a running command. Knows nothing of what runs.
 */
import { EXIT } from './outcome.ts';

/** Signals that are caught from now on. */
export interface StopSignals {
  /** Resolves on the first signal, also when it came long ago. A second one ends the process at once. */
  readonly first: Promise<void>;
  /** Leaves signals to Node again. */
  release(): void;
}

/** Catches signals. `abandon` has the last word before a second one ends the process; it must not wait. */
export function catchStopSignals(signals: readonly NodeJS.Signals[], abandon: () => void = () => {}): StopSignals {
  const { promise, resolve } = Promise.withResolvers<void>();
  let stopping = false;
  const onSignal = (): void => {
    if (stopping) {
      abandon();
      process.exit(EXIT.failed);
    }
    stopping = true;
    resolve();
  };
  for (const signal of signals) process.on(signal, onSignal);
  return {
    first: promise,
    release() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
