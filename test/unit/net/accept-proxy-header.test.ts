/** PROXY headers over real sockets: who may send one, how it may travel, and that the bytes behind it stay whole. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AcceptedProxyHeader, acceptProxyHeader } from '../../../src/net/accept-proxy-header.ts';
import { parseNetwork } from '../../../src/net/address.ts';
import { testCertificate } from '../../support/certificates.ts';
import { proxyHeader } from '../../support/scripted-balancer.ts';
import { TappedSocket } from '../../support/tapped-socket.ts';

const SOURCE = { address: '203.0.113.7', port: 40_000 };
const DESTINATION = { address: '198.51.100.21', port: 21 };
const SOURCE_6 = { address: '2001:db8::7', port: 40_000 };
const DESTINATION_6 = { address: '2001:db8::21', port: 21 };

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Version 2: command and protocol bytes, then a block whose length is told rightly unless given. */
function version2(command: number, protocol: number, block: Buffer, length = block.length): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.from([command, protocol, length >> 8, length & 0xff]), block]);
}
const ADDRESSES = Buffer.from([203, 0, 113, 7, 198, 51, 100, 21, 0x9c, 0x40, 0, 21]);
const tlv = (bytes: number) =>
  Buffer.concat([Buffer.from([0xe0, bytes >> 8, bytes & 0xff]), Buffer.alloc(bytes, 0x41)]);

const FORMS = [
  ['version 1, IPv4', proxyHeader(1, { source: SOURCE, destination: DESTINATION }), SOURCE, DESTINATION],
  ['version 1, IPv6', proxyHeader(1, { source: SOURCE_6, destination: DESTINATION_6 }), SOURCE_6, DESTINATION_6],
  ['version 2, IPv4', proxyHeader(2, { source: SOURCE, destination: DESTINATION }), SOURCE, DESTINATION],
  ['version 2, IPv6', proxyHeader(2, { source: SOURCE_6, destination: DESTINATION_6 }), SOURCE_6, DESTINATION_6],
  ['version 2 with TLVs', version2(0x21, 0x11, Buffer.concat([ADDRESSES, tlv(5), tlv(300)])), SOURCE, DESTINATION],
] as const;

let server: Server;
let port: number;
const open: Socket[] = [];

beforeAll(async () => {
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as { port: number });
});
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});
afterAll(() => {
  server.close();
});

/** A connection from 127.0.0.1 and what becomes of it. */
async function dial(options: { trusted?: string; timeout?: number; signal?: AbortSignal } = {}): Promise<{
  balancer: Socket;
  accepted: Socket;
  outcome: Promise<AcceptedProxyHeader>;
}> {
  const arrival = once(server, 'connection');
  const balancer = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  balancer.on('error', () => {});
  const [accepted] = (await arrival) as [Socket];
  open.push(balancer, accepted);
  const { trusted = '127.0.0.0/8', timeout = 5000, signal = new AbortController().signal } = options;
  const outcome = acceptProxyHeader(accepted, { trusted: [parseNetwork(trusted)], timeout, signal });
  return { balancer, accepted, outcome };
}

/** All that a socket delivers until the peer's FIN. */
async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  await once(socket, 'end');
  return Buffer.concat(chunks).toString('latin1');
}

/** The gateway closed without a word. */
async function expectSilence(balancer: Socket): Promise<void> {
  let bytes = 0;
  balancer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  balancer.on('end', () => balancer.destroy());
  if (!balancer.closed) await once(balancer, 'close');
  expect(bytes).toBe(0);
}

describe.each(FORMS)('%s', (_form, header, client, local) => {
  it('gives the ends of the client, alone', async () => {
    const { balancer, accepted, outcome } = await dial();
    balancer.write(header);
    expect(await outcome).toEqual({ kind: 'client', client, local });
    expect(accepted.isPaused()).toBe(true);
    expect(accepted.readableLength).toBe(0);
  });

  it('leaves every byte behind it, in the same segment or later', async () => {
    const { balancer, accepted, outcome } = await dial();
    balancer.write(Buffer.concat([header, Buffer.from('USER alice\r\n')]));
    await outcome;
    balancer.end('PASS\0\xff\r\n', 'latin1');
    expect(await readAll(accepted)).toBe('USER alice\r\nPASS\0\xff\r\n');
  });

  it('T145: may come one byte at a time', async () => {
    const { balancer, accepted, outcome } = await dial();
    for (const byte of header) {
      balancer.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await outcome).toEqual({ kind: 'client', client, local });
    balancer.end('x');
    expect(await readAll(accepted)).toBe('x');
  });

  it('is read when the peer has ended already', async () => {
    const { balancer, accepted, outcome } = await dial();
    balancer.end(Buffer.concat([header, Buffer.from('all of an upload')]));
    await outcome;
    expect(await readAll(accepted)).toBe('all of an upload');
  });

  it('T145: may share its segment with a ClientHello', async () => {
    const { cert, key } = await testCertificate();
    const { balancer, accepted, outcome } = await dial();
    const tapped = new TappedSocket(balancer);
    balancer.on('data', (chunk: Buffer) => tapped.feed(chunk));
    balancer.cork();
    balancer.write(header);
    const client = connectTls({ socket: tapped, rejectUnauthorized: false });
    client.on('error', () => {});
    await expect.poll(() => balancer.writableLength, { interval: 1 }).toBeGreaterThan(header.length + 100);
    balancer.uncork();
    await outcome;
    expect(accepted.readableLength, 'the ClientHello was in the same segment').toBeGreaterThan(100);
    const secureContext = createSecureContext({ cert: readFileSync(cert), key: readFileSync(key) });
    const tls = new TLSSocket(accepted, { isServer: true, secureContext });
    await once(client, 'secureConnect');
    client.write('hello');
    expect(String(await once(tls, 'data'))).toBe('hello');
    tls.destroy();
    client.destroy();
  });
});

