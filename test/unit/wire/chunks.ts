/**
 * Ways to cut bytes into chunks, and byte strings that are likely to hurt a parser. Every case of the wire tests is fed
 * whole and byte by byte; properties cut anywhere.
 */
import fc from 'fast-check';

/** Latin-1 text → bytes. */
export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** The two ways in which every case is fed. */
export const feedings = [
  { feeding: 'whole', cut: (text: string): Buffer[] => [bytes(text)] },
  { feeding: 'byte by byte', cut: (text: string): Buffer[] => Array.from(text, (character) => bytes(character)) },
] as const;

/** Cuts at the given positions, in any order; positions beyond the end wrap around. */
export function cutAt(text: string, positions: readonly number[]): Buffer[] {
  const all = bytes(text);
  const edges = [0, ...positions.map((position) => position % (all.length + 1)).sort((a, b) => a - b), all.length];
  return edges.slice(1).map((edge, index) => all.subarray(edges[index], edge));
}

/** Where a property cuts. */
export const cuts = fc.array(fc.nat(), { maxLength: 12 });

/** Any Latin-1 text. */
export const latin1 = fc.uint8Array({ maxLength: 80 }).map((octets) => Buffer.from(octets).toString('latin1'));

/** Latin-1 text made of what matters to a control connection, with random bytes between. */
export const controlText = fc
  .array(
    fc.oneof(
      fc.constantFrom('\r\n', '\n', '\r', '\0', ' ', '-', '\t', '220', '226 ', '226-', '226', '150 ok\r\n', '631 '),
      fc.constantFrom('RETR ', 'ABOR', '\xff\xf4', '\xff\xf2', '\xff\xfb', '\xff', '\xf2', '(|||1|)', '1,2,3,4,5,6'),
      latin1,
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(''));

/** Latin-1 text that fits into one line: no CR, LF, NUL. */
export const lineText = controlText.map((text) => text.replace(/[\0\r\n]/g, ''));
