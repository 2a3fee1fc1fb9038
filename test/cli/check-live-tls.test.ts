/** `sallyport check --live` with FTPS backends: TLS, certificate, and whether data connections must resume a session. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { testCertificate } from '../support/certificates.ts';
import { ScriptedBackend } from '../support/scripted-backend.ts';
import { LiveCheck, LOGIN, ofBackend, runLive, SECRET } from './live-check.ts';

let live: LiveCheck;
let backend: ScriptedBackend | undefined;
let ca: string;

beforeAll(async () => {
  live = await LiveCheck.prepare();
  ca = (await testCertificate()).ca;
});
afterEach(async () => {
  await backend?.stop();
  expect(backend?.faults ?? []).toEqual([]);
  backend = undefined;
});
afterAll(() => live.remove());

const check = async (security: string, keys: string, login = true) => {
  const port = backend?.port ?? 0;
  const backends = `[{ name: legacy, host: 127.0.0.1, port: ${port}, tls: ${security}, ${keys} }]`;
  const path = await live.configuration(port, { backends });
  return runLive(path, [...(login ? LOGIN : []), '--json'], SECRET);
};

describe.each(['explicit', 'implicit'] as const)('sallyport check --live with %s TLS', (security) => {
  it('tells TLS, certificate and features, and that resumption is not demanded', async () => {
    backend = await ScriptedBackend.start({ tls: { security }, features: ['MLST type*;', 'SIZE'] });
    const ended = await check(security, `ca: "${ca}"`);
    expect(ended.code).toBe(0);
    expect(ofBackend(ended)).toMatchObject({
      connection: { level: 'ok' },
      TLS: { level: 'ok', facts: { version: 'TLSv1.3' } },
      certificate: { facts: { verified: true, fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) } },
      MLSD: { level: 'ok', facts: { offered: true } },
      EPSV: { level: 'ok' },
      'data TLS': { level: 'ok', facts: { version: 'TLSv1.3', resumed: true, demanded: false } },
    });
  });

  it('finds that resumption is demanded, also where the backend hangs up without it', async () => {
    backend = await ScriptedBackend.start({ tls: { security } });
    // The handshake of a LIST may be over before it is heard.
    const ofLists = () => backend?.tls?.handshakes.filter(({ channel }) => channel === 'data') ?? [];
    let lists = 0;
    backend.on('LIST', async (session, command) => {
      const index = lists;
      lists += 1;
      const leg = await session.accept();
      session.reply(150, 'Here it comes.');
      await backend?.until(() => ofLists().length > index, 'the handshake');
      const resumed = ofLists()[index]?.resumed;
      session.reply(resumed ? 226 : 522, `${command.verb}.`);
      if (resumed) return leg.end();
      leg.reset();
      session.end();
    });
    const ended = await check(security, `ca: "${ca}"`);
    expect(ofBackend(ended)['data TLS']).toMatchObject({ level: 'ok', facts: { resumed: true, demanded: true } });
  });

  it('finds a certificate that is not trusted, tells its fingerprint, and does not log in', async () => {
    backend = await ScriptedBackend.start({ tls: { security } });
    const ended = await check(security, 'verify: true');
    expect(ended.code).toBe(1);
    const { certificate } = ofBackend(ended);
    expect(certificate).toMatchObject({ level: 'failed', facts: { verified: false } });
    expect(backend.verbs).not.toContain('USER');
    const pinned = await check(security, `fingerprint: "${certificate?.facts?.['fingerprint']}"`, false);
    expect(pinned.code).toBe(0);
    const unverified = await check(security, 'verify: false', false);
    expect(ofBackend(unverified)['certificate']).toMatchObject({ level: 'warning', facts: { verified: false } });
  });

  it('finds that the backend will not encrypt data connections', async () => {
    backend = await ScriptedBackend.start({ tls: { security } });
    backend.answer('PROT', '534 No.\r\n');
    const ended = await check(security, `ca: "${ca}"`);
    expect(ofBackend(ended)['login']).toMatchObject({
      level: 'failed',
      facts: { error: 'backend-protection-refused' },
    });
  });
});

it('finds that AUTH is refused', async () => {
  backend = await ScriptedBackend.start();
  const ended = await check('explicit', `ca: "${ca}"`);
  expect(ended.code).toBe(1);
  expect(ofBackend(ended)['connection']).toMatchObject({ level: 'failed', facts: { error: 'backend-tls-refused' } });
});
