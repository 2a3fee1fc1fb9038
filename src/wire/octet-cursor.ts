/**
 * Reads a complete binary structure from front to back: numbers, octets, and vectors behind their length. Never reads
 * beyond the end. Knows no format.
 */

/** The octets are not the structure that was to be read. Parsers catch it; it never leaves them. */
export class MalformedOctets extends Error {
  override readonly name = 'MalformedOctets';
}

/** A position in octets that only moves forward. */
export class OctetCursor {
  readonly #octets: Buffer;
  #at = 0;

  /** Keeps the octets, takes no copy. */
  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  /** Whether nothing is left. */
  get atEnd(): boolean {
    return this.#at === this.#octets.length;
  }

  /** The next octets, as a view. Throws {@link MalformedOctets} when there are fewer. */
  take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#octets.length) throw new MalformedOctets(`${end - this.#octets.length} octets are missing`);
    const taken = this.#octets.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** The next unsigned number, in network byte order. Throws as `take` does. */
  number(size: 1 | 2): number {
    return this.take(size).readUIntBE(0, size);
  }

  /** The octets behind a length of one or two octets (RFC 8446 §3.4). Throws as `take` does. */
  vector(lengthSize: 1 | 2): Buffer {
    return this.take(this.number(lengthSize));
  }

  /** Reads items until nothing is left. Throws what `read` throws. */
  list<T>(read: (cursor: OctetCursor) => T): T[] {
    const items: T[] = [];
    while (!this.atEnd) items.push(read(this));
    return items;
  }
}
