/** `sallyport check --live`: ports, names and backends that are really tried. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startDemoBackend } from '../../src/demo/backend.ts';
import { testCertificate } from '../support/certificates.ts';
import { ScriptedBackend } from '../support/scripted-backend.ts';
import { LiveCheck, LOGIN, ofBackend, report, runLive, SECRET } from './live-check.ts';
import { Running } from './run.ts';

let live: LiveCheck;
let backend: ScriptedBackend | undefined;

beforeAll(async () => {
  live = await LiveCheck.prepare();
});
afterEach(async () => {
  await backend?.stop();
  expect(backend?.faults ?? []).toEqual([]);
  backend = undefined;
});
afterAll(() => live.remove());

describe('sallyport check --live with a good backend', () => {
  it('says that all is well, and logs in where it is asked to', async () => {
    const demo = await startDemoBackend({ root: live.folder, addresses: ['127.0.0.1'] });
    const path = await live.configuration(demo.port);
    const ended = await runLive(path, ['--user', 'demo'], SECRET);
    await demo.close();
    expect(ended).toMatchObject({ code: 0, err: '' });
    expect(ended.out).toMatch(/live\.yaml: fine.*\n\nPorts\n/);
    expect(ended.out).toMatch(
      new RegExp(`^ {2}ok +passive ports +${live.ports.first + 2}-${live.ports.first + 4} on 127`, 'm'),
    );
    expect(ended.out).toMatch(/^ {2}ok +TCP +connected to 127\.0\.0\.1:\d+ in \d+ ms$/m);
    expect(ended.out).toMatch(/^ {2}ok +greeting +220 Sallyport demo backend\.$/m);
    expect(ended.out).toMatch(/^ {2}ok +AUTH TLS +not offered: 530 /m);
    expect(ended.out).toMatch(/^ {2}ok +SYST +215 UNIX/m);
    expect(ended.out).toMatch(/^ {2}ok +EPSV +229 .*; port \d+ connects in \d+ ms$/m);
    expect(ended.out).toMatch(/^ {2}ok +PASV +227 .*; port \d+ connects in \d+ ms$/m);
    expect(ended.out).toMatch(/\n\nLive check: all is well\n$/);
  });

  it('tells the same as one JSON object, and asks for nothing but the greeting without a user', async () => {
    backend = await ScriptedBackend.start();
    const ended = await runLive(await live.configuration(backend.port), ['--json']);
    expect(ended).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(ended.out)).toMatchObject({
      valid: true,
      errors: [],
      live: { level: 'ok', advertisedNames: [] },
    });
    const found = ofBackend(ended);
    expect(Object.keys(found)).toEqual(['TCP', 'greeting', 'FEAT before login', 'AUTH TLS']);
    expect(found['FEAT before login']?.facts).toMatchObject({
      code: 211,
      features: expect.arrayContaining(['REST STREAM']),
    });
    expect(found['AUTH TLS']?.facts).toEqual({ code: 500, offered: false });
    expect(backend.verbs).toEqual(expect.arrayContaining(['FEAT', 'AUTH']));
    expect(backend.verbs).not.toContain('USER');
  });

  it('resolves the name of a backend, and lets go of every port it has bound', async () => {
    backend = await ScriptedBackend.start();
    const path = await live.configuration(backend.port, {
      backends: `[{ name: legacy, host: localhost, port: ${backend.port} }]`,
    });
    for (const _ of ['first', 'second']) {
      const ended = await runLive(path, ['--json']);
      expect(ended.code).toBe(0);
      expect(ofBackend(ended)['name']?.facts).toMatchObject({ addresses: expect.arrayContaining(['127.0.0.1']) });
    }
  });

  it('does not say QUIT behind 234, where TLS would begin', async () => {
    backend = await ScriptedBackend.start();
    backend.answer('AUTH', '234 Go ahead.\r\n');
    const ended = await runLive(await live.configuration(backend.port), ['--json']);
    expect(ofBackend(ended)['AUTH TLS']).toMatchObject({ level: 'ok', facts: { code: 234, offered: true } });
    const asked = backend.sessions.find(({ commands }) => commands[0] === 'AUTH TLS');
    expect(asked?.commands).toEqual(['AUTH TLS']);
  });
});

describe('sallyport check --live with things that do not work', () => {
  it('names every port that is taken, with the reason', async () => {
    backend = await ScriptedBackend.start();
    const taken = [live.ports.first, live.ports.first + 2, live.ports.first + 4];
    const holders = taken.map((port) => createServer().listen(port, '127.0.0.1'));
    await Promise.all(holders.map((holder) => once(holder, 'listening')));
    const path = await live.configuration(backend.port);
    const [text, ended] = [await runLive(path), await runLive(path, ['--json'])];
    await Promise.all(holders.map((holder) => new Promise((done) => holder.close(done))));
    expect(text.code).toBe(1);
    expect(text.out).toMatch(
      new RegExp(`^ {2}FAILED +listener public +127.0.0.1:${live.ports.first}: already in use$`, 'm'),
    );
    expect(text.out).toContain('Live check: 3 failed\n');
    expect(ended.code).toBe(1);
    const broken = report(ended).ports.filter(({ level }) => level === 'failed');
    expect(broken.map(({ facts }) => facts)).toEqual(
      taken.map((port) => ({ address: '127.0.0.1', port, reason: 'EADDRINUSE' })),
    );
  });

  it('finds an address that this machine does not have', async () => {
    backend = await ScriptedBackend.start();
    // 192.0.2.0/24 is for documentation: no machine has it.
    const path = await live.configuration(backend.port, {
      admin: `{ address: 192.0.2.1, port: ${live.ports.first + 1} }`,
    });
    const ended = await runLive(path, ['--json']);
    expect(ended.code).toBe(1);
    expect(report(ended).ports.find(({ check }) => check === 'side port')).toMatchObject({
      level: 'failed',
      facts: { reason: 'EADDRNOTAVAIL' },
    });
  });

  it('finds names that do not resolve', async () => {
    const path = await live.configuration(21, {
      data: `{ passive: { ports: ${live.ports.first + 2}, advertise: [{ address: nowhere.invalid }] } }`,
      backends: '[{ name: legacy, host: backend.invalid }]',
    });
    const ended = await runLive(path, ['--json']);
    expect(ended.code).toBe(1);
    expect(report(ended).advertisedNames).toMatchObject([{ check: 'nowhere.invalid', level: 'failed' }]);
    expect(Object.values(ofBackend(ended))).toMatchObject([{ check: 'name', level: 'failed' }]);
  });

  it('finds that nobody listens, and what to do', async () => {
    backend = await ScriptedBackend.start();
    const path = await live.configuration(backend.port);
    await backend.refuse();
    const { code, out } = await runLive(path, LOGIN, SECRET);
    expect(code).toBe(1);
    expect(out).toMatch(/^ {2}FAILED +TCP +.*ECONNREFUSED.*\n +-> Check that the backend runs/m);
    expect(out).not.toContain('greeting');
  });

  it('finds a backend that never greets, within timeouts.backendGreeting', async () => {
    backend = await ScriptedBackend.start();
    backend.onConnect(() => {});
    const ended = await runLive(await live.configuration(backend.port), ['--json']);
    expect(ended.code).toBe(1);
    expect(ofBackend(ended)['greeting']).toMatchObject({
      level: 'failed',
      facts: { error: 'backend-greeting-timeout' },
    });
  });

  it('finds a backend that turns it away', async () => {
    backend = await ScriptedBackend.start();
    backend.onConnect((session) => session.reply(530, 'Not from your address.'));
    const ended = await runLive(await live.configuration(backend.port), ['--json']);
    expect(ended.code).toBe(1);
    expect(ofBackend(ended)['greeting']).toMatchObject({ level: 'failed', message: '530 Not from your address.' });
  });

  it('finds a backend that takes one connection only', async () => {
    const lone = await ScriptedBackend.start();
    backend = lone;
    lone.onConnect((session) => session.reply(lone.sessions.length === 1 ? 220 : 421, 'One at a time.'));
    const ended = await runLive(await live.configuration(lone.port), ['--json']);
    expect(ended.code).toBe(0);
    expect(ofBackend(ended)['AUTH TLS']).toMatchObject({ level: 'warning', remedy: expect.stringContaining('second') });
  });

  it('goes on behind a backend that hangs up on FEAT', async () => {
    backend = await ScriptedBackend.start();
    backend.on('FEAT', (session) => session.end());
    const ended = await runLive(await live.configuration(backend.port), [...LOGIN, '--json'], SECRET);
    const found = ofBackend(ended);
    expect(found['FEAT before login']?.level).toBe('warning');
    expect(found['FEAT after login']?.level).toBe('failed');
    expect(found['EPSV']?.level).toBe('ok');
  });
});

describe('the command line of sallyport check', () => {
  it('tries nothing where the configuration is wrong, and ends with 2', async () => {
    backend = await ScriptedBackend.start();
    const path = await live.configuration(backend.port, { tls: '{ certificates: [], frob: 1 }' });
    const { code, out } = await runLive(path);
    expect(code).toBe(2);
    expect(out).not.toContain('Live check');
    expect(backend.sessions).toHaveLength(0);
  });

  it('finds ciphers that OpenSSL does not know, without --live too', async () => {
    const { cert, key } = await testCertificate();
    const path = await live.configuration(21, {
      tls: `{ certificates: [{ cert: ${cert}, key: ${key} }], ciphers: NONSENSE }`,
    });
    const { code, out } = await new Running(['check', '--config', path]).ended;
    expect(code).toBe(2);
    expect(out).toMatch(/^error: .*live\.yaml:2:\d+ tls\.ciphers: found "NONSENSE"/m);
  });

  it('wants --live for --user, and a password', async () => {
    const path = await live.configuration(21);
    const lone = await new Running(['check', '--config', path, ...LOGIN]).ended;
    expect(lone).toMatchObject({ code: 2, out: '', err: expect.stringContaining('--user is for --live') });
    const without = await runLive(path, LOGIN);
    expect(without).toMatchObject({ code: 2, out: '', err: expect.stringContaining('set SALLYPORT_CHECK_PASSWORD') });
  });
});
