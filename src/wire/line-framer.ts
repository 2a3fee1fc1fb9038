/**
 * Bytes into lines, for both control connections. The reader pulls one line at a time, so that it can stop behind AUTH
 * and know that bytes are left. Bytes stay bytes: one Latin-1 character each.
 * Knows neither commands nor replies, and closes nothing.
 */

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const NOTHING = Buffer.alloc(0);
/** Least storage in bytes: most command lines fit. */
const SMALLEST_STORAGE = 256;
/** Empty storage larger than this is given back, so that an idle session holds little. */
const LARGEST_IDLE_STORAGE = 1024;
/** Characters of an over-long line that are kept to be shown to an operator. */
const EXCERPT_LENGTH = 200;

/**
 * One line without its end (Latin-1, one character per byte), or the news that a line is longer than allowed, with the
 * characters that it begins with.
 */
export type FramedLine =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'too-long'; readonly excerpt: string };

/**
 * Splits bytes into lines. LF ends a line, and exactly one CR before it is dropped; any other CR stays in the text.
 * Every way to cut the bytes into chunks gives the same lines.
 */
export class LineFramer {
  readonly #maxLineBytes: number;
  #storage: Buffer = NOTHING;
  /** The storage holds unread bytes from start to end; there is no LF between start and searched. */
  #start = 0;
  #searched = 0;
  #end = 0;
  #finished = false;

  /** A line may have `maxLineBytes` bytes before its CR LF. Throws a RangeError unless that is a positive integer. */
  constructor(maxLineBytes: number) {
    if (!Number.isSafeInteger(maxLineBytes) || maxLineBytes < 1) {
      throw new RangeError(`not a line length: ${maxLineBytes}`);
    }
    this.#maxLineBytes = maxLineBytes;
  }

  /** Bytes that were pushed and not yet returned as lines; 0 after a line was too long. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /** Takes a copy of the bytes. What comes after a line that was too long is dropped. */
  push(chunk: Uint8Array): void {
    if (this.#finished || chunk.length === 0) return;
    this.#makeRoom(chunk.length);
    this.#storage.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The next line, or undefined until more bytes come. `too-long` comes once, as soon as the limit is passed, with or
   * without LF; there are no lines after it.
   */
  next(): FramedLine | undefined {
    const unsearched = this.#storage.subarray(this.#searched, this.#end).indexOf(LINE_FEED);
    const stop = unsearched === -1 ? this.#end : this.#searched + unsearched;
    this.#searched = stop;
    const textEnd = stop > this.#start && this.#storage[stop - 1] === CARRIAGE_RETURN ? stop - 1 : stop;
    if (textEnd - this.#start > this.#maxLineBytes) return this.#tooLong();
    if (unsearched === -1) return undefined;
    const text = this.#storage.toString('latin1', this.#start, textEnd);
    this.#start = stop + 1;
    this.#searched = this.#start;
    if (this.#start === this.#end) this.#empty();
    return { kind: 'line', text };
  }

  /** Drops what is held and whatever will be pushed: the reader has given up. */
  discard(): void {
    this.#finished = true;
    this.#storage = NOTHING;
    this.#empty();
  }

  #tooLong(): FramedLine {
    const length = Math.min(EXCERPT_LENGTH, this.#maxLineBytes);
    const excerpt = this.#storage.toString('latin1', this.#start, this.#start + length);
    this.discard();
    return { kind: 'too-long', excerpt };
  }

  #empty(): void {
    if (this.#storage.length > LARGEST_IDLE_STORAGE) this.#storage = NOTHING;
    this.#start = 0;
    this.#searched = 0;
    this.#end = 0;
  }

  /**
   * Moves the unread bytes to the front when that frees half of the storage, or else into a storage of twice their
   * size: a byte is moved a constant number of times on average, however small the chunks are.
   */
  #makeRoom(extra: number): void {
    if (this.#end + extra <= this.#storage.length) return;
    const held = this.buffered;
    const roomy = (held + extra) * 2 <= this.#storage.length;
    const target = roomy ? this.#storage : Buffer.allocUnsafeSlow(Math.max(SMALLEST_STORAGE, held + extra, held * 2));
    this.#storage.copy(target, 0, this.#start, this.#end);
    this.#storage = target;
    this.#searched -= this.#start;
    this.#start = 0;
    this.#end = held;
  }
}
