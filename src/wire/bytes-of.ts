/**
 * Text of people (UTF-8) as control lines carry it.
 */

/** The bytes that stand for a text on the wire, one Latin-1 character each. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
