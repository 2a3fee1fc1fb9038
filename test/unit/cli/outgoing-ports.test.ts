/** Ports of the passive range that the kernel may give to outgoing connections. */
import { describe, expect, it } from 'vitest';
import { judgeOutgoingPorts } from '../../../src/cli/live-check/outgoing-ports.ts';

const USUAL = '32768\t60999\n';
const PASSIVE = { first: 50_000, last: 50_009 };

describe('ports for outgoing connections', () => {
  it('that are in the passive range are warned of, with the line that mends it', () => {
    expect(judgeOutgoingPorts(PASSIVE, USUAL, '\n')).toMatchObject([
      {
        check: 'passive ports',
        level: 'warning',
        message: '50000-50009 may be taken by outgoing connections (32768-60999) before the gateway starts',
        remedy: expect.stringContaining('"net.ipv4.ip_local_reserved_ports = 50000-50009"'),
        facts: { ports: '50000-50009', outgoing: '32768-60999' },
      },
    ]);
  });

  it('are told only as far as they overlap and are not reserved; what is reserved stays in the line', () => {
    expect(judgeOutgoingPorts({ first: 32_766, last: 32_770 }, USUAL, '')).toMatchObject([
      { facts: { ports: '32768-32770' } },
    ]);
    expect(judgeOutgoingPorts(PASSIVE, USUAL, '8080,50000-50004,50007\n')).toMatchObject([
      {
        facts: { ports: '50005-50006, 50008-50009' },
        remedy: expect.stringContaining('= 8080,50000-50004,50007,50005-50006,50008-50009"'),
      },
    ]);
  });

  it.each([
    ['that are reserved', PASSIVE, USUAL, '49000-51000\n'],
    ['that are reserved one by one', { first: 50_000, last: 50_001 }, USUAL, '50000,50001\n'],
    ['that lie above the passive range', { first: 21_300, last: 21_309 }, USUAL, '\n'],
    ['that lie below it', PASSIVE, '10000 20000', ''],
    ['that cannot be read', PASSIVE, 'nonsense', 'more of it'],
  ])('%s are nothing to speak of', (_which, passive, outgoing, reserved) => {
    expect(judgeOutgoingPorts(passive, outgoing, reserved)).toEqual([]);
  });
});
