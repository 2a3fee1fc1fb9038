/**
 * What all connections of a replica to others have in common, and who is told what becomes of them.
 */
import type { GatewayError } from '../errors/errors.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import type { PeerTls } from '../tls/peer-tls.ts';
import type { Introduction } from './messages.ts';

/** What all links of a replica have in common. */
export interface LinkEnvironment {
  readonly tls: () => PeerTls;
  readonly sockets: OpenSockets;
  /** Milliseconds. */
  readonly keepAlive: number;
  /** Who this replica is now. */
  readonly introduction: () => Introduction;
  readonly observer: LinkObserver;
  /** Fires when the replica stops. */
  readonly signal: AbortSignal;
}

/** Is told what becomes of links. */
export interface LinkObserver {
  up(index: number, introduction: Introduction): void;
  down(index: number, reason: GatewayError): void;
  failed(index: number, reason: GatewayError): void;
}
