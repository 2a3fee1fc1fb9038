/**
 * Names for the ways in which a TCP connection breaks. Only codes are compared, never texts.
 */

const RESET = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Whether the peer, or the network between, broke the connection off. */
export function isReset(error: unknown): boolean {
  return error instanceof Error && RESET.has((error as NodeJS.ErrnoException).code ?? '');
}

/** A short text for logs: the code where there is one. */
export function describeSocketError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error as NodeJS.ErrnoException).code ?? error.message;
}
