/**
 * A data connection whose ClientHello arrives in the same moment as what ends it: the gateway reads both in one turn of
 * its event loop, and Node tells of the hello only at the end of that turn.
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
  expect(progress.kind === 'hello' ? progress.hello.ticketKeyNames : []).toHaveLength(1);
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
