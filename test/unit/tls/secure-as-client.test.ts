import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { createSecureContext, TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { secureAsClient } from '../../../src/tls/secure-as-client.ts';
import { testCertificate } from '../../support/certificates.ts';

/** Looks like a record, and cannot be decrypted. */
const DAMAGED = Buffer.concat([Buffer.from([0x17, 0x03, 0x03, 0x00, 0x30]), randomBytes(0x30)]);

/** Puts the damaged record behind one flight of the handshake, in the same packet. */
class Spoiler extends Duplex {
  readonly #raw: Socket;
  readonly #flight: number;
  #written = 0;

  constructor(raw: Socket, flight: number) {
    super();
    this.#raw = raw;
    this.#flight = flight;
    raw.on('data', (chunk) => this.push(chunk));
    raw.on('error', () => {});
    raw.on('close', () => this.destroy());
  }

  override _read(): void {}

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#write(chunk, done);
  }

  #write(bytes: Buffer, done: () => void): void {
    this.#written += 1;
    this.#raw.write(this.#written === this.#flight ? Buffer.concat([bytes, DAMAGED]) : bytes);
    done();
  }
}

let server: ReturnType<typeof createServer>;
let accepted: Socket[];

beforeEach(() => {
  accepted = [];
});

afterEach(async () => {
  for (const socket of accepted) socket.destroy();
  server.close();
  await once(server, 'close');
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('a damaged record behind the handshake of a backend, %s', (version) => {
  it.each([1, 2])('flight %i: the connection ends as broken, and the process lives', async (flight) => {
    const { cert, key } = await testCertificate();
    const versions = { minVersion: version, maxVersion: version };
    const secureContext = createSecureContext({ cert: await readFile(cert), key: await readFile(key), ...versions });
    server = createServer((socket) => {
      accepted.push(socket);
      const secure = new TLSSocket(new Spoiler(socket, flight), { isServer: true, secureContext });
      for (const event of ['error', '_tlsError']) secure.on(event, () => {});
      secure.write('data');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const raw = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
    await once(raw, 'connect');
    const closed = once(raw, 'close');
    const codes = {
      failed: 'backend-data-tls-failed',
      timeout: 'backend-data-tls-timeout',
      clear: 'backend-data-tls-failed',
    } as const;
    const options = { tls: {}, timeout: 5000, signal: new AbortController().signal, proveEnd: true, codes };
    const secured = await secureAsClient(raw, options).catch((error: Error) => error);
    if (!(secured instanceof Error)) {
      secured.socket.resume();
      expect(await secured.proven?.end).toBe('reset');
    }
    await closed;
  });
});
