/**
 * Uploads whose FTPS backend says 150 and then breaks its data connection: before the handshake, in its middle, right behind it, or while
 * bytes flow. The client has much to send, and hears of it soon.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { BackendData } from '../support/backend-data.ts';
import { ftpsHouse } from '../support/ftps-backend.ts';
import type { ScriptedBackend } from '../support/scripted-backend.ts';
import { type House, only, withGateway } from '../support/test-gateway.ts';

const MUCH = randomBytes(8_000_000);
/** Far below every time limit of the gateway. */
const SOON = 3000; // milliseconds

/** When the data connection breaks. */
const MOMENTS = {
  'before the handshake': async () => {},
  'in the middle of the handshake': (leg, backend) => backend.until(() => leg.rawBytes > 0, 'a ClientHello'),
  'right behind the handshake': (leg) => new Promise((resolve) => leg.socket.once('secure', resolve)),
  'while bytes flow': (leg, backend) => backend.until(() => leg.received.length > 100_000, 'bytes of the upload'),
} as const satisfies Record<string, (leg: BackendData, backend: ScriptedBackend) => Promise<unknown>>;

type Moment = keyof typeof MOMENTS;

const CASES = (Object.keys(MOMENTS) as Moment[]).flatMap((moment) =>
  (['reset', 'drop'] as const).map((how) => [moment, how] as const),
);

/** The code that the client gets, and after how many milliseconds. */
async function upload(
  { backend, ...house }: House,
  moment: Moment,
  how: 'reset' | 'drop',
  words: string,
): Promise<{ readonly code: number; readonly milliseconds: number }> {
  backend.on('STOR', async (session) => {
    const leg = await session.accept();
    session.reply(150, 'Go.');
    session.run(async () => {
      await MOMENTS[moment](leg, backend);
      leg[how]();
      session.raw(words);
    });
  });
  const client = await house.loggedIn();
  const data = await client.openData();
  await client.command('STOR much', 150);
  const begun = performance.now();
  const sent = data.startTls({ session: client.session }).then(() => data.write(MUCH));
  sent.catch(() => {});
  const { code } = await client.reply();
  const milliseconds = performance.now() - begun;
  expect(['fin', 'reset', 'close_notify']).toContain(await data.ending);
  await client.command('PWD', 257);
  return { code, milliseconds };
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('%s', (version) => {
  const tls = { context: only(version) };

  it.each(CASES)('%s (%s), and the backend says why: its words, at once', async (moment, how) => {
    await withGateway(await ftpsHouse({ tls }), async (house) => {
      const { code, milliseconds } = await upload(house, moment, how, '452 Disk full.\r\n');
      expect(code).toBe(452);
      expect(milliseconds).toBeLessThan(SOON);
      await house.logs.until({ event: 'transfer', cause: 'backend-refused', reply: 452 });
    });
  });

  it.each(Object.keys(MOMENTS) as Moment[])('%s, and the backend says nothing: 425 or 426, soon', async (moment) => {
    await withGateway(await ftpsHouse({ tls }), async (house) => {
      const { code, milliseconds } = await upload(house, moment, 'drop', '');
      expect(code).toBe(moment === 'before the handshake' ? 425 : 426);
      expect(milliseconds).toBeLessThan(SOON);
      const { cause } = await house.logs.until({ event: 'transfer', outcome: 'failed' });
      expect(cause).toBe(moment === 'before the handshake' ? 'backend-data-tls-failed' : 'backend-data-closed');
    });
  });
});
