/**
 * Cuts a stream of bytes into TLS records without understanding them, so that TLS can be given one at a time, and what comes
 * behind the last one is left over byte for byte. Whether a record is any good is the business of TLS.
 */

/** Type, version, length of the fragment (RFC 8446 §5.1). */
const HEADER_BYTES = 5;
const FRAGMENT_LENGTH_AT = 3;
/** change_cipher_spec to heartbeat (RFC 8446 §B.1, RFC 6520); no text begins so. */
const FIRST_TYPE = 20;
const LAST_TYPE = 24;
const MAJOR_VERSION = 3;
/** Longest fragment of a record that is encrypted (RFC 5246 §6.2.3); that of TLS 1.3 is shorter. */
const LARGEST_FRAGMENT = 2 ** 14 + 2048;

/**
 * What stands at the front. `incomplete`: so far it may be a record. `text`: its first byte is that of no record. `damaged`: it
 * begins as a record does, and is none.
 */
export type Upcoming = 'record' | 'incomplete' | 'text' | 'damaged';

/** Takes bytes in any chunks; every way to cut them gives the same records. */
export class TlsRecordCutter {
  #chunks: Buffer[] = [];
  #buffered = 0;

  /** Bytes that belong to no record yet. */
  get buffered(): number {
    return this.#buffered;
  }

  /** Keeps the chunk itself, not a copy. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
  }

  /** What the bytes at the front are. */
  get upcoming(): Upcoming {
    if (this.#buffered === 0) return 'incomplete';
    const header = this.#header();
    const [type = 0, major = MAJOR_VERSION] = header;
    if (type < FIRST_TYPE || type > LAST_TYPE) return 'text';
    if (major !== MAJOR_VERSION) return 'damaged';
    if (header.length < HEADER_BYTES) return 'incomplete';
    const fragment = header.readUInt16BE(FRAGMENT_LENGTH_AT);
    if (fragment > LARGEST_FRAGMENT) return 'damaged';
    return this.#buffered < HEADER_BYTES + fragment ? 'incomplete' : 'record';
  }

  /** Takes the record at the front, header included. Throws unless {@link upcoming} is `record`. */
  take(): Buffer {
    if (this.upcoming !== 'record') throw new Error(`no record: ${this.upcoming}`);
    const length = HEADER_BYTES + this.#header().readUInt16BE(FRAGMENT_LENGTH_AT);
    const all = this.rest();
    this.push(all.subarray(length));
    return all.subarray(0, length);
  }

  /** All bytes that belong to no record yet; they are the caller's now. */
  rest(): Buffer {
    const [first] = this.#chunks;
    const all = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#buffered = 0;
    return all;
  }

  /** The first bytes, as far as they are there; joins chunks only where a header is spread over several. */
  #header(): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && (first.length >= HEADER_BYTES || this.#chunks.length === 1)) {
      return first.subarray(0, HEADER_BYTES);
    }
    const start = Buffer.concat(this.#chunks.splice(0, HEADER_BYTES));
    this.#chunks.unshift(start);
    return start.subarray(0, HEADER_BYTES);
  }
}
