/**
 * Received octets, one behind the other, for parsers of binary headers that come in pieces. Knows no format and no limit:
 * whoever appends decides how much.
 */

/** Least storage in bytes: most hellos and headers fit. */
const SMALLEST_STORAGE = 512;

/** Octets that grow at the end. An octet is copied a constant number of times on average, however small the chunks are. */
export class OctetStore {
  #storage = Buffer.alloc(0);
  #length = 0;

  /** All octets so far. The view stays as it is when more are appended. */
  get octets(): Buffer {
    return this.#storage.subarray(0, this.#length);
  }

  /** Takes a copy. */
  append(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#storage.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(SMALLEST_STORAGE, length, this.#length * 2));
      this.#storage.copy(larger, 0, 0, this.#length);
      this.#storage = larger;
    }
    this.#storage.set(chunk, this.#length);
    this.#length = length;
  }
}
