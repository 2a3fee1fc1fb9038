/**
 * The operator's service decides about logins: who comes in, where to, under which name and rules.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { PASSWORD, USER } from '../support/scripted-client.ts';
import { type SeveralBackends, withBackends } from '../support/several-backends.ts';
import { type HouseOptions, only } from '../support/test-gateway.ts';

type Answer = Readonly<Record<string, unknown>> | ((response: ServerResponse) => void);

interface Deciding extends SeveralBackends {
  readonly asked: Readonly<Record<string, unknown>>[];
}

const ROUTES = [{ match: { user: USER }, backends: ['legacy'] }];

/** A gateway that asks a service which always gives this answer. */
async function withDecision(
  answer: Answer,
  hook: Readonly<Record<string, unknown>>,
  play: (house: Deciding) => Promise<void>,
  more: HouseOptions = {},
): Promise<void> {
  const asked: Record<string, unknown>[] = [];
  const service = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    asked.push(JSON.parse(body));
    if (typeof answer === 'function') answer(response);
    else response.end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(service, 'listening');
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;
  try {
    const options = { ...more, others: { second: {} }, routes: ROUTES, decisionHook: { url, ...hook } };
    await withBackends(options, (house) => play({ ...house, asked }));
  } finally {
    service.closeAllConnections();
    service.close();
    await once(service, 'close');
  }
}

const ALLOW = { decision: 'allow' };

