/**
 * Hellos as Node's own TLS client sends them, together with what its peer knows: the ticket keys it used and the session
 * id it gave. A TCP relay between both records the client's bytes.
 */
import { constants } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import {
  type ConnectionOptions,
  createServer as createTlsServer,
  type TLSSocket,
  connect as tlsConnect,
} from 'node:tls';
import { testCertificate } from '../../support/certificates.ts';

/** One connection. */
export interface Recorded {
  /** What the client sent from the first byte on: the hello, and more behind it. */
  readonly bytes: Buffer;
  /** Whether the peer resumed the session that was offered. */
  readonly resumed: boolean;
  /** To be offered again. */
  readonly session: Buffer | undefined;
}

/** `session-id` resumes without tickets, by a store at the peer: TLS 1.2 only. */
export interface PeerOptions {
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  readonly resumption: 'ticket' | 'session-id';
  readonly ticketKeys: Buffer;
}

/** A TLS peer that speaks one version. Close it with `await using`. */
export interface Peer extends AsyncDisposable {
  /** Ids of the sessions that it stored, in order. */
  readonly sessionIds: readonly Buffer[];
  /** Connects, shakes hands, exchanges a byte, closes. */
  connect(options?: ConnectionOptions): Promise<Recorded>;
}

/** Starts a peer on loopback. */
export async function startPeer({ version, resumption, ticketKeys }: PeerOptions): Promise<Peer> {
  const files = await testCertificate();
  const [cert, key] = await Promise.all([readFile(files.cert), readFile(files.key)]);
  const sessions = new Map<string, Buffer>();
  const sessionIds: Buffer[] = [];
  const peer = createTlsServer({
    cert,
    key,
    ticketKeys,
    minVersion: version,
    maxVersion: version,
    ALPNProtocols: ['ftp', 'ftp-data'],
    secureOptions: resumption === 'session-id' ? constants.SSL_OP_NO_TICKET : 0,
  });
  if (resumption === 'session-id') {
    peer.on('newSession', (id, data, done) => {
      sessionIds.push(id);
      sessions.set(id.toString('hex'), data);
      done();
    });
    peer.on('resumeSession', (id, done) => done(null, sessions.get(id.toString('hex'))));
  }
  peer.on('secureConnection', (socket) => socket.once('data', () => socket.end('!')).on('error', () => {}));
  const target = await listen(peer);
  const recordings: Buffer[][] = [];
  const sockets: Socket[] = [];
  const relay = createServer((client) => {
    const recording: Buffer[] = [];
    recordings.push(recording);
    const link = connect(target, '127.0.0.1');
    sockets.push(client, link);
    client.on('data', (chunk: Buffer) => recording.push(chunk));
    client.pipe(link).pipe(client);
    client.on('error', () => link.destroy());
    link.on('error', () => client.destroy());
  });
  const port = await listen(relay);
  return {
    sessionIds,
    async connect(options = {}) {
      const socket = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
      const { resumed, session } = await talk(socket);
      return { bytes: Buffer.concat(recordings.at(-1) ?? []), resumed, session };
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([relay, peer].map((server) => new Promise((closed) => server.close(closed))));
    },
  };
}

async function talk(socket: TLSSocket): Promise<Pick<Recorded, 'resumed' | 'session'>> {
  let session: Buffer | undefined;
  socket.on('session', (received: Buffer) => {
    session = received;
  });
  await once(socket, 'secureConnect');
  const resumed = socket.isSessionReused();
  socket.write('?');
  socket.resume();
  await once(socket, 'close');
  return { resumed, session };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
