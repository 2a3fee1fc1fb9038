/**
 * The boundary between TLS and clear text behind CCC: however its bytes are cut or joined, none is lost or misread; and nothing
 * that belongs on one side of it is taken on the other.
 */
import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ClearingClient, ClearingHouse } from '../support/clearing-client.ts';
import { withClearing } from '../support/clearing-client.ts';
import { only } from '../support/test-gateway.ts';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const CRLF = Buffer.from('\r\n');
const SYST = Buffer.from('SYST\r\n');
const joined = (...parts: readonly (Buffer | string)[]) => Buffer.concat(parts.map((part) => Buffer.from(part)));

describe.each(VERSIONS)('with %s', (version) => {
  const tls = only(version);

  it('goodbye and command in one segment are told apart', async () => {
    await withClearing({}, async ({ clearing, backend }) => {
      const client = await clearing('explicit', tls);
      await client.ccc();
      client.raw.write(joined(await client.goodbye(), 'SYST\r\nMKD a\r\nNOOP\r\n'));
      for (const code of [215, 257, 200]) await client.expect(code);
      expect(backend.commands.slice(-3)).toEqual(['SYST', 'MKD a', 'NOOP']);
    });
  });

  it('goodbye and command may come byte by byte', async () => {
    await withClearing({}, async ({ clearing, backend }) => {
      const client = await clearing('explicit', tls);
      await client.ccc();
      for (const byte of joined(await client.goodbye(), SYST)) {
        client.raw.write(Buffer.of(byte));
        await turn();
      }
      await client.expect(215);
      await client.command('NOOP', 200);
      expect(backend.commands.slice(-2)).toEqual(['SYST', 'NOOP']);
    });
  });

  it('they may be cut anywhere', async () => {
    await withClearing({}, async ({ clearing, backend }) => {
      const length = 60;
      const sessions = Array.from({ length }, (_, at) => at);
      const cut = async (at: number) => {
        const client = await clearing('explicit', tls);
        await client.ccc();
        const bytes = joined(await client.goodbye(), SYST);
        client.raw.write(bytes.subarray(0, at));
        await turn();
        await turn();
        client.raw.write(bytes.subarray(at));
        await client.expect(215);
        await client.command('NOOP', 200);
        return bytes.length;
      };
      const lengths: number[] = [];
      for (let from = 0; from < length; from += 10) {
        lengths.push(...(await Promise.all(sessions.slice(from, from + 10).map(cut))));
      }
      // So every position was tried.
      expect(Math.max(...lengths)).toBeLessThan(length);
      expect(backend.verbs.filter((verb) => verb === 'SYST')).toHaveLength(length);
    });
  });

  it('the client may say goodbye before it has heard the reply, and go on at once', async () => {
    await withClearing({}, async ({ clearing }) => {
      const client = await clearing('explicit', tls);
      const ccc = await client.encrypted('CCC\r\n');
      client.raw.write(joined(ccc, await client.goodbye(), SYST));
      await client.expect(200);
      await client.gatewaysGoodbye();
      client.leave();
      await client.expect(215);
    });
  });

  it('commands before the end of the connection are carried out', async () => {
    await withClearing({}, async ({ clearing, backend, logs }) => {
      const client = await clearing('explicit', tls);
      await client.ccc();
      client.raw.end(joined(await client.goodbye(), 'MKD last\r\n'));
      await logs.until({ event: 'session-ended', outcome: 'client-closed' });
      await backend.until(() => backend.commands.includes('MKD last'), 'the last command');
    });
  });

  it('a client that sends no goodbye goes on in clear, as curl does', async () => {
    await withClearing({}, async ({ clearing }) => {
      const client = await clearing('explicit', tls);
      await client.ccc();
      for (const byte of SYST) {
        client.raw.write(Buffer.of(byte));
        await turn();
      }
      await client.expect(215);
      await client.command('NOOP', 200);
    });
  });

  it('Telnet bytes and line ends are clear text, too', async () => {
    await withClearing({}, async ({ clearing }) => {
      const [telnet, empty] = [await clearing('explicit', tls), await clearing('explicit', tls)];
      await telnet.ccc();
      telnet.raw.write('\xff\xf4\xff\xf2ABOR\r\n', 'latin1');
      await telnet.expect(225, 226);
      await empty.ccc();
      empty.raw.write(joined(CRLF, SYST));
      await empty.expect(215);
    });
  });

  it('a client that is silent for longer than a handshake may take is waited for as for any command', async () => {
    await withClearing({ timeouts: { tlsHandshake: '200ms' } }, async ({ clearing }) => {
      const [patient, broken] = [await clearing('explicit', tls), await clearing('explicit', tls)];
      await patient.ccc();
      await broken.ccc();
      // Its time runs out after that of the other would have.
      broken.raw.write((await broken.goodbye()).subarray(0, 9));
      await broken.expectClosed();
      patient.raw.write(joined(await patient.goodbye(), SYST));
      await patient.expect(215);
    });
  });

  it('a client that never says a word again is told 421 in clear', async () => {
    await withClearing({ timeouts: { controlIdle: '500ms' } }, async ({ clearing, logs }) => {
      const client = await clearing('explicit', tls);
      await client.ccc();
      await client.expect(421);
      await client.expectClosed();
      await logs.until({ event: 'session-ended', outcome: 'control-idle' });
    });
  });

  it('commands behind a CCC that is refused are answered, inside TLS', async () => {
    await withClearing({ policy: { requireProtP: 'off' } }, async ({ clearing }) => {
      const client = await clearing('explicit', tls);
      await client.command('PROT C', 200);
      client.raw.write(joined(await client.encrypted('NOOP\r\nCCC\r\nSYST\r\n'), await client.encrypted('NOOP\r\n')));
      for (const code of [200, 534, 215, 200]) await client.expect(code);
    });
  });
});

