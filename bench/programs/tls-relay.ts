/** A program that terminates TLS before plain TCP, without knowing FTP: one port before a source and one before a sink. */
import type { Backend } from '../../test/interop/backends/backend.ts';

/** A running relay. */
export interface TlsRelay extends Omit<Backend, 'port' | 'home'> {
  /** Who connects here receives the file. */
  readonly downloadPort: number;
  /** What is sent here is written. */
  readonly uploadPort: number;
}

/** Ports of the plain source and the plain sink behind a relay. */
export interface TcpPeerPorts {
  readonly source: number;
  readonly sink: number;
}
