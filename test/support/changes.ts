/**
 * Waiting for something to become true, driven by events: whoever changes the state says `notify`, whoever waits says
 * `until`. Knows nothing of FTP.
 */

/** A place where peers say that something changed and tests wait for what they need. */
export class Changes {
  readonly #waiting = new Set<() => void>();

  /** Lets everyone who waits look again. */
  notify(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** The first value of `probe` that is neither undefined nor false. Rejects with `describe()` after `timeout` milliseconds. */
  until<T>(probe: () => T | undefined | false, describe: () => string, timeout = 5000): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
      };
      const look = (): void => {
        try {
          const value = probe();
          if (value === undefined || value === false) return;
          finish();
          resolve(value);
        } catch (error) {
          finish();
          reject(error);
        }
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`waited ${timeout} ms in vain: ${describe()}`));
      }, timeout);
      this.#waiting.add(look);
      look();
    });
  }
}
