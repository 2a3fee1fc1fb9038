/**
 * Every way in which a client sets up data connections with every way of the backend, each over IPv4 and IPv6: the two sides
 * have nothing to do with each other.
 */
import { describe, expect, it } from 'vitest';
import type { ClientData } from '../support/client-data.ts';
import type { ScriptedClient } from '../support/scripted-client.ts';
import { type Door, HAS_IPV6, type House, type HouseOptions, withGateway } from '../support/test-gateway.ts';

type Way = 'PASV' | 'EPSV' | 'PORT' | 'EPRT';

const CLIENTS: readonly (readonly [Way, 'IPv4' | 'IPv6', Door])[] = [
  ['PASV', 'IPv4', 'explicit'],
  ['EPSV', 'IPv4', 'explicit'],
  ['PORT', 'IPv4', 'explicit'],
  ['EPRT', 'IPv4', 'explicit'],
  ['EPSV', 'IPv6', 'explicit6'],
  ['EPRT', 'IPv6', 'explicit6'],
];

const BACKENDS: readonly (readonly [Way, 'IPv4' | 'IPv6', HouseOptions])[] = [
  ['PASV', 'IPv4', { backend: { dataMode: 'pasv' } }],
  ['EPSV', 'IPv4', { backend: { dataMode: 'epsv' } }],
  ['PORT', 'IPv4', { backend: { dataMode: 'active' } }],
  ['EPRT', 'IPv4', { backend: { dataMode: 'active' } }],
  ['EPSV', 'IPv6', { backend: { dataMode: 'epsv' } }],
  ['EPRT', 'IPv6', { backend: { dataMode: 'active' } }],
];

const WAYS: readonly Way[] = ['PASV', 'EPSV', 'PORT', 'EPRT'];
const possible = ([, family]: readonly [Way, string, unknown]): boolean => family === 'IPv4' || HAS_IPV6;

/** Sets a data connection up and sends the command; the connection, with TLS. */
async function begin(client: ScriptedClient, way: Way, line: string): Promise<ClientData> {
  if (way === 'PORT' || way === 'EPRT') {
    const port = await client.active(way);
    await client.command(line, 150);
    return (await port.connection()).startTls({ session: client.session });
  }
  const data = await client.openData({ port: way === 'PASV' ? (await client.pasv()).port : await client.epsv() });
  await client.command(line, 150);
  return data.startTls({ session: client.session });
}

function only({ backend }: House, way: Way): void {
  for (const other of WAYS) {
    if (other !== way) backend.on(other, (session) => session.reply(502, 'Not here.'));
  }
}

describe.each(CLIENTS.filter(possible))('a client with %s over %s', (way, _family, door) => {
  it.each(
    BACKENDS.filter(possible),
  )('a backend with %s over %s: down, up and list', async (backendWay, family, options) => {
    const address = family === 'IPv4' ? '127.0.0.1' : '::1';
    await withGateway({ ...options, legacy: { files: { '/a': 'abc' }, address } }, async (house) => {
      only(house, backendWay);
      const client = await house.loggedIn(door);
      expect((await (await begin(client, way, 'RETR a')).readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
      const upload = await begin(client, way, 'STOR b');
      await upload.write('uploaded');
      upload.end();
      await client.expect(226);
      expect(house.backend.files.get('/b')?.toString()).toBe('uploaded');
      expect((await (await begin(client, way, 'NLST')).readToEnd()).bytes.toString()).toBe('a\r\nb\r\n');
      await client.expect(226);
      expect(house.backend.verbs).toContain(backendWay);
    });
  });
});
