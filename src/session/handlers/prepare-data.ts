/**
 * PASV and EPSV: a port of our range for the client. PORT and EPRT: the client's own port, to connect to later. Meanwhile the
 * backend's data connection is set up.
 */

import type { BackendLink } from '../../backends/backend-link.ts';
import { asGatewayError, GatewayError } from '../../errors/errors.ts';
import { type Endpoint, formatEndpoint } from '../../net/address.ts';
import type { Command } from '../../wire/command.ts';
import { formatExtendedPassive, formatPassive, parseExtendedPort, parsePort } from '../../wire/host-port.ts';
import { type Reply, reply } from '../../wire/reply.ts';
import type { Handler, HandlerContext, Outcome } from '../outcome.ts';

export const prepareData: Handler = (command, context) => {
  // RFC 2428 §4: after EPSV ALL nothing but EPSV may set up data connections.
  if (context.extendedOnly && command.verb !== 'EPSV') return answer(501, 'EPSV ALL is in force: use EPSV.');
  switch (command.verb) {
    case 'EPSV':
      return extendedPassive(command, context);
    case 'PASV':
      return passive(context);
    case 'EPRT':
      return extendedActive(command, context);
    default: // PORT
      return active(parsePort(command.argument ?? ''), command, context);
  }
};

function extendedPassive({ argument = '' }: Command, context: HandlerContext): Outcome | Promise<Outcome> {
  if (argument.toUpperCase() === 'ALL') {
    return { do: 'extended-only', reply: reply(200, 'EPSV is the only way now.') };
  }
  if (!/^\d*$/.test(argument)) return answer(501, 'Syntax: EPSV [protocol]');
  if (!['', '1', '2'].includes(argument)) return answer(522, 'Network protocol not supported, use (1,2)');
  // The address is that of the control connection (RFC 2428 §3), so is its family.
  if (argument !== '' && Number(argument) !== context.family) {
    return answer(522, `Network protocol not supported, use (${context.family})`);
  }
  return passivePlan(context, (port) => reply(229, `Entering extended passive mode ${formatExtendedPassive(port)}`));
}

async function passive(context: HandlerContext): Promise<Outcome> {
  if (context.family === 2) return answer(425, 'PASV knows IPv4 only: use EPSV.');
  let address: string;
  try {
    address = await context.advertisedAddress();
  } catch (error) {
    return setupFailed(asGatewayError(error, 'advertised-address-unknown'));
  }
  return passivePlan(context, (port) => reply(227, `Entering passive mode (${formatPassive(address, port)})`));
}

async function passivePlan(context: HandlerContext, describe: (port: number) => Reply): Promise<Outcome> {
  const planned = await context.planPassive(readyLink(context));
  if (planned === undefined) return setupFailed(new GatewayError('passive-ports-exhausted'));
  return { do: 'plan', reply: describe(planned.port), plan: planned.plan };
}

function extendedActive(command: Command, context: HandlerContext): Outcome {
  const target = parseExtendedPort(command.argument ?? '');
  // The family must be that of the control connection: no other address can be the client's own.
  if (target === 'unsupported-family' || (target !== undefined && target.family !== context.family)) {
    if (context.activeMode === 'deny') return activeDenied();
    return answer(522, `Network protocol not supported, use (${context.family})`);
  }
  return active(target, command, context);
}

/** Connects to nobody yet: only when the transfer begins, and only to the client's own address (RFC 2577 §3). */
function active(target: Endpoint | undefined, { verb }: Command, context: HandlerContext): Outcome {
  if (context.activeMode === 'deny') return activeDenied();
  if (target === undefined) return answer(501, `Syntax: ${verb} <address>`);
  const reason = context.refuseActiveTarget(target);
  if (reason !== undefined) {
    const detail = `${formatEndpoint(target)}: ${reason}`;
    return setupFailed(new GatewayError('active-target-refused', { detail }));
  }
  const plan = context.planActive(readyLink(context), target.port);
  return { do: 'plan', reply: reply(200, `${verb} accepted.`), plan };
}

function activeDenied(): Outcome {
  return setupFailed(new GatewayError('active-mode-denied'));
}

function readyLink({ phase }: HandlerContext): BackendLink {
  if (phase.name !== 'ready') throw new Error(`data setup while ${phase.name}`);
  return phase.link;
}

function setupFailed(error: GatewayError): Outcome {
  return { do: 'fail', error };
}

function answer(code: number, text: string): Outcome {
  return { do: 'reply', reply: reply(code, text) };
}
