/**
 * Bytes as a short text, for comparisons of whole files: an assertion library compares buffers byte by byte and slowly.
 */
import { createHash } from 'node:crypto';

/** Length and SHA-256, or `nothing`. */
export function digest(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return 'nothing';
  return `${bytes.length} bytes, ${createHash('sha256').update(bytes).digest('hex')}`;
}
