/**
 * The side port over a real gateway: what it shows of sessions, transfers and backends while they are at work, what its orders do, and
 * that every answer is what the OpenAPI document says.
 */
import { request } from 'node:https';
import { connect } from 'node:tls';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { openApiDocument } from '../../src/admin/openapi.ts';
import { ROUTES } from '../../src/admin/routes.ts';
import { testCertificate } from '../support/certificates.ts';
import { makeClientCertificates } from '../support/client-certificates.ts';
import type { ScriptedClient } from '../support/scripted-client.ts';
import { PASSWORD, USER } from '../support/scripted-client.ts';
import { withBackends } from '../support/several-backends.ts';
import { OPEN, READ_TOKEN, type TestSidePort, WRITE_TOKEN, withSidePort } from '../support/side-port.ts';
import { withGateway } from '../support/test-gateway.ts';

const WRITES = { writeToken: WRITE_TOKEN };
const SIZE = 4_000_000;
const LARGE = { legacy: { files: { '/a.bin': Buffer.alloc(SIZE, 'x') } } };

interface Session {
  readonly id: string;
  readonly [key: string]: unknown;
  readonly transfer: { readonly bytes: number; readonly expectedBytes: number | null } | null;
}

async function sessions({ ask }: TestSidePort): Promise<readonly Session[]> {
  return ((await (await ask('/sessions')).json()) as { sessions: Session[] }).sessions;
}

/** A download that has begun; its client does not read on. */
async function heldDownload(client: ScriptedClient) {
  const data = await client.openData();
  await client.command('RETR a.bin', 150);
  await data.startTls({ session: client.session });
  data.pause();
  return data;
}

/** An upload that has begun. */
async function heldUpload(client: ScriptedClient, name: string) {
  const data = await client.openData();
  await client.command(`STOR ${name}`, 150);
  await data.startTls({ session: client.session });
  await data.write('x'.repeat(50_000));
  return data;
}