/** What a client does wrong, once it is logged in; the session must end with this code. */
type Wrong = readonly [what: string, outcome: string, act: (client: ClearingClient) => unknown];

const BEFORE_THE_REPLY: readonly Wrong[] = [
  ['a command in the same TLS record', 'bytes-behind-ccc', (client) => client.send('CCC\r\nDELE a')],
  [
    'half a command in the same TLS record',
    'bytes-behind-ccc',
    async (client) => client.raw.write(await client.encrypted('CCC\r\nDE')),
  ],
  [
    'clear text in the same segment',
    'bytes-behind-ccc',
    async (client) => client.raw.write(joined(await client.encrypted('CCC\r\n'), 'DELE a\r\n')),
  ],
  [
    'a line end in the same segment',
    'bytes-behind-ccc',
    async (client) => client.raw.write(joined(await client.encrypted('CCC\r\n'), CRLF)),
  ],
  [
    'garbage in the same segment',
    'bytes-behind-ccc',
    async (client) => client.raw.write(joined(await client.encrypted('CCC\r\n'), '\x15\x15\x15\x15\x15')),
  ],
];

const AFTER_THE_REPLY: readonly Wrong[] = [
  [
    'a command inside TLS before the goodbye of the gateway',
    'bytes-behind-ccc',
    async (client) => client.raw.write(await client.encrypted('DELE a\r\n')),
  ],
  [
    'clear text before the goodbye of the gateway',
    'bytes-behind-ccc',
    async (client) => client.raw.write('DELE a\r\n'),
  ],
];

/** The header of a record of 64 bytes. */
const HEADER = Buffer.from([23, 3, 3, 0, 64]);

