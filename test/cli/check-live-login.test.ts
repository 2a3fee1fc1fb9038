/** `sallyport check --live --user`: what a backend shows to a user who is logged in. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ScriptedBackend } from '../support/scripted-backend.ts';
import { LiveCheck, LOGIN, ofBackend, report, runLive, SECRET } from './live-check.ts';

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

describe('sallyport check --live --user', () => {
  it('finds that a backend has no EPSV and that PASV does', async () => {
    backend = await ScriptedBackend.start();
    backend.answer('EPSV', '500 What?\r\n');
    const ended = await runLive(await live.configuration(backend.port), [...LOGIN, '--json'], SECRET);
    expect(ended.code).toBe(0);
    expect(report(ended).level).toBe('warning');
    const { EPSV, PASV } = ofBackend(ended);
    expect(EPSV).toMatchObject({ level: 'warning', remedy: expect.stringContaining('dataMode: pasv') });
    expect(PASV).toMatchObject({ level: 'ok', facts: { connects: true, controlAddress: '127.0.0.1' } });
  });

  it.each([
    ['says nothing to EPSV', () => {}],
    ['hangs up on EPSV', (session: { end(): void }) => session.end()],
  ])('logs in again for PASV where a backend %s', async (_what, answer) => {
    backend = await ScriptedBackend.start();
    backend.on('EPSV', answer);
    const ended = await runLive(await live.configuration(backend.port), [...LOGIN, '--json'], SECRET);
    expect(ended.code).toBe(0);
    expect(ofBackend(ended)).toMatchObject({ EPSV: { level: 'warning' }, PASV: { level: 'ok' } });
    expect(backend.verbs.filter((verb) => verb === 'PASS')).toHaveLength(2);
  });

  it('finds an address in 227 that is not that of the backend, and connects to the backend', async () => {
    backend = await ScriptedBackend.start();
    backend.on('PASV', async (session) => {
      const port = await session.listen();
      session.reply(227, `Entering Passive Mode (10,9,8,7,${port >> 8},${port & 255}).`);
    });
    const ended = await runLive(await live.configuration(backend.port), [...LOGIN, '--json'], SECRET);
    expect(ended.code).toBe(0);
    expect(ofBackend(ended)['PASV']).toMatchObject({
      level: 'warning',
      facts: { address: '10.9.8.7', controlAddress: '127.0.0.1', connects: true },
    });
  });

  it('finds that data ports are closed', async () => {
    backend = await ScriptedBackend.start();
    const closed = live.ports.last;
    backend.answer('EPSV', `229 Here (|||${closed}|)\r\n`);
    backend.answer('PASV', `227 Here (127,0,0,1,${closed >> 8},${closed & 255})\r\n`);
    const { code, out } = await runLive(await live.configuration(backend.port), LOGIN, SECRET);
    expect(code).toBe(1);
    expect(out).toMatch(/^ {2}FAILED +EPSV +229 .*ECONNREFUSED/m);
    expect(out).toMatch(/^ {2}FAILED +PASV +227 .*ECONNREFUSED.*\n +-> A firewall between gateway and backend/m);
  });

  it('asks a backend in active mode whether it takes a port of ours, and listens no longer than that', async () => {
    backend = await ScriptedBackend.start();
    backend.answer('PORT', '500 What?\r\n').answer('EPSV', '500 What?\r\n').answer('PASV', '500 What?\r\n');
    const backends = `[{ name: legacy, host: 127.0.0.1, port: ${backend.port}, dataMode: active }]`;
    const path = await live.configuration(backend.port, { backends });
    const good = await runLive(path, [...LOGIN, '--json'], SECRET);
    expect(ofBackend(good)).toMatchObject({
      EPSV: { level: 'ok' },
      PASV: { level: 'ok' },
      'active mode': { level: 'ok', message: 'EPRT accepted' },
    });
    backend.answer('EPRT', '502 No.\r\n');
    const bad = await runLive(path, [...LOGIN, '--json'], SECRET);
    expect(bad.code).toBe(1);
    expect(ofBackend(bad)['active mode']).toMatchObject({ level: 'failed' });
  });

  it('finds a wrong password and tries nothing else', async () => {
    backend = await ScriptedBackend.start();
    const wrong = { SALLYPORT_CHECK_PASSWORD: 'mistyped' };
    const ended = await runLive(await live.configuration(backend.port), [...LOGIN, '--json'], wrong);
    expect(ended.code).toBe(1);
    expect(ofBackend(ended)['login']).toMatchObject({ level: 'failed', facts: { code: 530 } });
    expect(backend.verbs).not.toContain('EPSV');
  });

  it.each([[[]], [['--json']]])('never shows the password, whatever the backend repeats, with %j', async (args) => {
    const password = 'Geheim%Wört';
    const bytes = Buffer.from(password, 'utf8').toString('latin1');
    backend = await ScriptedBackend.start();
    backend.on('PASS', (session, { argument }) => session.reply(230, `Welcome with ${argument}.`));
    backend.answer('SYST', `215 ${bytes}\r\n`);
    backend.answer('PWD', `257 "/${bytes}"\r\n`);
    backend.answer('FEAT', `211-Features\r\n ${bytes} ${bytes}\r\n211 End\r\n`);
    backend.answer('EPSV', `421 Bye ${bytes}\r\n`);
    backend.answer('PASV', `nonsense ${bytes}\r\n`);
    const { out, err } = await runLive(await live.configuration(backend.port), [...LOGIN, ...args], {
      SALLYPORT_CHECK_PASSWORD: password,
    });
    expect(backend.commands).toContain(`PASS ${bytes}`);
    expect(out).toContain('Welcome with ****.');
    expect(out + err).not.toMatch(/Geheim|W.{1,8}rt\b/);
  });

  it('shows nothing of a backend that could steer a terminal', async () => {
    backend = await ScriptedBackend.start();
    backend.onConnect((session) => session.raw('220 \x1b[2J\x9bclear\r\n'));
    const { out } = await runLive(await live.configuration(backend.port));
    expect(out).toContain('220 \\x1b[2J\\x9bclear');
    expect(out).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  });
});