describe('sessions', () => {
  it('are listed with who they are and what they do', async () => {
    await withGateway(LARGE, async (house) => {
      await withSidePort(house, {}, async (sidePort) => {
        const anonymous = await house.greeted();
        const client = await house.loggedIn('implicit', { tls: { servername: 'localhost' } });
        await client.command('NOOP', 200);
        const [newest, oldest] = await sessions(sidePort);
        expect(oldest).toMatchObject({
          listener: 'explicit',
          mode: 'explicit',
          user: null,
          backend: null,
          phase: 'login',
          tls: null,
          transfer: null,
          commands: 0,
        });
        expect(newest).toMatchObject({
          id: expect.stringMatching(/^[0-9a-f]{12}$/),
          worker: null,
          listener: 'implicit',
          client: `127.0.0.1:${client.socket.localPort}`,
          local: `127.0.0.1:${house.doors.implicit.port}`,
          proxy: null,
          user: USER,
          backend: 'legacy',
          phase: 'ready',
          tls: { version: 'TLSv1.3', resumed: false, servername: 'localhost', clientCertificate: null },
          commands: 5,
          transfers: 0,
        });
        const one = await (await sidePort.ask(`/sessions/${newest?.id}`)).json();
        expect(one).toMatchObject({ id: newest?.id, user: USER });
        expect((await sidePort.ask('/sessions/nobody')).status).toBe(404);
        await anonymous.command('QUIT', 221);
        await expect.poll(async () => (await sessions(sidePort)).length).toBe(1);
      });
    });
  });

  it('show a transfer that grows, with its size and both legs', async () => {
    await withGateway(LARGE, async (house) => {
      await withSidePort(house, {}, async (sidePort) => {
        const client = await house.loggedIn();
        await client.command('SIZE a.bin', 213);
        const data = await heldDownload(client);
        const progress = async () => (await sessions(sidePort))[0]?.transfer;
        await expect.poll(async () => (await progress())?.bytes ?? 0).toBeGreaterThan(0);
        const early = await progress();
        expect(early).toMatchObject({
          verb: 'RETR',
          path: 'a.bin',
          direction: 'download',
          expectedBytes: SIZE,
          clientData: { protection: 'private', tls: { version: 'TLSv1.3', resumed: true } },
          backendData: { protection: 'clear', tls: null },
        });
        expect(early?.bytes).toBeLessThan(SIZE);
        data.resume();
        await client.expect(226);
        const [after] = await sessions(sidePort);
        expect(after).toMatchObject({ phase: 'ready', transfer: null, transfers: 1, bytesDownloaded: SIZE });
      });
    });
  });

  it.each([
    ['the 150 of the backend', [], 'RETR a.bin', SIZE],
    ['SIZE and REST', ['SIZE a.bin', 'REST 1000000'], 'RETR a.bin', SIZE - 1_000_000],
    ['ALLO', ['ALLO 60000'], 'STOR b.bin', 60_000],
    ['nobody', [], 'STOR b.bin', null],
  ])('know the size of a transfer from %s', async (_who, before, command, expected) => {
    await withGateway(LARGE, async (house) => {
      await withSidePort(house, {}, async (sidePort) => {
        const client = await house.loggedIn();
        for (const line of before) await client.command(line, 200, 202, 213, 350);
        const data = await client.openData();
        await client.command(command, 150);
        await data.startTls({ session: client.session });
        if (command.startsWith('STOR')) await data.write('x'.repeat(50_000));
        else data.pause();
        const size = async () => (await sessions(sidePort))[0]?.transfer?.expectedBytes;
        await expect.poll(size).toBe(expected);
      });
    });
  });

  it('beyond the limit are counted', async () => {
    await withGateway({}, async (house) => {
      await withSidePort(house, {}, async ({ ask }) => {
        for (let count = 0; count < 3; count += 1) await house.greeted();
        const answer = (await (await ask('/sessions?limit=2')).json()) as { total: number; sessions: object[] };
        expect([answer.total, answer.sessions.length]).toEqual([3, 2]);
        expect((await ask('/sessions?limit=0')).status).toBe(400);
        expect((await ask('/sessions?limit=many')).status).toBe(400);
      });
    });
  });
});

describe('an order to end a session', () => {
  it('in a download: the client is told, and gets no proper end', async () => {
    await withGateway(LARGE, async (house) => {
      await withSidePort(house, WRITES, async (sidePort) => {
        const client = await house.loggedIn();
        const data = await heldDownload(client);
        const [session] = await sessions(sidePort);
        const answer = await sidePort.ask(`/sessions/${session?.id}`, { method: 'DELETE' });
        expect([answer.status, await answer.json()]).toEqual([
          200,
          { done: `session ${session?.id} ends`, silentWorkers: [] },
        ]);
        const { text } = await client.expect(421);
        expect(text).toBe('Session ended by the operator.');
        data.resume();
        expect((await data.readToEnd()).ending).not.toBe('close_notify');
        await house.logs.until({ event: 'transfer', outcome: 'aborted', cause: 'ended-by-operator' });
        await house.logs.until({ event: 'session-ended', outcome: 'ended-by-operator' });
        const order = { event: 'operator-order', action: 'end-session', address: '127.0.0.1', status: 200 };
        await house.logs.until({ ...order, request: `DELETE /sessions/${session?.id}` });
      });
    });
  });

  it('in an upload: the backend does not take it for complete', async () => {
    await withGateway({}, async (house) => {
      await withSidePort(house, WRITES, async (sidePort) => {
        const client = await house.loggedIn();
        await heldUpload(client, 'cut.bin');
        const [session] = await sessions(sidePort);
        await sidePort.ask(`/sessions/${session?.id}`, { method: 'DELETE' });
        await client.expect(421);
        await house.backend.received('ABOR');
        await house.backend.until(() => house.backend.uploads[0], 'the upload ends');
        expect(house.backend.uploads).toMatchObject([{ complete: false }]);
        expect(house.backend.files.has('/cut.bin')).toBe(false);
      });
    });
  });

  it('that is not there is 404', async () => {
    await withGateway({}, async (house) => {
      await withSidePort(house, WRITES, async ({ ask }) => {
        const answer = await ask('/sessions/0123456789ab', { method: 'DELETE' });
        expect([answer.status, await answer.json()]).toEqual([404, { error: 'no such session' }]);
      });
    });
  });
});