const INSTEAD_OF_THE_GOODBYE: readonly Wrong[] = [
  [
    'a command inside TLS',
    'bytes-behind-ccc',
    async (client) => client.raw.write(await client.encrypted('DELE a\r\n')),
  ],
  [
    'a command inside TLS, then the goodbye',
    'bytes-behind-ccc',
    async (client) => client.raw.write(joined(await client.encrypted('DELE a\r\n'), await client.goodbye())),
  ],
  [
    'a record that nobody has encrypted',
    'tls-shutdown-failed',
    async (client) => client.raw.write(joined(HEADER, randomBytes(64))),
  ],
  [
    'a goodbye that nobody has encrypted',
    'tls-shutdown-failed',
    async (client) => client.raw.write(Buffer.from([21, 3, 3, 0, 2, 1, 0])),
  ],
  [
    'a damaged goodbye',
    'tls-shutdown-failed',
    async (client) => {
      const goodbye = await client.goodbye();
      goodbye.writeUInt8(goodbye.readUInt8(goodbye.length - 1) ^ 1, goodbye.length - 1);
      client.raw.write(joined(goodbye, 'DELE a\r\n'));
    },
  ],
  ['what only begins as a record', 'tls-shutdown-failed', async (client) => client.raw.write('\x15DELE a\r\n')],
  ['a record that is too long', 'tls-shutdown-failed', async (client) => client.raw.write('\x17\x03\x03\x7f\x7f')],
  [
    'half a goodbye, and no more',
    'tls-shutdown-timeout',
    async (client) => client.raw.write((await client.goodbye()).subarray(0, 9)),
  ],
  ['FIN', 'client-closed', async (client) => client.raw.end()],
  ['FIN in the middle', 'client-closed', async (client) => client.raw.end((await client.goodbye()).subarray(0, 9))],
  ['goodbye and FIN', 'client-closed', async (client) => client.raw.end(await client.goodbye())],
  ['RST', 'client-closed', async (client) => client.raw.resetAndDestroy()],
  [
    'RST in the middle',
    'client-closed',
    async (client) => {
      client.raw.write((await client.goodbye()).subarray(0, 9));
      await turn();
      client.raw.resetAndDestroy();
    },
  ],
];

async function expectEnd({ logs, backend, gateway }: ClearingHouse, client: ClearingClient, outcome: string) {
  await client.expectClosed();
  await logs.until({ event: 'session-ended', outcome });
  await backend.disconnected();
  await expect.poll(() => gateway.openSockets, { interval: 5, timeout: 3000 }).toBe(0);
  expect(backend.verbs).not.toContain('DELE');
}

describe.each(VERSIONS)('over %s the session ends, and nothing is carried out, at', (version) => {
  const tls = only(version);
  const house = { timeouts: { tlsHandshake: '500ms' } };

  it.each(BEFORE_THE_REPLY)('%s as CCC', async (_what, outcome, act) => {
    await withClearing(house, async (within) => {
      const client = await within.clearing('explicit', tls);
      await act(client);
      await expectEnd(within, client, outcome);
    });
  });

  it('a command in the next TLS record of the same segment as CCC', async () => {
    await withClearing(house, async (within) => {
      const client = await within.clearing('explicit', tls);
      client.raw.write(joined(await client.encrypted('CCC\r\n'), await client.encrypted('DELE a\r\n')));
      await client.expect(200);
      await expectEnd(within, client, 'bytes-behind-ccc');
    });
  });

  it.each(AFTER_THE_REPLY)('%s', async (_what, outcome, act) => {
    await withClearing(house, async (within) => {
      const client = await within.clearing('explicit', tls);
      await client.command('CCC', 200);
      await act(client);
      await expectEnd(within, client, outcome);
    });
  });

  it.each(INSTEAD_OF_THE_GOODBYE)('%s in place of the goodbye', async (_what, outcome, act) => {
    await withClearing(house, async (within) => {
      const client = await within.clearing('explicit', tls);
      await client.ccc();
      await act(client);
      await expectEnd(within, client, outcome);
    });
  });

  it.each([
    ['FIN', (client: ClearingClient) => client.raw.end()],
    ['RST', (client: ClearingClient) => client.raw.resetAndDestroy()],
  ] as const)('%s right behind CCC', async (_what, act) => {
    await withClearing(house, async (within) => {
      const client = await within.clearing('explicit', tls);
      client.raw.write(await client.encrypted('CCC\r\n'), () => act(client));
      await within.logs.until({ event: 'session-ended', outcome: 'client-closed' });
      await within.backend.disconnected();
      await expect.poll(() => within.gateway.openSockets, { interval: 5, timeout: 3000 }).toBe(0);
    });
  });
});
