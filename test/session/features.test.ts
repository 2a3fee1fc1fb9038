/**
 * What the gateway says of itself: FEAT, OPTS, HOST, HELP. Never a feature that it would not carry.
 */
import { describe, expect, it } from 'vitest';
import type { ClientReply } from '../support/strict-replies.ts';
import { withGateway } from '../support/test-gateway.ts';

/** Checks the grammar of RFC 2389 §3.2 and gives the features. */
function features(reply: ClientReply): string[] {
  const [first, ...rest] = reply.lines;
  expect(first).toMatch(/^211-/);
  expect(rest.at(-1)).toMatch(/^211 /);
  for (const line of rest.slice(0, -1)) expect(line).toMatch(/^ [\x21-\x7e]/);
  return rest.slice(0, -1).map((line) => line.slice(1));
}

const BACKEND_FEATURES = ['EPSV', 'SIZE', 'MDTM', 'REST STREAM', 'UTF8', 'MLST type*;size*;modify*;', 'TVFS'];
const FORBIDDEN = ['MODE Z', 'CCC', 'SSCN', 'CPSV', 'PRET', 'HOST', 'AUTH SSL;TLS-C', 'PBSZ', 'PROT', 'ADAT', 'ENC'];

describe('FEAT', () => {
  it('T035: before AUTH, after AUTH and after login: the grammar of RFC 2389, AUTH TLS, PBSZ and PROT', async () => {
    await withGateway({ legacy: { features: BACKEND_FEATURES } }, async ({ greeted, backend }) => {
      const client = await greeted();
      const clear = features(await client.command('FEAT', 211));
      await client.auth();
      const encrypted = features(await client.command('FEAT', 211));
      expect(backend.sessions).toHaveLength(0);
      await client.login();
      const loggedIn = features(await client.command('FEAT', 211));
      for (const list of [clear, encrypted, loggedIn]) {
        expect(list.some((feature) => /^AUTH .*TLS/.test(feature))).toBe(true);
        expect(list).toEqual(expect.arrayContaining(['PBSZ', 'PROT', 'EPSV']));
        expect(new Set(list).size).toBe(list.length);
      }
      expect(loggedIn).toEqual(
        expect.arrayContaining(['SIZE', 'MDTM', 'REST STREAM', 'UTF8', 'MLST type*;size*;modify*;']),
      );
      expect(clear).not.toContain('SIZE');
    });
  });

  it('T035: what the gateway would not carry is not offered', async () => {
    await withGateway({ legacy: { features: [...BACKEND_FEATURES, ...FORBIDDEN] } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      const list = features(await client.command('FEAT', 211));
      for (const forbidden of ['MODE', 'CCC', 'SSCN', 'CPSV', 'PRET', 'HOST', 'ADAT', 'ENC']) {
        expect(list.filter((feature) => feature.split(' ')[0] === forbidden)).toEqual([]);
      }
      expect(list.filter((feature) => feature.startsWith('AUTH'))).toEqual(['AUTH TLS', 'AUTH SSL']);
      expect(list.filter((feature) => feature === 'PBSZ')).toHaveLength(1);
    });
  });

  it.each([
    ['no leading blanks', '211-Features\r\nSIZE\r\nMDTM\r\n211 End\r\n', true],
    ['tabs', '211-Features\r\n\tSIZE\r\n\tMDTM\r\n211 End\r\n', true],
    ['lines with codes', '211-Features\r\n211-SIZE\r\n211-MDTM\r\n211 End\r\n', true],
    ['lower case', '211-Features\r\n size\r\n mdtm\r\n211 End\r\n', true],
    ['no features', '211 no features\r\n', false],
    ['500', '500 FEAT not understood\r\n', false],
    ['502', '502 Command not implemented.\r\n', false],
    ['530', '530 Please login.\r\n', false],
  ])('T036: a backend that answers with %s', async (_what, raw, known) => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      backend.answer('FEAT', raw);
      const client = await loggedIn();
      const list = features(await client.command('FEAT', 211));
      expect(list).toEqual(expect.arrayContaining(['PBSZ', 'PROT', 'EPSV']));
      expect(list.map((feature) => feature.toUpperCase()).includes('SIZE')).toBe(known);
      await client.command('PWD', 257);
    });
  });
});

describe('OPTS, HOST, HELP, CLNT', () => {
  it('T037: OPTS UTF8 ON and OPTS MLST are forwarded after login; nothing before', async () => {
    await withGateway({ legacy: { features: BACKEND_FEATURES } }, async ({ encrypted, backend }) => {
      const client = await encrypted();
      await client.command('OPTS UTF8 ON', 200);
      expect(backend.sessions).toHaveLength(0);
      await client.login();
      await client.command('OPTS UTF8 ON', 200);
      await client.command('OPTS MLST type;size;', 200);
      expect(backend.commands).toEqual(expect.arrayContaining(['OPTS UTF8 ON', 'OPTS MLST type;size;']));
    });
  });

  it('T037: OPTS of anything else: 501, not forwarded', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command('OPTS MODE Z LEVEL 9', 501);
      await client.command('OPTS', 501);
      expect(backend.commands).not.toContain('OPTS MODE Z LEVEL 9');
    });
  });

  it('T038: HOST is offered before login, and accepted for any name where no route asks for one', async () => {
    await withGateway({}, async ({ greeted, backend }) => {
      const client = await greeted();
      expect(features(await client.command('FEAT', 211))).toContain('HOST');
      await client.command('HOST example.org', 220);
      expect(backend.sessions).toHaveLength(0);
    });
  });

  it('HELP names the commands that work here, and none that do not', async () => {
    await withGateway({}, async ({ loggedIn }) => {
      const client = await loggedIn();
      const help = (await client.command('HELP', 214)).raw;
      for (const verb of ['AUTH', 'PBSZ', 'PROT', 'USER', 'PASS', 'LIST', 'RETR', 'STOR', 'QUIT'])
        expect(help).toContain(verb);
      for (const verb of ['CCC', 'REIN', 'CPSV', 'CONNECT']) expect(help).not.toContain(verb);
    });
  });

  it('NOOP, SYST, STAT, ALLO, SITE, MDTM, MLST, CLNT are answered', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      for (const [line, code] of [
        ['NOOP', 200],
        ['SYST', 215],
        ['STAT', 211],
        ['ALLO 100', 202],
        ['SITE HELP', 200],
        ['SIZE a', 213],
        ['MDTM a', 213],
        ['MLST a', 250],
        ['CLNT test', 200],
      ] as const) {
        await client.command(line, code);
      }
    });
  });
});
