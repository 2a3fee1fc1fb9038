/**
 * Sessions that last longer than the TLS session of their control connection can be resumed, on either side (protocol cases T089, T096). The
 * clock of the gateway and its backends is moved on, as hours and days would move it.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import type { DataTlsOptions } from '../support/client-data.ts';
import type { ScriptedClient } from '../support/scripted-client.ts';
import { BACKENDS } from './backends/all.ts';
import type { Backend, BackendProgram } from './backends/backend.ts';
import type { TlsVersion } from './clients/client.ts';
import { MovableClock } from './clock.ts';
import { writeCertificates } from './gateway.ts';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts';
import { describeInterop } from './test-bed.ts';

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

/** For how long (seconds) a backend resumes the TLS session of its control connection, and what becomes of the first transfer after that. */
interface Expiry {
  readonly lifetime: number;
  readonly afterwards: 'not resumed' | 'refused once' | 'refused for good';
}

/** As seen: their own defaults, built by Debian. What is not here lasts longer than a week, or is never resumed. */
const EXPIRIES: Readonly<Record<string, Partial<Record<TlsVersion, Expiry>>>> = {
  proftpd: {
    'TLSv1.2': { lifetime: 264 * MINUTE, afterwards: 'refused once' },
    'TLSv1.3': { lifetime: 264 * MINUTE, afterwards: 'refused once' },
  },
  // The longest lifetime of a ticket that TLS 1.3 knows (RFC 8446 §4.6.1).
  vsftpd: { 'TLSv1.3': { lifetime: 7 * DAY, afterwards: 'refused for good' } },
  'pure-ftpd': { 'TLSv1.2': { lifetime: 60 * MINUTE, afterwards: 'not resumed' } },
  pyftpdlib: {
    'TLSv1.2': { lifetime: 120 * MINUTE, afterwards: 'not resumed' },
    'TLSv1.3': { lifetime: 120 * MINUTE, afterwards: 'not resumed' },
  },
};

