/**
 * Probes of a backend: how far each goes, what it takes for a failure, and what it leaves behind.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ScriptedBackend } from '../support/scripted-backend.ts';
import { PASSWORD, USER } from '../support/scripted-client.ts';
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts';

const NEVER_GREETS = (): void => {};

/** Runs `play` with a gateway that probes `backend` often. */
async function probed(
  backend: ScriptedBackend,
  health: Readonly<Record<string, unknown>>,
  keys: Readonly<Record<string, unknown>>,
  play: (started: TestGateway) => Promise<void>,
): Promise<void> {
  const started = await startTestGateway(backend, {
    backend: { ...keys, health: { interval: '30ms', ...health } },
    timeouts: { backendGreeting: '100ms' },
  });
  try {
    await play(started);
    expect(started.logs.text).not.toContain(PASSWORD);
  } finally {
    await started.stop();
    await backend.stop();
  }
}

const availability = (value: string, cause?: string) => ({
  event: 'backend-availability',
  availability: value,
  ...(cause && { cause }),
});

describe('probe: tcp', () => {
  it('is content with a connection, and says nothing on it', async () => {
    const backend = await ScriptedBackend.start();
    backend.onConnect(NEVER_GREETS);
    await probed(backend, { probe: 'tcp' }, {}, async ({ logs }) => {
      await logs.until(availability('up'));
      await backend.until(() => backend.sessions.length >= 3, 'three probes');
      expect(backend.commands).toEqual([]);
      await backend.disconnected(backend.sessions[0]);
    });
  });
});

describe('probe: greeting', () => {
  it('wants a greeting', async () => {
    const backend = await ScriptedBackend.start();
    backend.onConnect(NEVER_GREETS);
    await probed(backend, {}, {}, async ({ logs }) => {
      await logs.until(availability('down', 'backend-greeting-timeout'));
    });
  });

  it('takes 421 for a failure, after as many as configured, and comes back', async () => {
    const backend = await ScriptedBackend.start();
    await probed(backend, { failures: 2, successes: 2 }, {}, async ({ logs, gateway }) => {
      await logs.until(availability('up'));
      backend.forgetSessions();
      backend.onConnect((session) => session.raw('421 Full.\r\n'));
      await logs.until(availability('down', 'backend-refused-service'));
      expect(backend.sessions.length).toBeGreaterThanOrEqual(2);
      expect(gateway.readiness()).toEqual({ ready: false, reasons: ['backend legacy is down'] });
      backend.forgetSessions();
      backend.onConnect((session) => session.reply(220, 'Again.'));
      await expect.poll(() => gateway.readiness().ready).toBe(true);
      expect(backend.sessions.length).toBeGreaterThanOrEqual(2);
    });
  });

  it('says goodbye, and leaves no connection open', async () => {
    const backend = await ScriptedBackend.start();
    await probed(backend, {}, {}, async ({ logs, gateway }) => {
      await logs.until(availability('up'));
      await backend.received('QUIT', 2);
      expect(new Set(backend.commands)).toEqual(new Set(['QUIT']));
      await expect.poll(() => gateway.openSockets, { interval: 1 }).toBe(0);
    });
  });
});

describe.each(['explicit', 'implicit'] as const)('a backend with tls: %s', (security) => {
  const tls = { tls: security, verify: false };
  const withTls = () => ScriptedBackend.start({ tls: { security } });

  it('probe: tls makes the handshake, and says no more', async () => {
    const backend = await withTls();
    await probed(backend, { probe: 'tls' }, tls, async ({ logs }) => {
      await logs.until(availability('up'));
      await backend.until(() => (backend.tls?.handshakes.length ?? 0) >= 2, 'two handshakes');
      expect(backend.verbs.filter((verb) => !['AUTH', 'QUIT'].includes(verb))).toEqual([]);
    });
  });

  it('probe: tls fails where the certificate is not to be trusted', async () => {
    const backend = await withTls();
    await probed(backend, { probe: 'tls' }, { ...tls, verify: true }, async ({ logs }) => {
      await logs.until(availability('down', 'backend-certificate-invalid'));
    });
  });
});

it('without a choice the TLS of a backend that has it is probed', async () => {
  const backend = await ScriptedBackend.start({ tls: { security: 'explicit' } });
  await probed(backend, {}, { tls: 'explicit', verify: false }, async ({ logs }) => {
    await logs.until(availability('up'));
    await backend.received('QUIT');
    expect(backend.verbs.slice(0, 2)).toEqual(['AUTH', 'QUIT']);
  });
});

it('probe: greeting stops before AUTH', async () => {
  const backend = await ScriptedBackend.start({ tls: { security: 'explicit' } });
  await probed(backend, { probe: 'greeting' }, { tls: 'explicit', verify: false }, async ({ logs }) => {
    await logs.until(availability('up'));
    await backend.received('QUIT', 2);
    expect(new Set(backend.verbs)).toEqual(new Set(['QUIT']));
  });
});

describe('probe: login', () => {
  const probe = { probe: 'login', user: USER, password: PASSWORD };

  it('logs in and out', async () => {
    const backend = await ScriptedBackend.start();
    await probed(backend, probe, {}, async ({ logs }) => {
      await logs.until(availability('up'));
      await backend.received('QUIT');
      expect(backend.commands.slice(0, 3)).toEqual([`USER ${USER}`, `PASS ${PASSWORD}`, 'QUIT']);
    });
  });

  it('takes the password from a file, as it is at each probe', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-probe-'));
    const passwordFile = join(folder, 'password');
    try {
      await writeFile(passwordFile, 'outdated\n');
      const backend = await ScriptedBackend.start();
      await probed(backend, { probe: 'login', user: USER, passwordFile }, {}, async ({ logs }) => {
        await logs.until(availability('down', 'backend-login-failed'));
        await rm(passwordFile);
        const heard = backend.verbs.filter((verb) => verb === 'PASS').length;
        // A connection that is under way, and the next: without the file nothing is said.
        await backend.until(() => backend.sessions.length >= heard + 3, 'probes without a password');
        expect(backend.verbs.filter((verb) => verb === 'PASS').length).toBeLessThanOrEqual(heard + 1);
        await writeFile(passwordFile, `${PASSWORD}\nnot this line\n`);
        await logs.until(availability('up'));
        expect(new Set(backend.commands.filter((line) => line.startsWith('PASS')))).toEqual(
          new Set(['PASS outdated', `PASS ${PASSWORD}`]),
        );
        expect(logs.text).not.toContain('outdated');
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('takes a refused password for a failure, and does not show what was said to it', async () => {
    const backend = await ScriptedBackend.start();
    backend.answer('PASS', `530 Not with ${PASSWORD}\r\n`);
    await probed(backend, probe, {}, async ({ logs }) => {
      const { detail } = await logs.until(availability('down', 'backend-login-failed'));
      expect(detail).toBe('530 to PASS');
    });
  });
});
