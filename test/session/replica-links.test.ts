/** Connections between replicas themselves: what is said there, who may say it, and what is left when they end. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { loadPeerTls, type PeerTls } from '../../src/tls/peer-tls.ts';
import { formatProxyHeaderV2 } from '../../src/wire/proxy-header-format.ts';
import { testCertificate } from '../support/certificates.ts';
import { addressOf, downloadThrough, KEY, withReplicas } from '../support/replicas.ts';

const HANDSHAKE = { timeout: 3000, signal: new AbortController().signal };

function peerTls(key = KEY): Promise<PeerTls> {
  const listeners = [{ name: 'public', port: 2121, policy: { requireTls: 'off', requireProtP: 'off' } }];
  const replication = { count: 2, key, peers: ['a:1', 'b:1'] };
  const backends = [{ name: 'legacy', host: '127.0.0.1' }];
  return loadPeerTls(parseConfig(JSON.stringify({ listeners, backends, replication }), { env: {} }).replication);
}

/** A connection to replica 0 by somebody who has the key. */
async function inside(linkPort: number): Promise<TLSSocket> {
  const raw = connect({ host: addressOf(0), port: linkPort });
  await once(raw, 'connect');
  return (await peerTls()).connect(raw, addressOf(0), HANDSHAKE);
}

const HELLO = {
  ...{ type: 'hello', version: 1, index: 1, count: 2, instance: 'ab'.repeat(16) },
  ...{ revision: 1, ports: '50003', range: '50000-50003' },
};
const line = (message: object) => `${JSON.stringify(message)}\n`;

describe('somebody who has the key', () => {
  it.each([
    ['garbage', 'GET / HTTP/1.1\r\n\r\n', 'replication-protocol'],
    ['a line that never ends', 'x'.repeat(20_000), 'replication-protocol'],
    ['another message first', line({ type: 'ping' }), 'replication-protocol'],
    ['a field too many', line({ ...HELLO, more: 1 }), 'replication-protocol'],
    ['another version', line({ ...HELLO, version: 2 }), 'replication-version'],
    ['our own index', line({ ...HELLO, index: 0 }), 'replication-index-taken'],
    ['an index beyond its count', line({ ...HELLO, index: 2 }), 'replication-index-unknown'],
  ])('and says %s is refused', async (_what, said, cause) => {
    await withReplicas({ count: 2, starts: (index) => index === 0 }, async ({ replica, linkPort }) => {
      const socket = await inside(linkPort);
      socket.resume();
      socket.write(said);
      await once(socket, 'close');
      const refused = await replica(0).logs.until({ event: 'replica-refused' });
      expect(refused['cause']).toBe(cause);
      expect(await replica(0).metric('replica_link_failures_total', cause)).toBe(1);
    });
  });

  it('and says garbage behind a good greeting is cut off, and leaves no contest and no turn behind', async () => {
    await withReplicas({ count: 2, passivePorts: 1, starts: (index) => index === 0 }, async (house) => {
      const { linkPort, loggedIn, passive } = house;
      const socket = await inside(linkPort);
      const heard: string[] = [];
      socket.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
      socket.write(line(HELLO));
      await expect.poll(() => heard.join('')).toContain('"welcome"');
      socket.write(line({ type: 'request', id: 1, address: '127.0.0.50', distinct: false }));
      await expect.poll(() => heard.join('')).toContain('"granted"');
      socket.write(line({ type: 'contest', id: 2, port: passive.first, address: '127.0.0.50' }));
      const client = await loggedIn(0);
      client.send('EPSV');
      socket.write('no message\n');
      await once(socket, 'close');
      // The turn has come back.
      await client.expect(229);
    });
  });

  it('and gets a token can use it once, and for nothing but the connection that it is for', async () => {
    await withReplicas({ count: 2, starts: (index) => index === 0 }, async ({ replica, linkPort, loggedIn }) => {
      const socket = await inside(linkPort);
      const heard: string[] = [];
      socket.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
      socket.write(line(HELLO));
      const port = await (await loggedIn(0)).epsv();
      const source = { address: '127.0.0.50', port: 4242 };
      const tokenOf = async (id: number) => {
        socket.write(line({ type: 'ask', id, port, address: source.address, clientPort: source.port }));
        const answer = new RegExp(`"answer","id":${id},"here":1.*?"token":"(\\w+)"`);
        await expect.poll(() => heard.join('')).toMatch(answer);
        return Buffer.from(answer.exec(heard.join(''))?.[1] ?? '', 'hex');
      };
      const present = async (token: Buffer, ends: Partial<Parameters<typeof formatProxyHeaderV2>[0]> = {}) => {
        const data = connect({ host: addressOf(0), port: linkPort });
        data.on('error', () => {});
        data.write(formatProxyHeaderV2({ source, destination: { address: addressOf(0), port }, ...ends }, { token }));
        return data;
      };
      const forged = () => replica(0).metric('handed_over_data_connections_total', 'forged');
      const otherPort = await present(await tokenOf(1), { destination: { address: addressOf(0), port: port + 1 } });
      await once(otherPort, 'close');
      const otherClient = await present(await tokenOf(2), { source: { ...source, port: 4243 } });
      await once(otherClient, 'close');
      const token = await tokenOf(3);
      const right = await present(token);
      await expect.poll(() => replica(0).metric('handed_over_data_connections_total', 'accepted')).toBe(1);
      const again = await present(token);
      await once(again, 'close');
      expect(await forged()).toBe(3);
      expect(replica(0).gateway.passivePorts.waiting).toBe(0);
      right.destroy();
      socket.destroy();
    });
  });

  it('and falls silent is let go after some seconds', async () => {
    await withReplicas({ count: 2, starts: (index) => index === 0 }, async ({ linkPort }) => {
      const socket = await inside(linkPort);
      socket.resume();
      socket.write(line(HELLO));
      const begun = performance.now();
      await once(socket, 'close');
      expect(performance.now() - begun).toBeGreaterThan(3500);
    });
  });
});