describe('a backend that is drained', () => {
  it('keeps its sessions and gets no new ones, until that is taken back', async () => {
    await withBackends({ others: { second: {} } }, async (house) => {
      await withSidePort(house, WRITES, async ({ ask }) => {
        const before = await house.loggedIn();
        const drained = Object.entries(house.all).find(([, { sessions: all }]) => all.length > 0)?.[0] ?? '';
        const other = drained === 'legacy' ? 'second' : 'legacy';
        expect((await ask(`/backends/${drained}/drain`, { method: 'POST' })).status).toBe(200);
        for (let login = 0; login < 4; login += 1) await (await house.encrypted()).login();
        expect(house.all[drained]?.sessions).toHaveLength(1);
        expect(house.all[other]?.sessions).toHaveLength(4);
        await before.command('PWD', 257);
        const { backends } = (await (await ask('/backends')).json()) as { backends: object[] };
        expect(backends).toEqual(
          expect.arrayContaining([
            expect.objectContaining({ name: drained, state: 'up', drained: true, sessions: 1 }),
            expect.objectContaining({ name: other, state: 'up', drained: false, sessions: 4 }),
          ]),
        );
        expect(await house.metrics.render()).toContain(`sallyport_backend_drained{backend="${drained}"} 1`);
        await ask(`/backends/${drained}/undrain`, { method: 'POST' });
        for (let login = 0; login < 4; login += 1) await (await house.encrypted()).login();
        expect(house.all[drained]?.sessions).toHaveLength(3);
      });
    });
  });

  it('is the only one: nobody can log in, and readiness says why', async () => {
    await withGateway({}, async (house) => {
      await withSidePort(house, WRITES, async ({ ask }) => {
        await ask('/backends/legacy/drain', { method: 'POST' });
        const client = await house.encrypted();
        await client.command(`USER ${USER}`, 421);
        await house.logs.until({
          event: 'session-ended',
          outcome: 'no-backend-available',
          detail: 'legacy: drained',
        });
        const readiness = await ask('/readyz');
        expect([readiness.status, await readiness.json()]).toEqual([
          503,
          { ready: false, reasons: ['backend legacy is drained'], warnings: [] },
        ]);
        expect((await ask('/backends/nowhere/drain', { method: 'POST' })).status).toBe(404);
      });
    });
  });

  it('stays drained under another configuration', async () => {
    await withGateway({}, async (house) => {
      await withSidePort(house, WRITES, async ({ ask }) => {
        await ask('/backends/legacy/drain', { method: 'POST' });
        const [backend] = house.config.backends;
        const config = { ...house.config, backends: [{ ...backend!, weight: 7 }] };
        (await house.gateway.prepare(config)).commit();
        const { backends } = (await (await ask('/backends')).json()) as { backends: object[] };
        expect(backends).toMatchObject([{ name: 'legacy', weight: 7, drained: true }]);
      });
    });
  });
});

