/** The rules about several replicas: each contradiction is told with its key, what was found and what is expected. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkReplicationFiles } from '../../../src/config/check-replication-files.ts';
import { ConfigError, parseConfig } from '../../../src/config/load.ts';
import { maskedConfig } from '../../../src/config/masked.ts';
import { peerPlace, replicaIndex } from '../../../src/config/replication.ts';
import type { Config } from '../../../src/config/schema.ts';
import { testCertificate } from '../../support/certificates.ts';

const KEY = 'this key is 32 characters long, ok';
const GOOD = { index: 0, count: 3, peers: 'sallyport-{index}.sallyport-headless:7946', key: KEY };

function parsed(replication: object, more: object = {}): Config {
  const listeners = [{ name: 'public', port: 2121, policy: { requireTls: 'off', requireProtP: 'off' } }];
  const backends = [{ name: 'legacy', host: '127.0.0.1' }];
  return parseConfig(JSON.stringify({ listeners, backends, replication, ...more }), { env: {} });
}

function problems(replication: object, more: object = {}): readonly string[] {
  try {
    parsed(replication, more);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

describe('one replica, the default', () => {
  it('needs nothing', () => {
    expect(parsed({}).replication).toMatchObject({ index: 0, count: 1, peers: null, key: null });
    expect(problems({ index: 5 }, { workers: 4 })).toEqual([]);
  });
});

describe('several replicas', () => {
  it.each([
    ['a template', {}],
    ['a list', { peers: ['10.0.0.1:7946', '[2001:db8::2]:7946', 'third.example.com:7947'] }],
    ['a number as a text, as variables make it', { index: '2' }],
  ])('are accepted with %s', (_what, more) => {
    expect(problems({ ...GOOD, ...more })).toEqual([]);
  });

  it.each<[string, object, object, string]>([
    [
      'an index that is too large',
      { index: 3 },
      {},
      'replication.index: found 3, expected a number from 0 to 2: replication.count is 3',
    ],
    [
      'no peers',
      { peers: null },
      {},
      'replication.peers: missing, but with several replicas each must know where the others are',
    ],
    [
      'a template without {index}',
      { peers: 'sallyport:7946' },
      {},
      'replication.peers: found "sallyport:7946", expected {index} in it, in whose place the number of each replica stands',
    ],
    [
      'too few places',
      { peers: ['a:1', 'b:1'] },
      {},
      'replication.peers: found 2 places, expected one for each of 3 replicas',
    ],
    [
      'one place twice',
      { peers: ['a:1', 'b:1', 'a:1'] },
      {},
      'replication.peers[2]: found "a:1" a second time, expected a place for each replica',
    ],
    [
      'a list with a template',
      { peers: ['a:1', 'b-{index}:1', 'c:1'] },
      {},
      'replication.peers[1]: found {index} in a list, expected a host and a port',
    ],
    [
      'no way to trust',
      { key: null },
      {},
      'replication: nothing by which replicas trust each other; expected key, keyFile or tls',
    ],
    [
      'two ways to trust',
      { keyFile: '/a' },
      {},
      'replication: found key and keyFile, expected one of key, keyFile and tls',
    ],
    [
      'half of a certificate',
      { key: null, tls: { cert: '/a' } },
      {},
      'replication.tls.key: missing, expected all of cert, key and ca',
    ],
    [
      'several workers',
      {},
      { workers: 2 },
      'workers: found 2, expected 1 with several replicas: more replicas, not more processes, take more clients',
    ],
    [
      'as many workers as processors',
      {},
      { workers: 'auto' },
      'workers: found auto, expected 1 with several replicas: more replicas, not more processes, take more clients',
    ],
    [
      'fewer ports than replicas',
      {},
      { data: { passive: { ports: '50000-50001' } } },
      'replication.count: found 3, expected at most 2: each replica needs a passive port of its own, and data.passive.ports (50000-50001) has 2; a single port is shared by all',
    ],
    [
      'the port of a listener',
      { listen: { port: 2121 } },
      {},
      'replication.listen.port: found 2121, expected a port that listeners[0].port does not have on the same address',
    ],
    [
      'the side port',
      { listen: { port: 9121 } },
      {},
      'replication.listen.port: found 9121, expected a port that admin.port does not have on the same address',
    ],
    [
      'a passive port',
      { listen: { port: 50003 } },
      {},
      'replication.listen.port: found 50003, expected a port that data.passive.ports does not have on the same address',
    ],
  ])('are refused with %s', (_what, more, surroundings, message) => {
    expect(problems({ ...GOOD, ...more }, surroundings)).toContain(message);
  });

  it.each<[string, object]>([
    ['a short key', { key: 'too short' }],
    ['a place without port', { peers: 'sallyport-{index}' }],
    ['a place with a port that is none', { peers: 'sallyport-{index}:70000' }],
    ['a negative index', { index: -1 }],
    ['a word for an index', { index: 'first' }],
    ['no replica at all', { count: 0 }],
  ])('are refused with %s', (_what, more) => {
    expect(problems({ ...GOOD, ...more })).not.toEqual([]);
  });

  it('share a single port', () => {
    expect(problems(GOOD, { data: { passive: { ports: 50_000 } } })).toEqual([]);
  });

  it('do not show their key', () => {
    expect(JSON.stringify(maskedConfig(parsed(GOOD)))).not.toContain(KEY);
    expect(problems({ ...GOOD, key: 'a secret' }).join()).not.toContain('a secret');
  });
});

describe('the index in the name of the host', () => {
  it.each([
    ['sallyport-2', 2],
    ['sallyport-12.sallyport-headless.default.svc', 12],
    ['gateway7', 7],
    ['sallyport', undefined],
    ['sallyport.example2', undefined],
  ])('%s', (host, index) => {
    expect(replicaIndex({ index: 'hostname' }, host)).toBe(index);
  });
});

describe('the place of a replica', () => {
  it.each([
    ['s-{index}.{index}.local:1', 2, { host: 's-2.2.local', port: 1 }],
    [['a:1', '[::1]:2'], 1, { host: '::1', port: 2 }],
    [['a:1'], 1, undefined],
    [null, 0, undefined],
  ])('%j', (peers, index, place) => {
    expect(peerPlace({ peers }, index)).toEqual(place);
  });
});

describe('the files of replicas', () => {
  it('are looked at: a key that is too short, a certificate and a key that do not belong together', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-key-'));
    try {
      const keyFile = join(folder, 'key');
      await writeFile(keyFile, 'short\n');
      const { cert, ca } = await testCertificate();
      const short = await checkReplicationFiles(parsed({ ...GOOD, key: null, keyFile }).replication, new Date());
      expect(short.errors).toMatchObject([
        { path: 'replication.keyFile', message: expect.stringContaining('found 5 characters') },
      ]);
      const wrong = { ...GOOD, key: null, tls: { cert, key: ca, ca: keyFile } };
      const found = await checkReplicationFiles(parsed(wrong).replication, new Date());
      const [ca1, cert1, key1] = found.errors.map(({ path, message }) => `${path}: ${message}`).sort();
      expect(ca1).toContain('replication.tls.ca: ');
      expect(cert1).toContain('replication.tls.cert: ');
      expect(cert1).toContain('is not for TLS servers and clients both');
      expect(key1).toContain('replication.tls.key: ');
      expect((await checkReplicationFiles(parsed(GOOD).replication, new Date())).errors).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
