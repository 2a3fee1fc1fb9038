/**
 * What came of asking a backend for a passive data port, and what it means for the gateway with its `dataMode`. Pure.
 */
import type { BackendConfig } from '../../config/schema.ts';
import { ERRORS, type GatewayError } from '../../errors/errors.ts';
import { canonicalAddress } from '../../net/address.ts';
import { describeFailure, type Facts, type Finding, failed, ok, warning } from './finding.ts';

/** What came of EPSV or PASV. `text` is the answer, fit to be shown. */
export type PassiveOutcome =
  /** The port that was answered accepts connections. */
  | ({ readonly kind: 'connected'; readonly milliseconds: number } & Answered)
  /** The port that was answered does not. */
  | ({ readonly kind: 'unreachable'; readonly error: GatewayError } & Answered)
  /** It was accepted, with a port that cannot be used. */
  | { readonly kind: 'unusable'; readonly code: number; readonly text: string }
  | { readonly kind: 'refused'; readonly code: number; readonly text: string }
  /** No answer: silence, or the backend hung up. */
  | { readonly kind: 'unanswered'; readonly error: GatewayError };

interface Answered {
  readonly code: number;
  readonly text: string;
  readonly port: number;
  /** The one in a 227; undefined for 229. */
  readonly address: string | undefined;
}

/** Both outcomes, and what the gateway makes of them. */
export interface PassiveOutcomes {
  readonly dataMode: BackendConfig['dataMode'];
  /** Address of the backend's end of the control connection: data goes there too. */
  readonly controlAddress: string;
  readonly epsv: PassiveOutcome;
  readonly pasv: PassiveOutcome;
}

/** The findings for EPSV and PASV, in this order. */
export function judgePassive(outcomes: PassiveOutcomes): readonly Finding[] {
  return [judgeEpsv(outcomes), judgePasv(outcomes)];
}

function judgeEpsv({ dataMode, epsv, pasv }: PassiveOutcomes): Finding {
  const [message, facts] = describe(epsv);
  if (epsv.kind === 'connected') return ok('EPSV', message, facts);
  if (dataMode === 'pasv' || dataMode === 'active') {
    return ok('EPSV', `${message}; not used, dataMode is ${dataMode}`, facts);
  }
  if (pasv.kind !== 'connected') return failed('EPSV', message, remedyFor(epsv), facts);
  // The gateway falls back where EPSV is not known; a port that does not work is no reason for it.
  const fallsBack = dataMode === 'auto' && (epsv.kind === 'refused' || epsv.kind === 'unanswered');
  if (!fallsBack) return failed('EPSV', message, 'PASV works: set dataMode: pasv for this backend.', facts);
  const remedy = 'The gateway falls back to PASV: set dataMode: pasv for this backend and it need not try EPSV.';
  return warning('EPSV', message, remedy, facts);
}

function judgePasv({ dataMode, controlAddress, epsv, pasv }: PassiveOutcomes): Finding {
  const [message, facts] = describe(pasv);
  if (pasv.kind === 'connected') return judgeAddress(pasv, controlAddress, message, facts);
  if (dataMode === 'epsv' || dataMode === 'active') {
    return ok('PASV', `${message}; not used, dataMode is ${dataMode}`, facts);
  }
  const works = epsv.kind === 'connected';
  if (dataMode === 'auto' && works) return ok('PASV', `${message}; not needed, EPSV works`, facts);
  const remedy = works ? 'EPSV works: set dataMode: auto for this backend.' : remedyFor(pasv);
  return failed('PASV', message, remedy, facts);
}

function judgeAddress({ address = '' }: Answered, controlAddress: string, message: string, facts: Facts): Finding {
  const all = { ...facts, controlAddress };
  if (address === canonicalAddress(controlAddress)) return ok('PASV', message, all);
  const remedy =
    'The gateway connects to the control address and is not concerned; clients without it are sent astray: set the public (masquerade) address of the backend.';
  return warning('PASV', `${message}; it tells ${address}, control is ${controlAddress}`, remedy, all);
}

function describe(outcome: PassiveOutcome): readonly [message: string, facts: Facts] {
  switch (outcome.kind) {
    case 'connected':
    case 'unreachable': {
      const { kind, code, port, address, text } = outcome;
      const connects = kind === 'connected';
      const facts = { code, port, connects, ...(address !== undefined && { address }) };
      if (connects) return [`${text}; port ${port} connects in ${outcome.milliseconds} ms`, facts];
      return [`${text}; ${describeFailure(outcome.error)}`, { ...facts, error: outcome.error.code }];
    }
    case 'unusable':
    case 'refused':
      return [`${outcome.kind}: ${outcome.text}`, { code: outcome.code, connects: false }];
    case 'unanswered':
      return [describeFailure(outcome.error), { error: outcome.error.code, connects: false }];
  }
}

function remedyFor(outcome: PassiveOutcome): string {
  if (outcome.kind === 'unreachable' || outcome.kind === 'unanswered') return ERRORS[outcome.error.code].remedy;
  return 'The gateway needs EPSV or PASV: allow passive mode in the configuration of the backend.';
}
