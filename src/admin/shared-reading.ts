/**
 * Something that costs much to read, for many who ask at once: they share one reading, and whoever asks very often gets one that is a
 * little older. Whoever asks now and then gets one that began after the question.
 */

/** So many readings in {@link WINDOW} are made for whoever asks. */
const FREE = 10;
/** Milliseconds. */
const WINDOW = 1000;
/** Beyond them, how old a reading may be that is given again (milliseconds). */
const MAX_AGE = 250;

export class SharedReading<T> {
  readonly #read: () => Promise<T>;
  readonly #clock: () => number;
  #running: Promise<T> | undefined;
  #last: { readonly begun: number; readonly value: T } | undefined;
  /** When readings began, the last ones. */
  #begun: readonly number[] = [];

  constructor(read: () => Promise<T>, clock: () => number = () => performance.now()) {
    this.#read = read;
    this.#clock = clock;
  }

  /** Rejects where the reading does. */
  get(): Promise<T> {
    if (this.#running !== undefined) return this.#running;
    const now = this.#clock();
    this.#begun = this.#begun.filter((time) => now - time < WINDOW);
    const last = this.#last;
    if (last !== undefined && this.#begun.length >= FREE && now - last.begun < MAX_AGE) {
      return Promise.resolve(last.value);
    }
    this.#begun = [...this.#begun, now];
    this.#running = this.#begin(now).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #begin(begun: number): Promise<T> {
    const value = await this.#read();
    this.#last = { begun, value };
    return value;
  }
}
