/**
 * USER, PASS and ACCT: the backend decides who is who. It is dialled at USER, so that scanners never reach it.
 */
import type { BackendLink } from '../../backends/backend-link.ts';
import { asGatewayError, ERRORS } from '../../errors/errors.ts';
import { judge } from '../../policy/protection.ts';
import type { Command } from '../../wire/command.ts';
import { reply } from '../../wire/reply.ts';
import type { Handler, HandlerContext, Outcome } from '../outcome.ts';

export const logIn: Handler = async (command, context) => {
  const { phase } = context;
  if (phase.name !== 'login') return { do: 'reply', reply: reply(503, 'You are logged in already.') };
  const refusal = clearTextRefusal(command.verb, context);
  if (refusal !== undefined) return refusal;
  if (command.verb === 'USER') return identify(command, context);
  const { link, user } = phase;
  if (link === undefined || user === undefined || link.lost.aborted) {
    return { do: 'reply', reply: reply(503, 'Send USER first.') };
  }
  return ask(command, link, user, context);
};

async function identify(command: Command, context: HandlerContext): Promise<Outcome> {
  const { phase } = context;
  const known = phase.name === 'login' && phase.link?.lost.aborted === false ? phase.link : undefined;
  const link = known ?? (await context.openLink());
  return ask(command, link, command.argument ?? '', context);
}

/** The backend's answer; a backend that gives none has failed the login. */
async function ask(command: Command, link: BackendLink, user: string, context: HandlerContext): Promise<Outcome> {
  try {
    return { do: 'login', reply: await link.exchange(command), link, user };
  } catch (error) {
    context.loginFailed(link, user, asGatewayError(error, 'backend-closed'));
    throw error;
  }
}

/** No name and no password in clear where TLS is required; they are neither forwarded nor logged. */
function clearTextRefusal(verb: string, context: HandlerContext): Outcome | undefined {
  switch (judge(context.policy, 'requireTls', context.control === 'secure')) {
    case 'deny':
      return { do: 'refuse', rule: 'requireTls', reply: reply(...ERRORS['tls-required'].reply) };
    case 'report':
      context.reportPolicy('requireTls', verb);
      return undefined;
    case 'allow':
      return undefined;
  }
}
