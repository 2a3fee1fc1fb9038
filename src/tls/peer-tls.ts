/**
 * TLS between replicas, both ends: by a key that all of them have (TLS-PSK), or by certificates. Knows nothing of what is said.
 */
import { hkdfSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP, type Socket } from 'node:net';
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect,
  createSecureContext,
  TLSSocket,
  type TLSSocketOptions,
} from 'node:tls';
import { type ReplicationConfig, readReplicationKey } from '../config/replication.ts';
import { asGatewayError, GatewayError } from '../errors/errors.ts';
import { verifiedCertificate } from './client-certificate.ts';

/** How long a handshake may take, and what ends it early. Milliseconds. */
export interface PeerHandshake {
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/** How replicas of one configuration trust each other. */
export interface PeerTls {
  /**
   * Handshakes with a replica that has connected. On failure the socket is destroyed. Raises `replication-tls-failed`,
   * `replication-timeout`, or the signal's reason.
   */
  accept(raw: Socket, handshake: PeerHandshake): Promise<TLSSocket>;
  /** Handshakes with the replica at this host; as {@link accept}. */
  connect(raw: Socket, host: string, handshake: PeerHandshake): Promise<TLSSocket>;
  /** Whether the certificate that was shown is for this host. With a key all are equal. */
  belongsTo(socket: TLSSocket, host: string): boolean;
}

const IDENTITY = 'sallyport';
/**
 * quirk: OpenSSL takes a key of this kind for the hash of this suite only. It is used together with an ephemeral exchange (psk_dhe_ke, RFC
 * 8446 §4.2.9), so that whoever learns the key later cannot read what was said.
 */
const SUITE = 'TLS_AES_128_GCM_SHA256';
const KEY_BYTES = 32;

/** Reads the key or the certificates. Rejects where a file cannot be used. */
export async function loadPeerTls(config: ReplicationConfig): Promise<PeerTls> {
  const key = await readReplicationKey(config);
  if (key !== undefined) return byKey(key);
  const { cert, key: privateKey, ca } = config.tls;
  if (cert === null || privateKey === null || ca === null)
    throw new Error('nothing by which replicas trust each other');
  const files = await Promise.all([cert, privateKey, ca].map((file) => readFile(file, 'utf8')));
  return byCertificate({ cert: files[0] ?? '', key: files[1] ?? '', ca: files[2] ?? '' });
}

function byKey(key: string): PeerTls {
  const psk = Buffer.from(hkdfSync('sha256', key, '', 'sallyport replication', KEY_BYTES));
  const common = { minVersion: 'TLSv1.3', ciphers: SUITE } as const;
  const server: TLSSocketOptions & Pick<ConnectionOptions, 'pskCallback'> = {
    isServer: true,
    secureContext: createSecureContext(common),
  };
  const offer = Object.assign(server, {
    pskCallback: (_socket: TLSSocket, identity: string) => (identity === IDENTITY ? psk : null),
  });
  return {
    async accept(raw, handshake) {
      const socket = new TLSSocket(raw, offer as TLSSocketOptions);
      return settled(raw, socket, 'secure', handshake);
    },
    async connect(raw, _host, handshake) {
      const socket = connect({
        ...common,
        socket: raw,
        // Nobody is trusted for a certificate: with one, TLS 1.3 would go on without the key.
        ca: [],
        pskCallback: () => ({ psk, identity: IDENTITY }),
        checkServerIdentity: (_name, { raw: shown }) => (shown === undefined ? undefined : new Error('a certificate')),
      });
      await settled(raw, socket, 'secureConnect', handshake);
      if (socket.getPeerX509Certificate() === undefined) return socket;
      throw broken(raw, 'a certificate in place of the key');
    },
    belongsTo: () => true,
  };
}

function byCertificate(files: { readonly cert: string; readonly key: string; readonly ca: string }): PeerTls {
  const secureContext = createSecureContext({ ...files, minVersion: 'TLSv1.2' });
  return {
    async accept(raw, handshake) {
      const options = { isServer: true, secureContext, requestCert: true, rejectUnauthorized: false };
      const socket = await settled(raw, new TLSSocket(raw, options), 'secure', handshake);
      try {
        verifiedCertificate(socket, 'require');
      } catch (error) {
        throw broken(raw, asGatewayError(error, 'internal-error').message);
      }
      return socket;
    },
    connect(raw, host, handshake) {
      const servername = isIP(host) === 0 ? host : '';
      return settled(raw, connect({ socket: raw, secureContext, host, servername }), 'secureConnect', handshake);
    },
    belongsTo(socket, host) {
      return checkServerIdentity(host, socket.getPeerCertificate()) === undefined;
    },
  };
}

/** Waits for the end of a handshake. The socket's errors are nobody's afterwards, unless somebody listens. */
function settled(
  raw: Socket,
  socket: TLSSocket,
  finished: 'secure' | 'secureConnect',
  { timeout, signal }: PeerHandshake,
): Promise<TLSSocket> {
  for (const each of [raw, socket]) each.on('error', () => {});
  // A server-side TLSSocket that no tls.Server made tells its later errors only by this event.
  socket.on('_tlsError', () => raw.destroy());
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      for (const each of ['error', '_tlsError', 'close'] as const) socket.off(each, onFailure);
      raw.off('close', onFailure);
    };
    const fail = (reason: unknown) => {
      settle();
      raw.destroy();
      setImmediate(() => socket.destroy());
      reject(reason);
    };
    const onAbort = () => fail(signal.reason);
    const onFailure = (error?: unknown) => fail(broken(raw, describe(error)));
    const timer = setTimeout(
      () => fail(new GatewayError('replication-timeout', { detail: 'no TLS handshake' })),
      timeout,
    );
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    for (const each of ['error', '_tlsError', 'close'] as const) socket.on(each, onFailure);
    raw.on('close', onFailure);
    socket.once(finished, () => {
      settle();
      setImmediate(() => (socket.destroyed ? reject(broken(raw, 'closed')) : resolve(socket)));
    });
  });
}

function describe(error: unknown): string {
  return error instanceof Error
    ? ((error as NodeJS.ErrnoException).code ?? error.message)
    : 'closed during the handshake';
}

function broken(raw: Socket, detail: string): GatewayError {
  raw.destroy();
  return new GatewayError('replication-tls-failed', { detail });
}