await describeInterop(
  'TLS sessions over hours and days',
  (bed) => {
    const backends = new Map<string, Backend>();
    const clients = new Set<ScriptedClient>();
    let clock: MovableClock;
    let gateway: GatewayProcess;
    let paths = 0;

    beforeAll(async () => {
      clock = await MovableClock.create(bed.packages);
      const { authority } = await writeCertificates(bed.folder);
      const tls = { cert: join(bed.folder, 'server.pem'), key: join(bed.folder, 'server.key') };
      const start = async (program: BackendProgram) =>
        backends.set(program.name, await program.start(bed.packages, { security: 'explicit', ...tls }, clock));
      await Promise.all(BACKENDS.map(start));
      const named = [...backends].flatMap(([program, { port }]) =>
        VERSIONS.map((version) => {
          const keys = `tls: explicit, ca: "${authority}", minVersion: ${version}, maxVersion: ${version}`;
          return { name: nameOf(program, version), port, keys };
        }),
      );
      gateway = await startGatewayProcess(bed.folder, clock, named);
    });
    afterEach(() => {
      for (const client of clients) client.destroy();
      clients.clear();
    });
    afterAll(async () => {
      await gateway?.stop();
      await Promise.all([...backends.values()].map((backend) => backend.stop()));
      await clock?.remove();
    });

    const logIn = async (name: string, maxVersion: TlsVersion = 'TLSv1.3'): Promise<ScriptedClient> => {
      const client = await gateway.logIn(name, { maxVersion });
      clients.add(client);
      onTestFailed(() => void process.stderr.write(`${client.transcript}\n${gateway.logs.text.slice(-3000)}\n`));
      return client;
    };

    const newPath = () => `file-${paths++}`;
    const logged = (verb: string, path: string) => gateway.logs.until({ event: 'transfer', verb, path });

    /** One upload, and one download of the same bytes; what the log says of both. */
    const transfer = async (client: ScriptedClient, tls: DataTlsOptions = {}) => {
      const path = newPath();
      await client.upload(`STOR ${path}`, `bytes of ${path}`, tls);
      expect((await client.download(`RETR ${path}`, tls)).toString()).toBe(`bytes of ${path}`);
      return [await logged('STOR', path), await logged('RETR', path)] as const;
    };

    /** An upload that the backend should refuse, and what the log says of it. */
    const refusedUpload = async (client: ScriptedClient, home: string) => {
      const path = newPath();
      const data = await client.openData();
      await client.command(`STOR ${path}`, 150);
      await data.startTls({ session: client.session }).then(
        () => data.write('bytes that do not arrive'),
        () => {},
      );
      data.end();
      const { code } = await client.reply();
      const { size } = await stat(join(home, path)).catch(() => ({ size: 0 }));
      expect(size, 'bytes that the backend has stored').toBe(0);
      return { code, line: await logged('STOR', path) };
    };

    describe.each(BACKENDS.map(({ name, facts }) => ({ name, facts })))('$name', ({ name: program, facts }) => {
      describe.each(VERSIONS)('%s', (version) => {
        const name = nameOf(program, version);
        const resumable = facts.resumes.includes(version);
        const expiry = EXPIRIES[program]?.[version];

        it('T096: twenty transfers, ten of them after five idle minutes', async () => {
          const client = await logIn(name);
          for (let turn = 0; turn < 10; turn++) {
            if (turn === 5) await clock.forward(5 * MINUTE + 10);
            for (const line of await transfer(client)) expect(line).toMatchObject({ backendDataResumed: resumable });
          }
        });

        if (expiry === undefined) {
          it('thirty idle days change nothing', async () => {
            const client = await logIn(name);
            await clock.forward(30 * DAY);
            for (const line of await transfer(client)) expect(line).toMatchObject({ backendDataResumed: resumable });
          });
          return;
        }
        const { lifetime, afterwards } = expiry;

        it('a minute before its end the session is resumed; over TLS 1.3 data connections have brought fresh tickets for later', async () => {
          const client = await logIn(name);
          await clock.forward(lifetime - MINUTE);
          for (const line of await transfer(client)) expect(line).toMatchObject({ backendDataResumed: true });
          if (version === 'TLSv1.2') return;
          for (let turn = 0; turn < 3; turn++) {
            await clock.forward(lifetime - MINUTE);
            for (const line of await transfer(client)) expect(line).toMatchObject({ backendDataResumed: true });
          }
        });

        it(`T096: the first transfer after its end is ${afterwards}; what follows works`, async () => {
          const client = await logIn(name);
          await clock.forward(lifetime + MINUTE);
          if (afterwards === 'not resumed') {
            const [first, second] = await transfer(client);
            expect(first).toMatchObject({ outcome: 'completed', backendDataResumed: false });
            expect(second).toMatchObject({ outcome: 'completed', backendDataResumed: true });
            return;
          }
          const { code, line } = await refusedUpload(client, backends.get(program)?.home ?? '');
          expect(code).toBe(afterwards === 'refused once' ? 425 : 522);
          expect(line).toMatchObject({ outcome: 'failed', cause: 'backend-refused', backendDataResumed: false });
          expect(line['detail']).toMatch(/^(425|522) .*; its data connection did not resume the TLS session$/);
          if (afterwards === 'refused once') {
            for (const next of await transfer(client)) expect(next).toMatchObject({ backendDataResumed: true });
            return;
          }
          await client.expect(421);
          await client.expectClosed();
          for (const next of await transfer(await logIn(name)))
            expect(next).toMatchObject({ backendDataResumed: true });
        });
      });
    });

    it.each(
      VERSIONS,
    )('T089: %s: a client resumes its own session for a day, and works without after it', async (version) => {
      const client = await logIn(nameOf('pyftpdlib', version), version);
      for (const [later, resumed] of [
        [0, true],
        [10 * MINUTE, true],
        [DAY - 11 * MINUTE, true],
        [2 * MINUTE, false],
      ] as const) {
        await clock.forward(later);
        const lines = await transfer(client, { maxVersion: version });
        for (const line of lines) expect(line).toMatchObject({ clientDataResumed: resumed });
      }
    });
  },
  { needsRoot: true },
);

function nameOf(program: string, version: TlsVersion): string {
  return `${program}-${version === 'TLSv1.2' ? 'old' : 'new'}`;
}
