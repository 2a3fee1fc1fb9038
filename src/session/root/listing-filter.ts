/**
 * Changes the lines of a listing while it passes, and keeps all else: line ends, and bytes of any encoding. Holds one line at most.
 */

const LINE_FEED = 0x0a;
const NOTHING = Buffer.alloc(0);
/** A line that is longer, in bytes, is left out: no name is that long. */
const LONGEST_LINE = 16_384;

export class ListingFilter {
  readonly #shown: (line: string) => string | undefined;
  /** The beginning of a line whose end has not come yet. */
  #begun: Buffer = NOTHING;
  #state: 'keeps' | 'skips' = 'keeps';

  /** `shown` is given each line without its end (Latin-1), and returns what takes its place; undefined leaves the line out. */
  constructor(shown: (line: string) => string | undefined) {
    this.#shown = shown;
  }

  /** What may be sent now: no part of the chunk, whose memory is used again. */
  push(chunk: Buffer): Buffer {
    const pieces: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      this.#take(chunk.subarray(start, end), pieces, '\n');
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
    return Buffer.from(pieces.join(''), 'latin1');
  }

  /** The last line, where it has no end. */
  end(): Buffer {
    const pieces: string[] = [];
    this.#take(NOTHING, pieces, '');
    return Buffer.from(pieces.join(''), 'latin1');
  }

  #hold(rest: Buffer): void {
    if (this.#state === 'skips' || rest.length === 0) return;
    if (this.#begun.length + rest.length > LONGEST_LINE) {
      this.#state = 'skips';
      this.#begun = NOTHING;
    } else {
      this.#begun = Buffer.concat([this.#begun, rest]);
    }
  }

  #take(rest: Buffer, pieces: string[], end: string): void {
    const tooLong = this.#state === 'skips' || this.#begun.length + rest.length > LONGEST_LINE;
    const text = this.#begun.toString('latin1') + rest.toString('latin1');
    this.#begun = NOTHING;
    this.#state = 'keeps';
    if (tooLong || (text === '' && end === '')) return;
    const carriageReturn = text.endsWith('\r') ? '\r' : '';
    const shown = this.#shown(carriageReturn === '' ? text : text.slice(0, -1));
    if (shown !== undefined) pieces.push(shown, carriageReturn, end);
  }
}