describe('what else is shown', () => {
  it('a backend that is down says why', async () => {
    await withGateway({ backend: { health: { failures: 1, interval: '1h' } } }, async (house) => {
      await withSidePort(house, {}, async ({ ask }) => {
        await house.backend.refuse();
        await (await house.encrypted()).command(`USER ${USER}`, 421);
        const { backends } = (await (await ask('/backends')).json()) as { backends: object[] };
        expect(backends).toMatchObject([
          { state: 'down', milliseconds: expect.any(Number), lastFailure: { code: 'backend-unreachable' } },
        ]);
      });
    });
  });

  it('data ports that are waited on, and certificates with the days that they have', async () => {
    await withGateway({ passivePorts: 4 }, async (house) => {
      await withSidePort(house, {}, async ({ ask }) => {
        const client = await house.loggedIn();
        const port = await client.epsv();
        const ports = (await (await ask('/passive-ports')).json()) as { slices: { ports: string }[] };
        expect(ports).toMatchObject({ used: 1, free: 3, waiting: 1, silentWorkers: [] });
        const [first = 0, last = 0] = ports.slices[0]?.ports.split('-').map(Number) ?? [];
        expect(port >= first && port <= last).toBe(true);
        const { cert } = await testCertificate();
        const { certificates } = (await (await ask('/certificates')).json()) as { certificates: object[] };
        expect(certificates).toMatchObject([
          { name: cert, subject: 'CN=localhost', names: expect.arrayContaining(['DNS:localhost']) },
        ]);
      });
    });
  });

  it('what failed, by cause, with who it was', async () => {
    await withGateway({}, async (house) => {
      await withSidePort(house, {}, async ({ ask }) => {
        const client = await house.loggedIn();
        for (const name of ['one.bin', 'two.bin']) {
          const data = await client.openData();
          await client.command(`STOR ${name}`, 150);
          await data.startTls({ session: client.session });
          await data.write('x');
          data.endWithoutCloseNotify();
          await client.expect(426);
        }
        const guesser = await house.encrypted();
        await guesser.command('USER eve', 331);
        await guesser.command('PASS wrong', 530);
        const failures = (await (await ask('/failures')).json()) as { failures: object[] };
        expect(failures).toMatchObject({
          counts: [
            { kind: 'transfer', code: 'client-data-truncated', count: 2 },
            { kind: 'login', code: 'backend-refused', count: 1 },
          ],
        });
        expect(failures.failures).toHaveLength(3);
        expect(failures.failures[0]).toMatchObject({ kind: 'login', user: 'eve', backend: 'legacy' });
        expect(failures.failures[1]).toMatchObject({ kind: 'transfer', user: USER, session: expect.any(String) });
      });
    });
  });

  it('the configuration, without a secret in any form', async () => {
    const routes = [{ match: { clients: '127.0.0.0/8' }, backends: ['legacy'], credentials: { password: PASSWORD } }];
    await withGateway({ routes }, async (house) => {
      await withSidePort(house, WRITES, async ({ ask }) => {
        const text = await (await ask('/config')).text();
        expect(text).not.toContain(PASSWORD);
        expect(JSON.parse(text)).toMatchObject({ routes: [{ credentials: { password: '****' } }], workers: 1 });
      });
    });
  });
});

describe('texts of clients', () => {
  it.each([
    ['markup', '<script>alert(1)</script>"\'&', '&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;'],
    ['terminal escapes', '\x1b]0;owned\x07\x1b[2J', '\\x1b]0;owned\\x07\\x1b[2J'],
    ['turned writing', 'a\u202egnp.exe', 'a\\u202egnp.exe'],
    ['an image', '<img src=x onerror=alert(1)>', '&lt;img src=x onerror=alert(1)&gt;'],
  ])('cannot become more than text: %s', async (_what, evil, harmless) => {
    await withGateway({ routes: [{ backends: ['legacy'], credentials: { password: PASSWORD } }] }, async (house) => {
      await withSidePort(house, {}, async ({ ask }) => {
        const raw = Buffer.from(evil, 'utf8').toString('latin1');
        const client = await house.encrypted();
        await client.login(raw);
        await client.protect();
        await heldUpload(client, raw);
        await expect.poll(async () => (await (await ask('/')).text()).split(harmless).length).toBeGreaterThan(2);
        const page = await (await ask('/')).text();
        expect(page).not.toContain(evil);
        expect(page).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f\u202e]/);
        const answer = await ask('/sessions');
        expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
        expect(await answer.text()).not.toMatch(/[\x00-\x1f\x7f\u202e]/);
      });
    });
  });
});

interface Documented {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: object }>>>>;
}

