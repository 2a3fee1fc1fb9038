/**
 * Strangers who have seen a client's ClientHello pass by know the name of its ticket. They must neither get its data nor
 * take its place.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ClientData } from '../support/client-data.ts';
import type { ScriptedClient } from '../support/scripted-client.ts';
import { only, withGateway } from '../support/test-gateway.ts';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
type Version = (typeof VERSIONS)[number];
const GATEWAY = { legacy: { files: { '/a': 'abc', '/b': 'def' } }, passivePorts: 1 } as const;

/** Two clients that share one port, so that TLS must tell who is who. */
async function sharingClients(
  loggedIn: () => Promise<ScriptedClient>,
  version: Version,
): Promise<[ScriptedClient, ScriptedClient]> {
  const clients: [ScriptedClient, ScriptedClient] = [await loggedIn(), await loggedIn()];
  for (const client of clients) {
    await expect.poll(() => client.session?.length ?? 0, { interval: 2 }).toBeGreaterThan(0);
    await client.earnSharing('RETR a', only(version));
  }
  return clients;
}

/** The TLS session with the ticket damaged, its name left: what the gateway reads in clear is right, but resumes nothing. */
function forged(session: Buffer): Buffer {
  const copy = Buffer.from(session);
  // SSL_SESSION, ticket [10] EXPLICIT OCTET STRING with a length of one or two bytes.
  for (let at = 0; at < copy.length; at += 1) {
    const wide = copy[at + 1] === 0x82 ? 2 : copy[at + 1] === 0x81 ? 1 : 0;
    if (copy[at] !== 0xaa || wide === 0 || copy[at + 2 + wide] !== 0x04) continue;
    const content = at + 2 + wide + 2 + wide;
    const middle = content + 60;
    copy[middle] = (copy[middle] ?? 0) ^ 0xff;
    return copy;
  }
  throw new Error('no ticket in the session');
}

/** What a client that resumes the session sends first: anybody on its way can see it, and send it again. */
async function helloWith(session: Buffer, version: Version): Promise<Buffer> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const accepted = once(listener, 'connection');
  const client = await ClientData.connect({ host: '127.0.0.1', port });
  const handshake = client.startTls({ session, ...only(version) });
  try {
    const [socket] = (await accepted) as [Socket];
    const [hello] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    await handshake.catch(() => {});
    return hello;
  } finally {
    listener.close();
  }
}

describe.each(VERSIONS)('a forged ticket over %s', (version) => {
  it('is closed and counted, and the rightful client is served', async () => {
    await withGateway(GATEWAY, async ({ loggedIn, metrics }) => {
      const [one, two] = await sharingClients(() => loggedIn('explicit', { tls: only(version) }), version);
      const port = await one.epsv();
      await two.epsv();
      const stranger = await ClientData.connect({ host: '127.0.0.1', port });
      await stranger.startTls({ session: forged(one.session!), ...only(version) }).catch(() => {});
      await stranger.readToEnd();
      expect(stranger.received.toString()).toBe('');
      expect(await metrics.render()).toContain('unclaimed_data_connections_total{cause="unproven"} 1');
      for (const [client, name, content] of [
        [one, 'a', 'abc'],
        [two, 'b', 'def'],
      ] as const) {
        const data = await ClientData.connect({ host: '127.0.0.1', port });
        client.send(`RETR ${name}`);
        await client.expect(150);
        await data.startTls({ session: client.session, ...only(version) });
        expect((await data.readToEnd()).bytes.toString()).toBe(content);
        await client.expect(226);
      }
    });
  });

  it('shown while a transfer waits for its client does not stop the wait', async () => {
    await withGateway(GATEWAY, async ({ loggedIn }) => {
      const [one, two] = await sharingClients(() => loggedIn('explicit', { tls: only(version) }), version);
      const port = await one.epsv();
      await two.epsv();
      one.send('RETR b');
      const stranger = await ClientData.connect({ host: '127.0.0.1', port, localAddress: '127.0.0.66' });
      await stranger.startTls({ session: forged(one.session!), ...only(version) }).catch(() => {});
      await stranger.readToEnd();
      const data = await ClientData.connect({ host: '127.0.0.1', port });
      await one.expect(150);
      await data.startTls({ session: one.session, ...only(version) });
      expect((await data.readToEnd()).bytes.toString()).toBe('def');
      await one.expect(226);
    });
  });

  it('that stalls in its handshake does not hold the rightful client up, however many there are', async () => {
    await withGateway(GATEWAY, async ({ loggedIn }) => {
      const [one, two] = await sharingClients(() => loggedIn('explicit', { tls: only(version) }), version);
      const port = await one.epsv();
      await two.epsv();
      const hello = await helloWith(one.session!, version);
      const strangers = await Promise.all(
        Array.from({ length: 20 }, () => ClientData.connect({ host: '127.0.0.1', port })),
      );
      await Promise.all(strangers.map((stranger) => stranger.startClear().write(hello)));
      const data = await ClientData.connect({ host: '127.0.0.1', port });
      one.send('RETR b');
      await one.expect(150);
      await data.startTls({ session: one.session, ...only(version) });
      expect((await data.readToEnd()).bytes.toString()).toBe('def');
      await one.expect(226);
      await Promise.all(strangers.map(({ ending }) => ending));
      // They were let through to the handshake, and got no further.
      expect(strangers.filter(({ receivedBytes }) => receivedBytes > 0).length).toBeGreaterThan(8);
    });
  });
});
