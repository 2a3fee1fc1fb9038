/**
 * Waits for the operator to stop a running command. Knows nothing of what runs.
 */
import { EXIT } from './outcome.ts';

/** Signals that are caught from now on. */
export interface StopSignals {
  /** Resolves on the first signal, also when it came long ago. */
  readonly first: Promise<void>;
  /** Resolves on the second one, where it is waited for. */
  readonly second: Promise<void>;
  /** Leaves signals to Node again. */
  release(): void;
}

export interface StopSignalsOptions {
  /** How many signals are waited for; one more ends the process at once. Default 1. */
  readonly waitedFor?: 1 | 2;
  /** How it ends then: `exit` runs what is registered for it, but waits for a read that hangs; `kill` waits for nothing. Default `exit`. */
  readonly end?: 'exit' | 'kill';
  /** Has the last word before that; it must not wait. */
  readonly abandon?: () => void;
}

/** Catches signals. */
export function catchStopSignals(signals: readonly NodeJS.Signals[], options: StopSignalsOptions = {}): StopSignals {
  const { waitedFor = 1, end = 'exit', abandon = () => {} } = options;
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let count = 0;
  const onSignal = (): void => {
    count += 1;
    if (count > waitedFor) {
      abandon();
      if (end === 'kill') process.kill(process.pid, 'SIGKILL');
      else process.exit(EXIT.failed);
    }
    if (count === 1) first.resolve();
    else second.resolve();
  };
  for (const signal of signals) process.on(signal, onSignal);
  return {
    first: first.promise,
    second: second.promise,
    release() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
