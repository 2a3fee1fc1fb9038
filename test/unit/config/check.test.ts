/** Rules about several keys: each with what breaks it and what keeps it. */
import { describe, expect, it } from 'vitest';
import { checkConfig, checkRules } from '../../../src/config/check.ts';
import { parseConfig } from '../../../src/config/load.ts';
import type { ProxyProtocolConfig } from '../../../src/config/proxy-protocol.ts';
import type { Config, ListenerConfig, Policy } from '../../../src/config/schema.ts';

const POLICY: Policy = {
  requireTls: 'enforce',
  requireProtP: 'enforce',
  uploadEnd: 'strict',
  downloadEnd: 'tolerant',
  sessionReuse: 'prefer',
  ccc: 'deny',
};

const NO_PROXY = { control: 'off', data: 'off', trusted: [] } as const;

const BASE = parseConfig(
  `
listeners: [{ name: public, port: 21 }]
tls: { certificates: [{ cert: /nonexistent/tls.crt, key: /nonexistent/tls.key }] }
backends: [{ name: legacy, host: legacy }]`,
  { env: {} },
);

function listener(address: string, port: number, changes: Partial<ListenerConfig> = {}): ListenerConfig {
  return {
    name: `${address}-${port}`,
    address,
    port,
    mode: 'explicit',
    proxyProtocol: NO_PROXY,
    clientCertificates: BASE.tls.clientCertificates,
    policy: POLICY,
    ...changes,
  };
}

function errorPaths(changes: Partial<Config>): readonly string[] {
  return checkRules({ ...BASE, ...changes }).errors.map(({ path }) => path);
}

function warningPaths(changes: Partial<Config>): readonly string[] {
  return checkRules({ ...BASE, ...changes }).warnings.map(({ path }) => path);
}

it('has nothing to say about a sound configuration', () => {
  expect(checkRules(BASE)).toEqual({ errors: [], warnings: [] });
});

it('demands unique names', () => {
  const backend = BASE.backends[0]!;
  expect(errorPaths({ listeners: [listener('::', 1, { name: 'a' }), listener('::', 2, { name: 'a' })] })).toEqual([
    'listeners[1].name',
  ]);
  expect(errorPaths({ backends: [backend, backend] })).toEqual(['backends[1].name']);
});

describe('ports of listeners', () => {
  it.each([
    ['::', '::'],
    ['::', '127.0.0.1'],
    ['127.0.0.1', '0:0:0:0:0:0:0:0'],
    ['::', '0.0.0.0'],
    ['0.0.0.0', '10.0.0.1'],
    ['10.0.0.1', '10.0.0.1'],
    ['10.0.0.1', '::ffff:10.0.0.1'],
    ['2001:DB8::1', '2001:db8::1'],
  ])('collide on %s and %s', (a, b) => {
    expect(errorPaths({ listeners: [listener(a, 2121), listener(b, 2121, { name: 'other' })] })).toEqual([
      'listeners[1].port',
    ]);
  });

  it.each([
    ['10.0.0.1', '10.0.0.2', 2121],
    ['0.0.0.0', '::1', 2121],
    ['::', '::', 0],
  ])('do not collide on %s and %s with port %i', (a, b, port) => {
    expect(errorPaths({ listeners: [listener(a, port), listener(b, port, { name: 'other' })] })).toEqual([]);
  });

  it('stay outside the passive range', () => {
    expect(errorPaths({ listeners: [listener('10.0.0.1', 50_000), listener('10.0.0.1', 50_009)] })).toEqual([
      'listeners[0].port',
      'listeners[1].port',
    ]);
    expect(errorPaths({ listeners: [listener('::', 49_999), listener('::', 50_010)] })).toEqual([]);
  });
});

describe('the port of the side port', () => {
  const admin = { ...BASE.admin, address: '127.0.0.1', port: 2121 };

  it('differs from those of listeners on the same address', () => {
    expect(errorPaths({ admin, listeners: [listener('::', 2121)] })).toEqual(['admin.port']);
    expect(errorPaths({ admin, listeners: [listener('10.0.0.1', 2121)] })).toEqual([]);
  });

  it('stays outside the passive range on the same address', () => {
    const inside = { ...BASE.admin, address: '127.0.0.1', port: 50_005 };
    expect(errorPaths({ admin: inside, listeners: [listener('::', 21)] })).toEqual(['admin.port']);
    expect(errorPaths({ admin: inside, listeners: [listener('10.0.0.1', 21)] })).toEqual([]);
  });
});

describe('without certificates', () => {
  const tls = { ...BASE.tls, certificates: [] };
  const clear: Policy = {
    requireTls: 'report',
    requireProtP: 'off',
    uploadEnd: 'strict',
    downloadEnd: 'tolerant',
    sessionReuse: 'prefer',
    ccc: 'deny',
  };

  it.each([
    ['an implicit listener', listener('::', 990, { mode: 'implicit', policy: clear })],
    ['a listener that demands TLS', listener('::', 21, { policy: { ...clear, requireTls: 'enforce' } })],
    ['a listener that demands PROT P', listener('::', 21, { policy: { ...clear, requireProtP: 'enforce' } })],
  ])('%s cannot work', (_, impossible) => {
    expect(errorPaths({ tls, listeners: [impossible] })).toEqual(['tls.certificates']);
  });

  it('a listener for clear text works', () => {
    expect(errorPaths({ tls, listeners: [listener('::', 21, { policy: clear })] })).toEqual([]);
  });
});

