/**
 * IP addresses as octets and as the one text that Node shows for them, so that what a peer wrote can be compared with the
 * address of a socket. Opens nothing and judges no address.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** The 4 or 16 octets of a literal address. Throws a RangeError for anything else, and for an address with a zone. */
export function octetsOf(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  if (!isIPv6(address) || address.includes('%')) throw new RangeError(`not an address: ${address}`);
  const [before = '', after] = address.split('::');
  const head = wordsIn(before);
  const tail = wordsIn(after ?? '');
  const octets = Buffer.alloc(16);
  for (const [index, word] of head.entries()) octets.writeUInt16BE(word, index * 2);
  for (const [index, word] of tail.entries()) octets.writeUInt16BE(word, 16 - (tail.length - index) * 2);
  return octets;
}

/** The canonical text of 4 or 16 octets (RFC 5952); an IPv4-mapped address becomes IPv4. Throws a RangeError for another length. */
export function addressOf(octets: Buffer): string {
  if (octets.length === 4) return octets.join('.');
  if (octets.length !== 16) throw new RangeError(`an address has no ${octets.length} octets`);
  const words = Array.from({ length: 8 }, (_, index) => octets.readUInt16BE(index * 2));
  const embedded = octets.subarray(12).join('.');
  if (words.slice(0, 5).every(isZero)) {
    if (words[5] === 0xffff) return embedded;
    if (words[5] === 0 && words[6] !== 0) return `::${embedded}`;
  }
  return compress(words);
}

function wordsIn(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

/** The first of the longest runs of at least two zeros becomes `::` (RFC 5952 §4.2). */
function compress(words: readonly number[]): string {
  for (let length = words.length; length >= 2; length--) {
    const start = words.findIndex((_, index) => {
      const run = words.slice(index, index + length);
      return run.length === length && run.every(isZero);
    });
    if (start >= 0) return `${hexadecimal(words.slice(0, start))}::${hexadecimal(words.slice(start + length))}`;
  }
  return hexadecimal(words);
}

function hexadecimal(words: readonly number[]): string {
  return words.map((word) => word.toString(16)).join(':');
}

function isZero(word: number): boolean {
  return word === 0;
}
