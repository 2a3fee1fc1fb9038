/**
 * The operator's service decides about logins: who comes in, where to, under which name and rules.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { PASSWORD, USER } from '../support/scripted-client.ts';
import { type SeveralBackends, withBackends } from '../support/several-backends.ts';

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
    const options = { others: { second: {} }, routes: ROUTES, decisionHook: { url, ...hook } };
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