it('demands that the oldest TLS version is not newer than the newest', () => {
  expect(errorPaths({ tls: { ...BASE.tls, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' } })).toEqual([
    'tls.minVersion',
  ]);
  expect(errorPaths({ tls: { ...BASE.tls, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } })).toEqual([]);
});

it('demands that a reply may be as long as one of its lines', () => {
  expect(errorPaths({ limits: { ...BASE.limits, replyLine: 8192, reply: 4096 } })).toEqual(['limits.reply']);
});

describe('clear text is warned of', () => {
  it.each([
    ['off', 'explicit', ['listeners[0].policy.requireTls']],
    ['report', 'explicit', ['listeners[0].policy.requireTls']],
    ['off', 'implicit', []],
  ] as const)('requireTls %s on an %s listener', (requireTls, mode, expected) => {
    expect(warningPaths({ listeners: [listener('::', 21, { mode, policy: { ...POLICY, requireTls } })] })).toEqual(
      expected,
    );
  });

  it('on control connections after CCC', () => {
    const warnings = (policy: Partial<Policy>) =>
      checkRules({ ...BASE, listeners: [listener('::', 21, { policy: { ...POLICY, ccc: 'allow', ...policy } })] })
        .warnings;
    expect(warnings({})).toEqual([
      {
        path: 'listeners[0].policy.ccc',
        message: expect.stringContaining('gets at files unless sessionReuse is require'),
      },
    ]);
    expect(warnings({ sessionReuse: 'require' })).toEqual([
      { path: 'listeners[0].policy.ccc', message: expect.not.stringContaining('files') },
    ]);
  });

  it('on data connections', () => {
    expect(warningPaths({ listeners: [listener('::', 21, { policy: { ...POLICY, requireProtP: 'off' } })] })).toEqual([
      'listeners[0].policy.requireProtP',
    ]);
  });
});

describe('advertised addresses', () => {
  function advertise(...rules: readonly [clients: string | null, address: string][]): Partial<Config> {
    const passive = { ...BASE.data.passive, advertise: rules.map(([clients, address]) => ({ clients, address })) };
    return { data: { ...BASE.data, passive } };
  }

  it.each([
    ['behind a rule for everyone', [null, '10.0.0.0/8'], 1],
    ['behind another rule for everyone', ['10.0.0.0/8', null, null], 2],
    ['for part of an earlier network', ['10.0.0.0/8', '10.1.0.0/16'], 1],
    ['for an address of an earlier network', ['2001:db8::/32', '2001:db8::5'], 1],
    ['for the same network', ['10.0.0.0/8', '10.0.0.0/8'], 1],
  ] as const)('a rule %s never matches', (_, clients, never) => {
    const rules = clients.map((network): [string | null, string] => [network, '192.0.2.1']);
    expect(warningPaths(advertise(...rules))).toEqual([`data.passive.advertise[${never}]`]);
  });

  it('may narrow down before they widen', () => {
    const rules = ['10.1.0.0/16', '10.0.0.0/8', '192.0.2.7', '2001:db8::/32', null];
    expect(warningPaths(advertise(...rules.map((network): [string | null, string] => [network, '192.0.2.1'])))).toEqual(
      [],
    );
  });

  it('that PASV cannot tell are warned of', () => {
    expect(warningPaths(advertise([null, '2001:db8::1']))).toEqual(['data.passive.advertise[0].address']);
  });

  it.each(['0.0.0.0', '::', '0::0'])('are no wildcards: %s', (address) => {
    expect(errorPaths(advertise([null, address]))).toEqual(['data.passive.advertise[0].address']);
  });
});

describe('PROXY headers', () => {
  const proxied = (...settings: readonly Partial<ProxyProtocolConfig>[]): Partial<Config> => ({
    listeners: settings.map((changes, index) =>
      listener('::', 2121 + index, { proxyProtocol: { ...NO_PROXY, ...changes } }),
    ),
  });
  const trusted = ['10.0.0.0/8'];

  it.each([
    [{ control: 'required' }],
    [{ data: 'required' }],
  ] as const)('need somebody who is trusted: %j', (settings) => {
    expect(errorPaths(proxied(settings))).toEqual(['listeners[0].proxyProtocol.trusted']);
    expect(errorPaths(proxied({ ...settings, trusted }))).toEqual([]);
  });

  it('are the same for all data connections, because listeners share the ports', () => {
    const required = { data: 'required', trusted } as const;
    expect(errorPaths(proxied(required, { control: 'required', trusted }))).toEqual([
      'listeners[1].proxyProtocol.data',
    ]);
    expect(errorPaths(proxied(required, { control: 'required', ...required }))).toEqual([]);
  });

  it('that anybody may send are warned of, as are networks without a header', () => {
    const everybody = ['10.0.0.0/8', '0.0.0.0/0', '::/0'];
    expect(warningPaths(proxied({ control: 'required', trusted: everybody }))).toEqual([
      'listeners[0].proxyProtocol.trusted[1]',
      'listeners[0].proxyProtocol.trusted[2]',
    ]);
    expect(warningPaths(proxied({ trusted }))).toEqual(['listeners[0].proxyProtocol.trusted']);
  });
});

it('checkConfig looks at the certificate files too', async () => {
  const { errors } = await checkConfig({ ...BASE, listeners: [listener('::', 50_000)] });
  expect(errors.map(({ path }) => path)).toEqual([
    'listeners[0].port',
    'tls.certificates[0].cert',
    'tls.certificates[0].key',
  ]);
});
