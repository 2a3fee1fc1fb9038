/**
 * One of two backends dies in the middle of a load of logins, and none of them is lost.
 */
import { expect, it } from 'vitest';
import { PASSWORD } from '../support/scripted-client.ts';
import { type SeveralBackends, withBackends } from '../support/several-backends.ts';

const LOGINS = 240;
const AT_ONCE = 16;
/** Logins after which a backend dies, and after which it is there again. */
const DEATH = 80;

/** Logs in as often as there are logins left; returns the replies that were not as they should be. */
async function load(house: SeveralBackends, left: { logins: number }, onLogin: () => void): Promise<readonly string[]> {
  const wrong: string[] = [];
  while (left.logins > 0) {
    left.logins -= 1;
    const client = await house.encrypted('explicit', { localAddress: `127.0.0.${2 + (left.logins % 200)}` });
    const user = await client.command(`USER user${left.logins}`, 331, 421, 530);
    const reply = user.code === 331 ? await client.command(`PASS ${PASSWORD}`, 230, 421, 530) : user;
    if (reply.code !== 230) wrong.push(reply.raw);
    onLogin();
    client.destroy();
  }
  return wrong;
}

it.each([
  'dies with all of its sessions',
  'hangs',
])(`no login of ${LOGINS} is lost when a backend %s, and the load moves to the other one`, async (how) => {
  const timeouts = { backendGreeting: '1s', finalReply: '1s' };
  const health = { health: { failures: 2, interval: '10s' } };
  await withBackends({ others: { second: health }, backend: health, timeouts }, async (house) => {
    const second = house.all['second'];
    let done = 0;
    const die = async (): Promise<void> => {
      if (how === 'hangs') {
        second?.onConnect(() => {});
        for (const verb of ['USER', 'PASS']) second?.on(verb, () => {});
      } else {
        await second?.stop();
      }
    };
    let dying: Promise<void> | undefined;
    const onLogin = (): void => {
      done += 1;
      if (done === DEATH) dying = die();
    };
    const left = { logins: LOGINS };
    const wrong = await Promise.all(Array.from({ length: AT_ONCE }, () => load(house, left, onLogin)));
    await dying;
    expect(wrong.flat()).toEqual([]);
    expect(done).toBe(LOGINS);
    const accepted = house.logs.lines.filter(({ event, outcome }) => event === 'login' && outcome === 'accepted');
    expect(accepted).toHaveLength(LOGINS);
    const by = (name: string): number => accepted.filter((line) => line['backend'] === name).length;
    expect(by('second')).toBeGreaterThan(DEATH / 4);
    expect(by('legacy')).toBeGreaterThan(LOGINS - DEATH);
    await house.logs.until({ event: 'backend-availability', backend: 'second', availability: 'down' });
  });
});
