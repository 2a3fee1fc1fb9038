/** The rules about backends in active mode. */
import { describe, expect, it } from 'vitest';
import { type BackendConfig, backendErrors, backendWarnings } from '../../../src/config/backend.ts';

const TAKEN = [
  { key: 'data.passive.ports', first: 50_000, last: 50_009 },
  { key: 'admin.port', first: 9121, last: 9121 },
];

function backend(active: Partial<BackendConfig['active']>, dataMode: BackendConfig['dataMode'] = 'active') {
  return [{ dataMode, active: { address: null, ports: null, ...active } }];
}

describe('backends[].active', () => {
  it.each([
    [{}],
    [{ address: '10.0.0.5' }],
    [{ address: '2001:db8::5' }],
    [{ ports: { first: 20_000, last: 49_999 } }],
    [{ ports: { first: 50_010, last: 65_535 } }],
  ])('%j is fine', (active) => {
    expect(backendErrors(backend(active), TAKEN)).toEqual([]);
    expect(backendWarnings(backend(active))).toEqual([]);
  });

  it.each(['0.0.0.0', '::', '0:0:0:0:0:0:0:0'])('nobody can connect to %s', (address) => {
    const [problem] = backendErrors(backend({ address }), TAKEN);
    expect(problem).toMatchObject({ path: 'backends[0].active.address' });
  });

  it('no port below 1024, none of the passive range, none of another listener', () => {
    const about = (first: number, last: number) => {
      const problems = backendErrors(backend({ ports: { first, last } }), TAKEN);
      expect(problems.every(({ path }) => path === 'backends[0].active.ports')).toBe(true);
      return problems.map(({ message }) => message);
    };
    expect(about(1000, 1100)).toEqual(['found 1000-1100, expected ports from 1024 on']);
    expect(about(50_009, 50_020)).toEqual(['found 50009-50020, expected ports outside data.passive.ports']);
    expect(about(9121, 9121)).toEqual(['found 9121, expected ports outside admin.port']);
    expect(about(1, 65_535)).toHaveLength(3);
  });

  it('means nothing with another dataMode: a warning', () => {
    const [problem] = backendWarnings(backend({ address: '10.0.0.5' }, 'auto'));
    expect(problem).toMatchObject({ path: 'backends[0].active', message: expect.stringContaining('auto') });
    expect(backendWarnings(backend({}, 'auto'))).toEqual([]);
  });
});