describe('a replica with a key', () => {
  it('takes no certificate in place of it, whoever has signed that', async () => {
    const { cert, key } = await testCertificate();
    const secureContext = createSecureContext({ cert: await readFile(cert), key: await readFile(key) });
    const sockets: Socket[] = [];
    const server = createServer((raw) => {
      sockets.push(raw);
      raw.on('error', () => {});
      new TLSSocket(raw, { isServer: true, secureContext }).on('error', () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const raw = connect({ host: '127.0.0.1', port: typeof address === 'object' && address ? address.port : 0 });
    await once(raw, 'connect');
    await expect((await peerTls()).connect(raw, 'localhost', HANDSHAKE)).rejects.toMatchObject({
      code: 'replication-tls-failed',
    });
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});

describe('a replica that comes back after the others have given up asking often', () => {
  it('has its data connections led to it from its first client on', async () => {
    const options = { count: 2, legacy: { files: { '/a': 'abc' } } };
    await withReplicas(options, async ({ replica, start, loggedIn }) => {
      const failures = () => replica(1).metric('replica_link_failures_total');
      const before = await failures();
      await replica(0).gateway.stop();
      // The next attempt is seconds away by then.
      await expect.poll(failures, { timeout: 12_000 }).toBeGreaterThanOrEqual(before + 4);
      await start(0);
      const client = await loggedIn(0);
      expect((await downloadThrough(client, replica(1), 'RETR a')).bytes.toString()).toBe('abc');
    });
  });
});

describe('a reload', () => {
  it('changes the range of all replicas, and each tells the others its new ports', async () => {
    const options = { count: 2, passivePorts: 8, ranges: [0, 3] as const, legacy: { files: { '/a': 'abc' } } };
    await withReplicas(options, async ({ replicas, replica, loggedIn, reload, passive }) => {
      const shown = () => replica(0).gateway.replication?.others[0]?.ports;
      expect(shown()).toBe(`${passive.first + 2}-${passive.first + 3}`);
      for (const { index } of replicas) await reload(index, [0, 7]);
      await expect.poll(shown).toBe(`${passive.first + 4}-${passive.first + 7}`);
      const client = await loggedIn(1);
      expect((await downloadThrough(client, replica(0), 'RETR a')).bytes.toString()).toBe('abc');
      expect(await client.epsv()).toBeGreaterThanOrEqual(passive.first + 4);
    });
  });
});
