/** What the outcomes of EPSV and PASV mean for the gateway. */
import { describe, expect, it } from 'vitest';
import {
  judgePassive,
  type PassiveOutcome,
  type PassiveOutcomes,
} from '../../../src/cli/live-check/passive-outcome.ts';
import { GatewayError } from '../../../src/errors/errors.ts';

const answer = (code: number) => ({
  code,
  text: String(code),
  port: 50_000,
  address: code === 227 ? '192.0.2.1' : undefined,
});
const connected = (code: number): PassiveOutcome => ({ kind: 'connected', milliseconds: 1, ...answer(code) });
const unreachable = (code: number): PassiveOutcome => ({
  kind: 'unreachable',
  error: new GatewayError('backend-data-timeout'),
  ...answer(code),
});
const refused: PassiveOutcome = { kind: 'refused', code: 500, text: '500 What?' };
const unusable: PassiveOutcome = { kind: 'unusable', code: 229, text: '229 (|||80|)' };
const silent: PassiveOutcome = { kind: 'unanswered', error: new GatewayError('backend-reply-timeout') };

function levels(dataMode: PassiveOutcomes['dataMode'], epsv: PassiveOutcome, pasv: PassiveOutcome): readonly string[] {
  return judgePassive({ dataMode, controlAddress: '192.0.2.1', epsv, pasv }).map(({ level }) => level);
}

describe('the judgement of passive data ports', () => {
  it.each<[PassiveOutcomes['dataMode'], string, PassiveOutcome, PassiveOutcome, readonly string[]]>([
    ['auto', 'both work', connected(229), connected(227), ['ok', 'ok']],
    ['auto', 'EPSV is not known', refused, connected(227), ['warning', 'ok']],
    ['auto', 'EPSV is not answered', silent, connected(227), ['warning', 'ok']],
    [
      'auto',
      'the port of EPSV is closed: no reason for the gateway to try PASV',
      unreachable(229),
      connected(227),
      ['failed', 'ok'],
    ],
    ['auto', 'the port of EPSV is not one to connect to', unusable, connected(227), ['failed', 'ok']],
    ['auto', 'PASV is not known and not needed', connected(229), refused, ['ok', 'ok']],
    ['auto', 'nothing works', refused, unreachable(227), ['failed', 'failed']],
    ['epsv', 'EPSV is not known', refused, connected(227), ['failed', 'ok']],
    ['epsv', 'PASV is not known and not used', connected(229), silent, ['ok', 'ok']],
    ['pasv', 'EPSV is not known and not used', silent, connected(227), ['ok', 'ok']],
    ['pasv', 'PASV is not known', connected(229), refused, ['ok', 'failed']],
    ['active', 'neither is known nor used', refused, silent, ['ok', 'ok']],
  ])('%s: %s', (dataMode, _what, epsv, pasv, expected) => {
    expect(levels(dataMode, epsv, pasv)).toEqual(expected);
  });

  it('says which dataMode would work', () => {
    const [epsv] = judgePassive({
      dataMode: 'epsv',
      controlAddress: '192.0.2.1',
      epsv: refused,
      pasv: connected(227),
    });
    expect(epsv?.remedy).toContain('dataMode: pasv');
  });

  it('warns of an address in 227 that is not the control address', () => {
    const found = judgePassive({
      dataMode: 'auto',
      controlAddress: '192.0.2.9',
      epsv: connected(229),
      pasv: connected(227),
    });
    expect(found[1]).toMatchObject({ level: 'warning', facts: { address: '192.0.2.1', controlAddress: '192.0.2.9' } });
  });
});
