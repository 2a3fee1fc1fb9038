/**
 * TLS handshakes that are cut: in the moment of the ClientHello, which the gateway then reads in one turn of its event loop together with
 * what ends it, while Node tells of the hello only at the end of that turn; and in the middle.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { ClientHelloReader } from '../../src/wire/client-hello.ts';
import type { ScriptedClient } from '../support/scripted-client.ts';
import { type House, only, withGateway } from '../support/test-gateway.ts';

/** What a client sends first that resumes this session. */
async function helloWith(session: Buffer | undefined, version: 'TLSv1.2' | 'TLSv1.3'): Promise<Buffer> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  // The name belongs to the session: a client that is told another one does not offer it.
  const client = connectTls({ host: '127.0.0.1', port, servername: 'localhost', session, ...only(version) });
  client.on('error', () => {});
  const [socket] = (await once(listener, 'connection')) as [Socket];
  const [hello] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  listener.close();
  const progress = new ClientHelloReader().push(hello);
  expect(progress.kind === 'hello' ? progress.hello.ticketKeyNames : []).toHaveLength(session === undefined ? 0 : 1);
  return hello;
}

/** Runs `play` with everything that would have ended the process. */
async function withFaults(play: (faults: readonly Error[]) => Promise<void>): Promise<void> {
  const faults: Error[] = [];
  const keep = (error: Error): void => {
    faults.push(error);
  };
  process.on('uncaughtException', keep);
  try {
    await play(faults);
  } finally {
    process.off('uncaughtException', keep);
  }
}

const ENDS: readonly (readonly [string, (client: ScriptedClient) => void])[] = [
  ['EPSV', (client) => client.send('EPSV')],
  ['ABOR', (client) => client.send('ABOR')],
  ['QUIT', (client) => client.send('QUIT')],
  ['the end of the control connection', (client) => client.end()],
  ['the reset of the control connection', (client) => client.reset()],
];

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('a ClientHello over %s together with', (version) => {
  it.each(ENDS)('%s: the connection is closed, and the gateway lives', async (_what, end) => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async (house: House) => {
      await withFaults(async (faults) => {
        for (let time = 0; time < 5; time += 1) {
          const client = await house.loggedIn('explicit', { tls: only(version) });
          await expect.poll(() => client.session?.length ?? 0, { interval: 2 }).toBeGreaterThan(0);
          const hello = await helloWith(client.session, version);
          const data = connect({ host: '127.0.0.1', port: await client.epsv() });
          data.on('error', () => {}).resume();
          const closed = new Promise((resolve) => data.once('close', resolve));
          await expect.poll(() => house.gateway.passivePorts.waiting, { interval: 2 }).toBe(0);
          data.write(hello);
          end(client);
          await closed;
          client.destroy();
        }
        expect(faults.map(String)).toEqual([]);
        const other = await house.loggedIn();
        expect((await other.download('RETR a')).toString()).toBe('abc');
      });
    });
  });
});

const CUTS = {
  FIN: (socket: Socket) => void socket.end(),
  RST: (socket: Socket) => void socket.resetAndDestroy(),
} as const;

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('a handshake over %s that the client cuts', (version) => {
  const ways = (['FIN', 'RST'] as const).flatMap((how) => [
    ...(['RETR a', 'STOR b'] as const).flatMap((command) =>
      (['with the ClientHello', 'in the middle'] as const).map((when) => [how, when, command] as const),
    ),
  ]);

  it.each(ways)('by %s %s of the data connection of %s: the client is told at once', async (how, when, command) => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async (house: House) => {
      const client = await house.loggedIn('explicit', { tls: only(version) });
      await expect.poll(() => client.session?.length ?? 0, { interval: 2 }).toBeGreaterThan(0);
      const data = connect({ host: '127.0.0.1', port: await client.epsv() });
      data.on('error', () => {});
      await client.command(command, 150);
      data.write(await helloWith(client.session, version));
      if (when === 'in the middle') await once(data, 'data');
      CUTS[how](data.resume());
      await client.expect(522);
      const { cause, outcome } = await house.logs.until({ event: 'transfer' });
      expect({ cause, outcome }).toEqual({ cause: 'client-data-tls-failed', outcome: 'failed' });
    });
  });

  it.each(['FIN', 'RST'] as const)('by %s, of the control connection: that is over at once', async (how) => {
    await withGateway({}, async (house: House) => {
      const control = connect({ ...house.doors.implicit, host: house.doors.implicit.address });
      control.on('error', () => {});
      control.write(await helloWith(undefined, version));
      await once(control, 'data');
      CUTS[how](control.resume());
      await house.logs.until({ event: 'tls-failed', cause: 'tls-handshake-failed' });
    });
  });
});

describe('a data connection that the gateway has dialled', () => {
  it.each([
    ['a few bytes', Buffer.from('abc')],
    ['many bytes', Buffer.alloc(3 * 2 ** 20)],
  ])('and the client has reset right behind its handshake, before %s, is told as cut', async (_what, bytes) => {
    await withGateway({ legacy: { files: { '/a': bytes } } }, async (house: House) => {
      const client = await house.loggedIn('explicit', { tls: only('TLSv1.3') });
      const ours = createServer().listen(0, '127.0.0.1');
      await once(ours, 'listening');
      const port = await client.active('EPRT');
      client.send('RETR a');
      const { raw: data } = await port.connection();
      const tls = connectTls({ ...(ours.address() as AddressInfo), host: '127.0.0.1', rejectUnauthorized: false });
      const [relayed] = (await once(ours, 'connection')) as [Socket];
      for (const socket of [tls, relayed, data]) socket.on('error', () => {});
      data.on('data', (chunk: Buffer) => relayed.write(chunk));
      // What it sends first is its hello, then its Finished.
      relayed.once('data', (hello: Buffer) => {
        data.write(hello);
        relayed.once('data', (finished: Buffer) => data.write(finished, () => data.resetAndDestroy()));
      });
      await client.expect(150);
      await client.expect(426);
      for (const each of [tls, relayed]) each.destroy();
      ours.close();
    });
  });
});