describe('allow', () => {
  it('leads where the route leads; the service is told who asks, and no password', async () => {
    await withDecision(ALLOW, {}, async ({ encrypted, backend, asked }) => {
      await (await encrypted()).login();
      expect(backend.commands).toContain(`PASS ${PASSWORD}`);
      expect(asked).toHaveLength(1);
      expect(asked[0]).toMatchObject({ listener: 'explicit', address: '127.0.0.1', user: USER, secure: true });
      expect(JSON.stringify(asked)).not.toContain(PASSWORD);
    });
  });

  it('may name another backend, also for a user without route, and other credentials that nobody sees', async () => {
    const answer = { ...ALLOW, backends: ['second'], credentials: { user: 'service', password: 'inner-s3cret' } };
    await withDecision(answer, {}, async ({ encrypted, backend, all, logs }) => {
      const client = await encrypted();
      await client.command('USER stranger', 331);
      await client.command('PASS whatever', 230, 530);
      expect(all['second']?.commands.slice(0, 2)).toEqual(['USER service', 'PASS inner-s3cret']);
      expect(backend.verbs).not.toContain('USER');
      expect(logs.text).not.toContain('inner-s3cret');
    });
  });

  it('may put other rules in place of the listener', async () => {
    await withDecision({ ...ALLOW, policy: { requireProtP: 'off' } }, {}, async ({ encrypted }) => {
      const client = await encrypted();
      await client.login();
      await client.command('PBSZ 0', 200);
      await client.command('PROT C', 200);
    });
  });
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('policy.sessionReuse, over %s', (version) => {
  /** What comes of a data connection that shows the TLS session of the control connection, and of one that does not. */
  async function transfers({ encrypted }: Deciding): Promise<readonly (number | boolean)[]> {
    const client = await encrypted('explicit', { tls: only(version) });
    await client.login();
    await client.protect();
    await expect.poll(() => client.session?.length ?? 0, { interval: 2 }).toBeGreaterThan(0);
    const seen: (number | boolean)[] = [];
    for (const session of [client.session, undefined]) {
      const data = await client.openData();
      client.send('RETR a');
      await client.expect(150);
      await data.startTls({ ...only(version), session }).catch(() => {});
      const { code } = await client.reply();
      seen.push(code, data.resumed);
    }
    return seen;
  }

  it.each([
    ['require', 'off', [226, true, 522, false]],
    ['require', 'prefer', [226, true, 522, false]],
    ['prefer', 'off', [226, true, 226, false]],
    ['off', 'require', [226, false, 226, false]],
    ['off', 'prefer', [226, false, 226, false]],
  ] as const)('%s of a decision holds in place of %s of the listener', async (sessionReuse, ofListener, expected) => {
    const options = { policy: { sessionReuse: ofListener }, legacy: { files: { '/a': 'abc' } } };
    await withDecision(
      { ...ALLOW, policy: { sessionReuse } },
      {},
      async (house) => {
        expect(await transfers(house)).toEqual(expected);
      },
      options,
    );
  });
});

describe('limits', () => {
  const LIMITED = { ...ALLOW, limits: { sessions: 1 } };

  it.each([
    'omit',
    'send',
  ] as const)('sessions: so many at once, then 421; a session that ends makes room (password: %s)', async (password) => {
    await withDecision(LIMITED, { password }, async ({ encrypted, backend, logs, metrics }) => {
      const first = await encrypted('explicit');
      await first.login();
      const second = await encrypted('implicit');
      await second.command(`USER ${USER}`, 331);
      const refused = await second.command(`PASS ${PASSWORD}`, 421);
      expect(refused.text).toContain('Too many sessions of this user');
      await second.expectClosed();
      const cause = 'too-many-sessions-of-user';
      expect(await logs.until({ event: 'login', outcome: 'failed' })).toMatchObject({
        cause,
        backend: 'legacy',
        reply: 421,
      });
      await logs.until({ event: 'session-ended', outcome: cause });
      expect(await metrics.render()).toContain('sallyport_logins_total{backend="legacy",outcome="failed"} 1');
      await backend.disconnected();
      await first.command('PWD', 257);
      await first.command('QUIT', 221);
      await logs.until({ event: 'session-ended', outcome: 'client-quit' });
      await (await encrypted('explicit')).login();
    });
  });

  it('sessions: who only knows the name does not take the place of its owner', async () => {
    await withDecision(LIMITED, {}, async ({ encrypted }) => {
      await (await encrypted()).command(`USER ${USER}`, 331);
      const guesser = await encrypted();
      await guesser.command(`USER ${USER}`, 331);
      await guesser.command('PASS wrong', 530);
      await (await encrypted()).login();
    });
  });

  it('controlIdle: in place of that of all, from the login on', async () => {
    const answer = { ...ALLOW, limits: { controlIdle: '200ms' } };
    await withDecision(answer, {}, async ({ encrypted, logs }) => {
      const idle = await encrypted();
      const client = await encrypted();
      await client.login();
      await client.expect(421);
      await client.expectClosed();
      await logs.until({ event: 'session-ended', outcome: 'control-idle' });
      await idle.command('NOOP', 200);
    });
  });

  it('of transfers, sizes and bandwidth hold for this user, and the tighter one where the configuration has another', async () => {
    const limits = { uploadSize: 100, transfers: 5, bandwidth: { down: '1KiB/s' }, perSession: { filesUp: 1 } };
    const more = {
      limits: { uploadSize: 1000, perUser: { transfers: 1 } },
      legacy: { files: { '/a': Buffer.alloc(1500) } },
    };
    const play = async ({ encrypted, logs }: Deciding): Promise<void> => {
      const client = await encrypted();
      await client.login();
      await client.protect();
      await client.command('ALLO 101', 202);
      await client.openData();
      await client.command('STOR b', 552);
      await logs.until({ event: 'limit-reached', detail: 'limits of the decision.uploadSize' });
      await client.upload('STOR b', 'b');
      await client.openData();
      await client.command('STOR b', 452);
      const since = performance.now();
      const data = await client.openData();
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      const other = await encrypted('implicit');
      await other.login();
      await other.protect();
      await other.openData();
      await other.command('RETR a', 450);
      await logs.until({ event: 'limit-reached', detail: 'limits.perUser.transfers' });
      await data.readToEnd();
      await client.expect(226);
      expect(performance.now() - since).toBeGreaterThan(1000);
    };
    await withDecision({ ...ALLOW, limits }, {}, play, more);
  });

  it('that are not known: nobody comes in', async () => {
    const answer = { ...ALLOW, limits: { sesions: 5 } };
    await withDecision(answer, { onFailure: 'route' }, async ({ encrypted, backend, logs }) => {
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command(`PASS ${PASSWORD}`, 530);
      expect(backend.verbs).not.toContain('USER');
      await logs.until({
        event: 'decision-failed',
        cause: 'decision-hook-malformed',
        detail: 'limits: unrecognized_keys',
      });
    });
  });
});

describe('one session', () => {
  it('drives only so many questions: USER again and again ends it', async () => {
    await withDecision(ALLOW, {}, async ({ encrypted, asked, logs }) => {
      const client = await encrypted();
      for (const name of ['a', 'b', 'c']) await client.command(`USER ${name}`, 331);
      await client.command('USER d', 421);
      await client.expectClosed();
      expect(asked.map(({ user }) => user)).toEqual(['a', 'b', 'c']);
      await logs.until({ event: 'session-ended', outcome: 'too-many-failed-logins' });
    });
  });
});

describe('deny', () => {
  it('is told at PASS, in the words of the service; no backend is dialled', async () => {
    await withDecision({ decision: 'deny', reply: 'Ask Bob first.' }, {}, async ({ encrypted, backend, logs }) => {
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      expect((await client.command(`PASS ${PASSWORD}`, 530)).text).toContain('Ask Bob first.');
      expect(backend.verbs).not.toContain('USER');
      expect(await logs.until({ event: 'login' })).toMatchObject({ cause: 'decision-hook-denied' });
    });
  });
});

describe('with the password', () => {
  it('the service is asked at PASS, and its answer is followed', async () => {
    await withDecision(ALLOW, { password: 'send' }, async ({ encrypted, backend, asked, logs }) => {
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      expect(backend.verbs).not.toContain('USER');
      await client.command(`PASS ${PASSWORD}`, 230);
      expect(asked).toMatchObject([{ user: USER, password: PASSWORD }]);
      expect(backend.commands.slice(0, 2)).toEqual([`USER ${USER}`, `PASS ${PASSWORD}`]);
      expect(logs.text).not.toContain(PASSWORD);
    });
  });
});

describe('a second password', () => {
  it('behind one that was judged is not offered to the backend, also where that wants an account', async () => {
    await withDecision(ALLOW, { password: 'send' }, async ({ encrypted, backend, asked }) => {
      backend.answer('PASS', '332 Account?\r\n');
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command(`PASS ${PASSWORD}`, 332);
      await client.command('PASS never-judged', 503);
      expect(asked).toHaveLength(1);
      expect(backend.commands).not.toContain('PASS never-judged');
    });
  });
});

describe('no usable answer', () => {
  it.each<[string, Answer, string, 'deny' | 'route']>([
    ['a service that is down', (response) => response.destroy(), 'failed', 'deny'],
    ['silence', () => {}, 'failed', 'deny'],
    ['garbage', (response) => response.end('<html>'), 'malformed', 'route'],
    ['a backend that does not exist', { ...ALLOW, backends: ['nowhere'] }, 'malformed', 'route'],
  ])('%s: nobody comes in, and the log says why', async (_what, answer, kind, onFailure) => {
    await withDecision(answer, { timeout: '200ms', onFailure }, async ({ encrypted, backend, logs, metrics }) => {
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command(`PASS ${PASSWORD}`, 530);
      expect(backend.verbs).not.toContain('USER');
      expect(await logs.until({ event: 'decision-failed' })).toMatchObject({ cause: `decision-hook-${kind}` });
      expect(await metrics.render()).toContain('sallyport_decision_failures_total 1');
    });
  });

  it('a refusal stays one, also with onFailure route and words that cannot be said', async () => {
    await withDecision({ decision: 'deny', reply: '' }, { onFailure: 'route' }, async ({ encrypted, backend }) => {
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command(`PASS ${PASSWORD}`, 530);
      expect(backend.verbs).not.toContain('USER');
    });
  });

  it('onFailure route: the login goes on as if nobody was to be asked', async () => {
    const down = (response: ServerResponse) => void response.destroy();
    await withDecision(down, { onFailure: 'route' }, async ({ encrypted, backend }) => {
      await (await encrypted()).login();
      expect(backend.commands).toContain(`PASS ${PASSWORD}`);
    });
  });
});
