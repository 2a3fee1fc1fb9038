import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDecision } from '../../../src/config/decision.ts';
import {
  type DecisionHookConfig,
  decisionHookErrors,
  decisionHookWarnings,
} from '../../../src/config/decision-hook.ts';
import { DecisionHook, type Question } from '../../../src/policy/decision-hook.ts';

const QUESTION: Question = {
  session: 's1',
  listener: 'public',
  address: '192.0.2.7',
  servername: null,
  host: null,
  user: 'alice',
  secure: true,
  clientCertificate: null,
};
const CONFIG: DecisionHookConfig = {
  url: null,
  timeout: 2000,
  cache: null,
  secretFile: null,
  password: 'omit',
  onFailure: 'deny',
};
const ALLOW = '{"decision":"allow"}';

interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let service: Server;
let url: string;
let asked: Asked[];
let answer: (response: ServerResponse) => void;

beforeEach(async () => {
  asked = [];
  answer = (response) => response.end(ALLOW);
  service = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    asked.push({ headers: request.headers, body });
    answer(response);
  }).listen(0, '127.0.0.1');
  await once(service, 'listening');
  url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/decide`;
});

afterEach(async () => {
  service.closeAllConnections();
  service.close();
  await once(service, 'close');
});

async function hook(config: Partial<DecisionHookConfig> = {}): Promise<DecisionHook> {
  const made = await DecisionHook.load({ ...CONFIG, url, ...config });
  if (made === undefined) throw new Error('a hook was expected');
  return made;
}

function ask(asker: DecisionHook, question = QUESTION, signal = new AbortController().signal) {
  return asker.ask(question, signal);
}

describe('a question', () => {
  it('tells all that is known of the login, as JSON', async () => {
    await ask(await hook());
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({ version: 1, ...QUESTION });
    expect(asked[0]?.headers['content-type']).toBe('application/json');
  });

  it('is signed with the key, together with the time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-hook-'));
    try {
      const secretFile = join(folder, 'key');
      await writeFile(secretFile, 'k3y\n');
      await ask(await hook({ secretFile }));
    } finally {
      await rm(folder, { recursive: true });
    }
    const [, time, code] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(asked[0]?.headers['x-sallyport-signature'])) ?? [];
    expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(60);
    expect(code).toBe(createHmac('sha256', 'k3y').update(`${time}.${asked[0]?.body}`).digest('hex'));
  });

  it('is asked once within the time that answers hold, and per user', async () => {
    const asker = await hook({ cache: 60_000 });
    await ask(asker);
    await ask(asker, { ...QUESTION, session: 's2' });
    await ask(asker, { ...QUESTION, user: 'bob' });
    expect(asked).toHaveLength(2);
  });

  it('with a password is asked each time', async () => {
    const asker = await hook({ cache: 60_000, password: 'send' });
    for (let time = 0; time < 2; time += 1) await ask(asker, { ...QUESTION, password: 'secret' });
    expect(asked).toHaveLength(2);
  });
});

describe('no usable answer', () => {
  it.each<[string, (response: ServerResponse) => void, string, string]>([
    ['silence', () => {}, 'failed', 'no answer within 200 ms'],
    ['half an answer, then silence', (response) => response.write('{"decision":'), 'failed', 'no answer within 200 ms'],
    ['a hang-up', (response) => response.destroy(), 'failed', 'other side closed'],
    ['a fault', (response) => response.writeHead(503).end(ALLOW), 'failed', 'status 503'],
    ['another status', (response) => response.writeHead(403).end(ALLOW), 'malformed', 'status 403'],
    ['another place', (response) => response.writeHead(302, { location: '/' }).end(), 'malformed', 'status 302'],
    ['no JSON', (response) => response.end('yes'), 'malformed', 'the answer is no JSON'],
    ['another form', (response) => response.end('{"decision":"maybe"}'), 'malformed', 'decision: invalid_union'],
    [
      'a misspelt key',
      (response) => response.end('{"decision":"allow","backend":"b"}'),
      'malformed',
      'unrecognized_keys',
    ],
    ['a flood', (response) => response.end(Buffer.alloc(70_000, ' ')), 'malformed', 'the answer is too long'],
  ])('%s', async (_what, given, kind, detail) => {
    answer = given;
    const failure = expect(ask(await hook({ timeout: 200 }))).rejects;
    await failure.toMatchObject({ code: `decision-hook-${kind}`, detail: expect.stringContaining(detail) });
  });

  it('nobody there', async () => {
    const asker = await hook();
    service.close();
    await expect(ask(asker)).rejects.toMatchObject({ code: 'decision-hook-failed', detail: 'ECONNREFUSED' });
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
  });

  it('is not kept', async () => {
    answer = (response) => response.writeHead(500).end();
    const asker = await hook({ cache: 60_000 });
    await expect(ask(asker)).rejects.toMatchObject({ code: 'decision-hook-failed' });
    answer = (response) => response.end(ALLOW);
    expect(await ask(asker)).toMatchObject({ decision: 'allow' });
  });

  it('a session that ends stops the question', async () => {
    const end = new AbortController();
    answer = () => end.abort(new Error('over'));
    await expect(ask(await hook(), QUESTION, end.signal)).rejects.toThrow('over');
  });
});

describe('an answer', () => {
  it('may name backends, credentials and other rules', () => {
    const text = JSON.stringify({
      decision: 'allow',
      backends: ['a'],
      credentials: { user: 'u' },
      groups: ['partners'],
      policy: { uploadEnd: 'tolerant' },
      limits: { sessions: 2, controlIdle: '10m' },
    });
    expect(parseDecision(text)).toEqual({
      decision: 'allow',
      backends: ['a'],
      credentials: { user: 'u', password: null },
      groups: ['partners'],
      policy: { uploadEnd: 'tolerant' },
      limits: { sessions: 2, controlIdle: 600_000 },
    });
  });

  it('without rules and limits leaves all as it is', () => {
    expect(parseDecision(ALLOW)).toMatchObject({ policy: {}, limits: {}, groups: [] });
  });

  it.each([
    { sessions: 0 },
    { sessions: 1.5 },
    { sessions: -1 },
    { sessions: null },
    { controlIdle: 0 },
    { controlIdle: 'soon' },
    { controlIdle: null },
    { session: 1 },
    [],
    null,
    5,
  ])('with limits that are none is refused: %j', (limits) => {
    expect(() => parseDecision(JSON.stringify({ decision: 'allow', limits }))).toThrow(/limits/);
  });

  it('cannot smuggle a line into the control connection', () => {
    expect(parseDecision(JSON.stringify({ decision: 'deny', reply: 'no\r\n230 yes' }))).toEqual({
      decision: 'deny',
      reply: 'no 230 yes',
    });
    const credentials = { user: 'u\r\nDELE x' };
    expect(() => parseDecision(JSON.stringify({ decision: 'allow', credentials }))).toThrow();
  });

  it.each(['', null, 7, 'x'.repeat(1000), undefined])('a refusal stays one, whatever its words are: %j', (reply) => {
    expect(parseDecision(JSON.stringify({ decision: 'deny', reply, other: 1 })).decision).toBe('deny');
  });

  it('is refused without quoting secrets', () => {
    const text = JSON.stringify({ decision: 'allow', credentials: { password: 'hunter2\n' } });
    expect(() => parseDecision(text)).toThrow(/^(?!.*hunter2)/);
  });
});

describe('the configuration', () => {
  it.each([
    ['http://hook.example.com/', 'https'],
    ['https://user@hook.example.com/', 'user name'],
    ['https://:secret@hook.example.com/', 'password'],
  ])('%s is refused', (given, message) => {
    expect(decisionHookErrors({ ...CONFIG, url: given })[0]?.message).toContain(message);
  });

  it.each([
    'https://hook.example.com/',
    'http://127.0.0.1:8080/',
    'http://[::1]/',
    'http://localhost/',
  ])('%s is accepted', (given) => {
    expect(decisionHookErrors({ ...CONFIG, url: given })).toEqual([]);
  });

  it('warns of failing open', () => {
    const found = decisionHookWarnings({ ...CONFIG, url, onFailure: 'route' });
    expect(found.map(({ path }) => path)).toEqual(['decisionHook.onFailure']);
  });
});
