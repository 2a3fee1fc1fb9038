/**
 * PASV and EPSV: a port of our range for the client, and meanwhile a data connection to the backend.
 */
import { asGatewayError, GatewayError } from '../../errors.ts';
import type { Command } from '../../wire/command.ts';
import { formatExtendedPassive, formatPassive } from '../../wire/host-port.ts';
import { reply } from '../../wire/reply.ts';
import type { DataPlan } from '../data-plan.ts';
import type { Handler, HandlerContext, Outcome } from '../outcome.ts';

export const prepareData: Handler = (command, context) => {
  // RFC 2428 §4: after EPSV ALL nothing but EPSV may set up data connections.
  if (context.extendedOnly && command.verb !== 'EPSV') return answer(501, 'EPSV ALL is in force: use EPSV.');
  switch (command.verb) {
    case 'EPSV':
      return extendedPassive(command, context);
    case 'PASV':
      return passive(context);
    default: // PORT, EPRT
      return answer(502, 'Active mode is not available here: use EPSV or PASV.');
  }
};

function extendedPassive({ argument = '' }: Command, context: HandlerContext): Outcome {
  if (argument.toUpperCase() === 'ALL') {
    return { do: 'extended-only', reply: reply(200, 'EPSV is the only way now.') };
  }
  if (!/^\d*$/.test(argument)) return answer(501, 'Syntax: EPSV [protocol]');
  if (!['', '1', '2'].includes(argument)) return answer(522, 'Network protocol not supported, use (1,2)');
  // The address is that of the control connection (RFC 2428 §3), so is its family.
  if (argument !== '' && Number(argument) !== context.family) {
    return answer(522, `Network protocol not supported, use (${context.family})`);
  }
  return withPlan(context, (plan) =>
    reply(229, `Entering extended passive mode ${formatExtendedPassive(plan.client.port)}`),
  );
}

async function passive(context: HandlerContext): Promise<Outcome> {
  if (context.family === 2) return answer(425, 'PASV knows IPv4 only: use EPSV.');
  let address: string;
  try {
    address = await context.advertisedAddress();
  } catch (error) {
    return setupFailed(asGatewayError(error, 'advertised-address-unknown'), context);
  }
  return withPlan(context, (plan) => reply(227, `Entering passive mode (${formatPassive(address, plan.client.port)})`));
}

function withPlan(context: HandlerContext, describe: (plan: DataPlan) => ReturnType<typeof reply>): Outcome {
  if (context.phase.name !== 'ready') throw new Error(`data setup while ${context.phase.name}`);
  const plan = context.planData(context.phase.link);
  if (plan === undefined) return setupFailed(new GatewayError('passive-ports-exhausted'), context);
  return { do: 'plan', reply: describe(plan), plan };
}

function setupFailed(error: GatewayError, context: HandlerContext): Outcome {
  context.dataSetupFailed(error.code, error.detail);
  const [code, text] = error.reply ?? [425, 'Cannot open a data connection.'];
  return answer(code, text);
}

function answer(code: number, text: string): Outcome {
  return { do: 'reply', reply: reply(code, text) };
}
