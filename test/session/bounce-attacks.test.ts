/**
 * PORT and EPRT in the hands of an attacker (RFC 2577 §3): the gateway connects to nobody but the client itself, and where
 * active mode is denied not even to that.
 */
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { downloadTo } from '../support/download-to.ts';
import { HAS_IPV6, type House, withGateway } from '../support/test-gateway.ts';

const FILES = { '/a': 'abc' };

/** The port of a listener that is told of every connection: nobody may come. */
async function forbiddenPort(address: string): Promise<{ port: number; connections: () => number; close: () => void }> {
  let count = 0;
  const server = createServer((socket) => {
    count += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return { port, connections: () => count, close: () => server.close() };
}

function sixNumbers(address: string, port: number): string {
  return `${address.replaceAll('.', ',')},${port >> 8},${port & 255}`;
}

describe('T080, A5: bounce attacks', () => {
  async function refused(house: House, line: string, ...codes: number[]): Promise<void> {
    const client = await house.loggedIn();
    await client.command(line, ...codes);
    await client.command('RETR a', 425);
    expect(house.backend.verbs).not.toContain('RETR');
  }

  it.each([
    ['a third party', 'PORT 192,0,2,1,200,10'],
    ['a neighbour on loopback', 'PORT 127,0,0,2,200,10'],
    ['the any address', 'PORT 0,0,0,0,200,10'],
    ['broadcast', 'PORT 255,255,255,255,200,10'],
    ['a multicast group', 'PORT 224,0,0,1,200,10'],
    ['SMTP on the own address', 'PORT 127,0,0,1,0,25'],
    ['the last privileged port', 'PORT 127,0,0,1,3,255'],
    ['a third party by EPRT', 'EPRT |1|192.0.2.1|51210|'],
    ['a low port by EPRT', 'EPRT |1|127.0.0.1|1023|'],
  ])('%s: 504, and nobody is connected to', async (_what, line) => {
    await withGateway({ legacy: { files: FILES } }, async (house) => {
      await refused(house, line, 504);
      await house.logs.until({ event: 'data-connection-failed', side: 'client', cause: 'active-target-refused' });
    });
  });

  it.each([
    'PORT',
    'PORT 127,0,0,1,200',
    'PORT 127,0,0,1,200,10,1',
    'PORT 127,0,0,256,200,10',
    'PORT 127,0,0,1,0,0',
    'PORT |1|127.0.0.1|51210|',
    'EPRT',
    'EPRT |1|127.0.0.1|51210',
    'EPRT |1|localhost|51210|',
    'EPRT |1|127.0.0.1|0|',
    'EPRT |1|127.0.0.1|65536|',
  ])('%s: 501', async (line) => {
    await withGateway({ legacy: { files: FILES } }, (house) => refused(house, line, 501));
  });

  it('the gateway itself: its listeners and its passive range are no targets', async () => {
    await withGateway({ legacy: { files: FILES } }, async (house) => {
      const { first, last } = house.config.data.passive.ports;
      const ports = [first, last, ...house.gateway.listeners.map(({ port }) => port)];
      for (const port of ports) await refused(house, `PORT ${sixNumbers('127.0.0.1', port)}`, 504);
    });
  });

  it('the address of the client and not that of another session is connected to', async () => {
    await withGateway({ legacy: { files: FILES } }, async (house) => {
      const victim = await forbiddenPort('127.0.0.3');
      const attacker = await house.loggedIn('explicit', { localAddress: '127.0.0.2' });
      await attacker.command(`PORT ${sixNumbers('127.0.0.3', victim.port)}`, 504);
      await attacker.command('RETR a', 425);
      expect(victim.connections()).toBe(0);
      victim.close();
      expect(await downloadTo(attacker, await attacker.active('PORT'))).toBe('abc');
    });
  });

  it('a refused PORT leaves the setup before it as it was', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      const port = await client.active('PORT');
      await client.command('PORT 192,0,2,1,200,10', 504);
      expect(await downloadTo(client, port)).toBe('abc');
    });
  });

  it('T142: server-to-server transfers have no door', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      for (const line of ['CPSV', 'SSCN ON', 'PRET RETR a', 'LPRT 4,4,127,0,0,1,2,200,10']) {
        await client.command(line, 500, 502);
      }
      await client.command('EPRT |1|198.51.100.7|51210|', 504);
      for (const verb of ['CPSV', 'SSCN', 'PRET', 'LPRT', 'EPRT', 'PORT']) expect(backend.verbs).not.toContain(verb);
    });
  });

  // A machine without IPv6 loopback cannot try it.
  it.skipIf(!HAS_IPV6)('over IPv6: PORT has no address of the client, an IPv4-mapped one is IPv4', async () => {
    await withGateway({}, async ({ loggedIn }) => {
      const six = await loggedIn('explicit6');
      await six.command('PORT 127,0,0,1,200,10', 504);
      await six.command('EPRT |2|2001:db8::1|51210|', 504);
      await six.command('EPRT |2|::|51210|', 504);
      await six.command('EPRT |2|::ffff:127.0.0.1|51210|', 522);
      const four = await loggedIn('explicit');
      await four.command('EPRT |2|::ffff:127.0.0.1|51210|', 200);
    });
  });
});

describe('data.active', () => {
  it('deny: 502 for both, FEAT and HELP do not offer them, passive mode works', async () => {
    await withGateway({ data: { active: 'deny' }, legacy: { files: FILES } }, async ({ loggedIn, logs }) => {
      const client = await loggedIn();
      await client.command('PORT 127,0,0,1,200,10', 502);
      await client.command('EPRT |1|127.0.0.1|51210|', 502);
      await client.command('EPRT |2|::1|51210|', 502);
      await logs.until({ event: 'data-connection-failed', side: 'client', cause: 'active-mode-denied' });
      expect((await client.command('FEAT', 211)).raw).not.toContain('EPRT');
      expect((await client.command('HELP', 214)).raw).not.toMatch(/PORT|EPRT/);
      await client.command('HELP PORT', 502);
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('allow: FEAT offers EPRT before and after login, HELP both', async () => {
    await withGateway({}, async ({ encrypted }) => {
      const client = await encrypted();
      expect((await client.command('FEAT', 211)).raw).toContain('\r\n EPRT\r\n');
      await client.login();
      expect((await client.command('FEAT', 211)).raw).toContain('\r\n EPRT\r\n');
      const help = (await client.command('HELP', 214)).raw;
      expect(help).toMatch(/ EPRT\b/);
      expect(help).toMatch(/ PORT\b/);
      await client.command('HELP PORT', 214);
    });
  });
});