/** What the document says of an answer, as a check. */
function validator() {
  const document = openApiDocument(ROUTES, '0.0.0-test');
  const { paths } = document as unknown as Documented;
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ ...document }, 'openapi');
  return (method: string, path: string, status: number, body: unknown): void => {
    const verb = method.toLowerCase();
    expect(Object.keys(paths[path]?.[verb]?.responses ?? {}), `${method} ${path}`).toContain(String(status));
    const steps = ['paths', path, verb, 'responses', String(status), 'content', 'application/json', 'schema'];
    const pointer = steps.map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1')).map(encodeURIComponent);
    const fits = ajv.validate(`openapi#/${pointer.join('/')}`, body);
    expect(fits, `${method} ${path}: ${ajv.errorsText()} in ${JSON.stringify(body)}`).toBe(true);
  };
}

describe('every answer', () => {
  it('is what the OpenAPI document says, with a right token, a wrong one and none', async () => {
    await withGateway(LARGE, async (house) => {
      const tokens = { readToken: READ_TOKEN, writeToken: WRITE_TOKEN };
      const client = await house.loggedIn();
      const data = await heldUpload(client, 'cut.bin');
      data.reset();
      await client.expect(426);
      await heldDownload(client);
      const check = validator();
      for (const { method, path, right, answers } of ROUTES) {
        // Each has a side port of its own, which has not heard of the wrong tokens of the others.
        await withSidePort(house, tokens, async (sidePort) => {
          const [session] = await sessions(sidePort);
          const values = new Map([
            ['id', session?.id ?? 'over'],
            ['name', 'legacy'],
            ['address', '192.0.2.1'],
          ]);
          const url = path.replace(/\{(\w+)\}/g, (_all, name: string) => values.get(name) ?? '');
          const statuses: number[] = [];
          for (const token of [null, 'wrong-token-0123456789', READ_TOKEN, WRITE_TOKEN]) {
            const answer = await sidePort.ask(url, { method, token });
            statuses.push(answer.status);
            const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
            if (isJson) check(method, path, answer.status, await answer.json());
            else expect(answers[answer.status]).toHaveProperty('mediaType');
          }
          const exceptions = new Map([
            ['DELETE /bans/{address}', 404],
            ['POST /-/drain', 202],
          ]);
          const good = exceptions.get(`${method} ${path}`) ?? 200;
          const open = right === 'open' ? good : 401;
          expect(statuses, `${method} ${path}`).toEqual([open, open, right === 'write' ? 403 : good, good]);
        });
      }
      await withSidePort(house, tokens, async ({ ask }) => {
        for (const [path, url, status] of [
          ['/sessions/{id}', '/sessions/nobody', 404],
          ['/sessions', '/sessions?limit=-1', 400],
          ['/readyz', '/readyz', 503],
        ] as const) {
          const answer = await ask(url);
          expect(answer.status).toBe(status);
          check('GET', path, status, await answer.json());
        }
      });
    });
  });

  it('a wrong token is counted and logged, without the token', async () => {
    await withGateway({}, async (house) => {
      await withSidePort(house, { readToken: READ_TOKEN }, async ({ ask, url }) => {
        const answer = await ask('/sessions', { token: 'guess-0123456789' });
        expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm="Sallyport"/);
        const line = { event: 'side-port-denied', level: 'warn', problem: 'wrong-token', address: '127.0.0.1' };
        await house.logs.until({ ...line, request: 'GET /sessions' });
        expect(await house.metrics.render()).toContain('sallyport_side_port_denials_total{problem="wrong-token"} 1');
        expect(house.logs.text).not.toContain('guess-0123456789');
        const userinfo = Buffer.from(`operator:${READ_TOKEN}`).toString('base64');
        expect((await fetch(url, { headers: { authorization: `Basic ${userinfo}` } })).status).toBe(200);
        for (let guess = 0; guess < 9; guess += 1) await ask('/sessions', { token: `guess-${guess}` });
        const late = await ask('/sessions', { token: 'guess-10' });
        expect([late.status, late.headers.get('retry-after')]).toEqual([429, '60']);
        expect((await ask('/sessions', { token: READ_TOKEN })).status).toBe(200);
      });
    });
  });
});

