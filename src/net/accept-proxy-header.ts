/**
 * Takes the PROXY header off an accepted connection: only from balancers that are trusted, within a time limit, and with
 * not one byte of what follows lost. Does not know what the connection is for, and counts nothing.
 */
import type { Socket } from 'node:net';
import type { ErrorCode } from '../errors/errors.ts';
import { type ProxyHeader, type ProxyHeaderProblem, ProxyHeaderReader } from '../wire/proxy-header.ts';
import { canonicalAddress, type Endpoint, type Network } from './address.ts';
import { describeSocketError } from './socket-errors.ts';

/** From whom a header is taken, and how long it may take (milliseconds). */
export interface AcceptProxyHeaderOptions {
  readonly trusted: readonly Network[];
  readonly timeout: number;
  /** Fires when the gateway stops: the connection is closed then. */
  readonly signal: AbortSignal;
}

/**
 * What became of a connection. `client`: it goes on, paused, with the first byte behind the header next; its two ends are
 * those of the client's own connection to the balancer. Otherwise it is closed: `local` was a health check of the balancer,
 * `refused` has a reason, `stopped` is the end of the gateway.
 */
export type AcceptedProxyHeader =
  | { readonly kind: 'client'; readonly client: Endpoint; readonly local: Endpoint; readonly token?: Buffer }
  | { readonly kind: 'local' }
  | { readonly kind: 'refused'; readonly cause: ErrorCode; readonly detail: string }
  | { readonly kind: 'stopped' };

const CAUSES = {
  'no-signature': 'proxy-header-missing',
  'unsupported-protocol': 'proxy-header-unsupported',
  'too-long': 'proxy-header-too-long',
  malformed: 'proxy-header-malformed',
} as const satisfies Record<ProxyHeaderProblem, ErrorCode>;

/** Reads the header that must come first. The socket must be unread. Never rejects; closes what it does not accept. */
export async function acceptProxyHeader(
  socket: Socket,
  options: AcceptProxyHeaderOptions,
): Promise<AcceptedProxyHeader> {
  // Until somebody has taken the connection over, its errors are nobody's.
  socket.on('error', () => {});
  const address = canonicalAddress(socket.remoteAddress ?? '');
  const outcome = options.trusted.some((network) => network.contains(address))
    ? await readHeader(socket, options)
    : refused('proxy-header-untrusted', `${address} is in none of the trusted networks`);
  if (outcome.kind !== 'client') {
    socket.destroy();
    return outcome;
  }
  // Only replicas make tokens; a balancer may use that TLV for something else.
  const { kind, client, local } = outcome;
  return { kind, client, local };
}

/** Reads the header that must come first, whoever sends it. As {@link acceptProxyHeader}, but leaves closing to the caller. */
export function readHeader(
  socket: Socket,
  { timeout, signal }: Omit<AcceptProxyHeaderOptions, 'trusted'>,
): Promise<AcceptedProxyHeader> {
  if (signal.aborted) return Promise.resolve({ kind: 'stopped' });
  return new Promise((resolve) => {
    const reader = new ProxyHeaderReader();
    let taken = 0;
    const settle = (outcome: AcceptedProxyHeader) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('data', onData);
      socket.off('end', onEnd);
      socket.off('error', onError);
      socket.off('close', onEnd);
      socket.pause();
      resolve(outcome);
    };
    const onData = (chunk: Buffer) => {
      const progress = reader.push(chunk);
      if (progress.kind === 'header') {
        const rest = chunk.subarray(progress.length - taken);
        settle(judge(progress.header));
        if (rest.length > 0) socket.unshift(rest);
      } else if (progress.kind === 'invalid') {
        settle(refused(CAUSES[progress.problem], `${taken + chunk.length} bytes read`));
      }
      taken += chunk.length;
    };
    const onEnd = () => settle(refused('proxy-header-incomplete', `closed after ${taken} bytes`));
    const onError = (error: Error) => settle(refused('proxy-header-incomplete', describeSocketError(error)));
    const onAbort = () => settle({ kind: 'stopped' });
    const timer = setTimeout(
      () => settle(refused('proxy-header-timeout', `${taken} bytes within ${timeout} ms`)),
      timeout,
    );
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('error', onError);
    socket.on('close', onEnd);
    socket.resume();
  });
}

/** proxy-protocol.txt §2: a balancer that does not know the client may be refused; one that speaks for itself has no client. */
function judge({ version, command, source, destination, token }: ProxyHeader): AcceptedProxyHeader {
  if (command === 'local') return { kind: 'local' };
  if (source !== undefined && destination !== undefined) {
    return { kind: 'client', client: source, local: destination, ...(token && { token }) };
  }
  return refused('proxy-header-without-address', `version ${version}`);
}

function refused(cause: ErrorCode, detail: string): AcceptedProxyHeader {
  return { kind: 'refused', cause, detail };
}