describe('closed without a word', () => {
  const refused = (cause: string) => expect.objectContaining({ kind: 'refused', cause });

  it.each([
    ['no header: FTP', 'USER alice\r\n', 'proxy-header-missing'],
    ['no header: TLS', Buffer.from('160301', 'hex'), 'proxy-header-missing'],
    ['a broken version 1', 'PROXY TCP4 203.0.113.7 300.1.1.1 1 2\r\n', 'proxy-header-malformed'],
    ['version 1 without an end', `PROXY UNKNOWN ${'x'.repeat(200)}`, 'proxy-header-too-long'],
    ['version 1 without address', 'PROXY UNKNOWN\r\n', 'proxy-header-without-address'],
    ['version 2 without address', version2(0x21, 0x00, Buffer.alloc(0)), 'proxy-header-without-address'],
    ['a broken version 2', version2(0x21, 0x11, Buffer.alloc(3)), 'proxy-header-malformed'],
    ['an unknown command', version2(0x2f, 0x11, ADDRESSES), 'proxy-header-malformed'],
    ['UDP', version2(0x21, 0x12, ADDRESSES), 'proxy-header-unsupported'],
    ['TLVs over the cap', version2(0x21, 0x11, ADDRESSES, 60_000), 'proxy-header-too-long'],
  ])('T144: %s', async (_what, bytes, cause) => {
    const { balancer, outcome } = await dial();
    balancer.write(bytes);
    expect(await outcome).toEqual(refused(cause));
    await expectSilence(balancer);
  });

  it('T144: a stranger, before its header is looked at', async () => {
    const { balancer, outcome } = await dial({ trusted: '192.0.2.0/24' });
    expect(await outcome).toEqual(refused('proxy-header-untrusted'));
    await expectSilence(balancer);
  });

  it('T144: a header that does not come in time', async () => {
    const { balancer, outcome } = await dial({ timeout: 50 });
    balancer.write('PROXY TCP4 ');
    expect(await outcome).toEqual(refused('proxy-header-timeout'));
    await expectSilence(balancer);
  });

  it('T144: bytes that trickle do not extend the time', async () => {
    const { balancer, outcome } = await dial({ timeout: 100 });
    const header = Buffer.from(`PROXY UNKNOWN ${'x'.repeat(60)}`);
    let sent = 0;
    const drip = setInterval(() => balancer.write(header.subarray(sent, ++sent)), 10);
    expect(await outcome).toEqual(refused('proxy-header-timeout'));
    clearInterval(drip);
    expect(sent).toBeLessThan(header.length);
  });

  it.each(['FIN', 'RST'])('a connection that ends before its header: %s', async (how) => {
    const { balancer, accepted, outcome } = await dial();
    if (how === 'FIN') balancer.end('PROXY');
    else balancer.resetAndDestroy();
    expect(await outcome).toEqual(refused('proxy-header-incomplete'));
    expect(accepted.destroyed).toBe(true);
  });

  it('T144: LOCAL is a health check, whatever protocol and TLVs it names', async () => {
    for (const header of [version2(0x20, 0x00, Buffer.alloc(0)), version2(0x20, 0x11, ADDRESSES)]) {
      const { balancer, outcome } = await dial();
      balancer.write(header);
      expect(await outcome).toEqual({ kind: 'local' });
      await expectSilence(balancer);
    }
  });

  it('everything when the gateway stops', async () => {
    const stopping = new AbortController();
    const { balancer, outcome } = await dial({ signal: stopping.signal });
    balancer.write('PROXY');
    stopping.abort();
    expect(await outcome).toEqual({ kind: 'stopped' });
    await expectSilence(balancer);
  });
});