describe('the side port with TLS', () => {
  it('asks for a certificate where that is configured, but not for health; and for the token beside it', async () => {
    const certificates = await makeClientCertificates();
    const { cert, key } = await testCertificate();
    const { alice, foreign, expired } = certificates.clients;
    try {
      await withGateway({}, async (house) => {
        const config = { ...WRITES, tls: { cert, key, clientCa: certificates.ca } };
        await withSidePort(house, config, async ({ admin, url }) => {
          const ask = (path: string, options: object = {}, method = 'GET'): Promise<number> =>
            new Promise((resolve, reject) => {
              const asked = request(`${url}${path}`, { method, rejectUnauthorized: false, agent: false, ...options });
              asked.once('response', (answer) => resolve(answer.resume().statusCode ?? 0));
              asked.once('error', reject).end();
            });
          expect(await ask('/healthz')).toBe(200);
          expect(await ask('/sessions')).toBe(403);
          expect(await ask('/sessions', foreign)).toBe(403);
          expect(await ask('/sessions', expired)).toBe(403);
          expect(await ask('/metrics')).toBe(403);
          expect(await ask('/sessions', alice)).toBe(200);
          expect(await ask('/metrics', alice)).toBe(200);
          expect(await ask('/-/drain', alice, 'POST')).toBe(401);
          const headers = { authorization: `Bearer ${WRITE_TOKEN}` };
          expect(await ask('/backends/legacy/drain', { headers }, 'POST')).toBe(403);
          expect(await ask('/backends/legacy/drain', { ...alice, headers }, 'POST')).toBe(200);
          // A resumed TLS session must not stand for a certificate that was never shown.
          for (const [shown, status] of [
            [{}, '403'],
            [alice, '200'],
          ] as const) {
            const { session } = await overTls(admin.port, shown);
            const again = await overTls(admin.port, { session });
            expect([again.resumed, again.status]).toEqual([true, status]);
          }
        });
      });
    } finally {
      await certificates.remove();
    }
  });

  it('under other authorities, does not trust what was shown before: on open connections, or by resumption', async () => {
    const certificates = await makeClientCertificates();
    const { cert, key } = await testCertificate();
    const { alice, foreign } = certificates.clients;
    try {
      await withGateway({}, async (house) => {
        const tls = { cert, key, clientCa: certificates.ca };
        await withSidePort(house, { tls }, async ({ admin }) => {
          const { session } = await overTls(admin.port, alice);
          expect((await overTls(admin.port, { session })).resumed).toBe(true);
          const open = connect({ port: admin.port, host: '127.0.0.1', rejectUnauthorized: false, ...alice });
          const closed = new Promise<void>((resolve) => open.once('close', () => resolve()));
          open.write('GET /sessions HTTP/1.1\r\nHost: localhost\r\n\r\n');
          const answer = await new Promise((resolve) => open.once('data', resolve));
          expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
          await admin.replace({ ...OPEN, tls });
          expect(open.closed).toBe(false);
          await admin.replace({ ...OPEN, tls: { ...tls, clientCa: certificates.foreignCa } });
          await closed;
          expect((await overTls(admin.port, alice)).status).toBe('403');
          expect((await overTls(admin.port, foreign)).status).toBe('200');
          expect(await overTls(admin.port, { session })).toMatchObject({ resumed: false, status: '403' });
        });
      });
    } finally {
      await certificates.remove();
    }
  });
});

/** One request over one TLS connection: its status, whether the session was resumed, and the newest session. */
async function overTls(port: number, options: object) {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  let session: Buffer | undefined;
  socket.on('session', (newest) => {
    session = newest;
  });
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.write('GET /sessions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  await new Promise((resolve, reject) => socket.once('end', resolve).once('error', reject));
  const resumed = socket.isSessionReused();
  socket.destroy();
  return { status: text.split(' ')[1], resumed, session };
}
