/**
 * USER, PASS and ACCT: the backend decides who is who. It is dialled at USER, so that scanners never reach it. HOST says, before
 * USER, which host is meant (RFC 7151).
 */
import { ERRORS } from '../../errors/errors.ts';
import { judge } from '../../policy/protection.ts';
import type { Command } from '../../wire/command.ts';
import { reply } from '../../wire/reply.ts';
import type { Handler, HandlerContext, Outcome } from '../outcome.ts';

export const logIn: Handler = async (command, context) => {
  const { phase } = context;
  if (phase.name !== 'login') return { do: 'reply', reply: reply(503, 'You are logged in already.') };
  if (command.verb === 'HOST') return chooseHost(command, context);
  const refusal = clearTextRefusal(command.verb, context);
  if (refusal !== undefined) return refusal;
  // In a session that was there before the ban, too: nobody gets one more guess.
  if (await context.isBanned()) {
    return { do: 'close', reply: reply(...ERRORS['address-banned'].reply), reason: 'address-banned' };
  }
  if (command.verb === 'USER') {
    await context.countLogin();
    const login = context.beginLogin(command.argument ?? '');
    return { do: 'login', reply: await login.say(command), login };
  }
  const { stage, login } = phase;
  if (stage === 'unnamed' || login === undefined) return { do: 'reply', reply: reply(503, 'Send USER first.') };
  return { do: 'login', reply: await login.say(command), login };
};

/** A name, or a literal address with IPv6 in brackets (RFC 7151 §3.1). */
const HOST_NAME = /^(?:[\w-]+(?:\.[\w-]+)*\.?|\[[\da-f:.]+\])$/i;

/** RFC 7151 §3: before USER; 504 for a name that is not served, or that is not the one of the TLS handshake. */
function chooseHost({ argument = '' }: Command, context: HandlerContext): Outcome {
  const { phase, servername } = context;
  if (phase.name === 'login' && phase.stage === 'named') return answer(503, 'HOST comes before USER.');
  if (!HOST_NAME.test(argument)) return answer(501, 'Give the name of a host.');
  const differs = servername !== undefined && servername.toLowerCase() !== argument.toLowerCase().replace(/\.$/, '');
  if (differs || !context.knowsHost(argument)) return answer(504, 'No such host here.');
  return { do: 'host', reply: reply(220, 'Host accepted.'), host: argument };
}

function answer(code: number, text: string): Outcome {
  return { do: 'reply', reply: reply(code, text) };
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
