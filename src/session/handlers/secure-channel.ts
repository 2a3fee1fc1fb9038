/**
 * AUTH, PBSZ, PROT, CCC and the rest of RFC 2228, as RFC 4217 applies it to TLS.
 */

import { judge } from '../../policy/protection.ts';
import type { Command } from '../../wire/command.ts';
import { reply } from '../../wire/reply.ts';
import { cccRefusal } from '../ccc-refusal.ts';
import type { Handler, HandlerContext, Outcome } from '../outcome.ts';

/** Mechanisms, and whether they imply PROT P (RFC 4217 §17; draft-murray-auth-ftp-ssl). */
const MECHANISMS: ReadonlyMap<string, { readonly impliesProtP: boolean }> = new Map([
  ['TLS', { impliesProtP: false }],
  ['TLS-C', { impliesProtP: false }],
  ['TLS-P', { impliesProtP: true }],
  ['SSL', { impliesProtP: true }],
]);

/** Largest PBSZ argument: a 32-bit number (RFC 2228 §3). */
const MAX_BUFFER_SIZE = 0xffff_ffff;

export const secureChannel: Handler = (command, context) => {
  switch (command.verb) {
    case 'AUTH':
      return authenticate(command, context);
    case 'PBSZ':
      return protectionBufferSize(command, context);
    case 'PROT':
      return protect(command, context);
    case 'CCC':
      return clearCommandChannel(context);
    case 'ADAT':
      return answer(503, 'No security data is expected.');
    default: // MIC, CONF, ENC
      return noTls(context) ?? answer(537, 'Use TLS instead.');
  }
};

function authenticate({ argument = '' }: Command, context: HandlerContext): Outcome {
  const mechanism = MECHANISMS.get(argument.toUpperCase());
  if (mechanism === undefined) return answer(504, 'Unknown mechanism; use AUTH TLS.');
  if (context.control === 'secure') return answer(503, 'TLS is in force already.');
  // After CCC, too: a new AUTH would take back the login (RFC 2228 §3), which is the backend's.
  if (context.phase.name !== 'login') return answer(534, 'Too late: you are logged in.');
  if (!context.certified) return answer(431, 'No certificate is available.');
  // Command injection: bytes in clear behind AUTH must never be taken for bytes inside TLS (CVE-2011-0411 and its kind).
  if (context.hasUnreadInput) return { do: 'close', reply: null, reason: 'bytes-behind-auth' };
  return {
    do: 'secure',
    reply: reply(234, 'Begin the TLS handshake.'),
    protection: mechanism.impliesProtP ? 'private' : 'clear',
  };
}

function protectionBufferSize({ argument = '' }: Command, context: HandlerContext): Outcome {
  const refusal = noTls(context);
  if (refusal !== undefined) return refusal;
  if (!/^\d{1,10}$/.test(argument) || Number(argument) > MAX_BUFFER_SIZE)
    return answer(501, 'Give a number; use PBSZ 0.');
  // TLS needs no buffer: always 0, and "PBSZ=" tells when another size was asked for (RFC 4217 §9, RFC 2228 §3).
  return answer(200, 'PBSZ=0');
}

function protect({ argument = '' }: Command, context: HandlerContext): Outcome {
  // quirk: clients that send PROT without PBSZ exist; ProFTPD and vsftpd accept it, and so do we.
  const refusal = noTls(context);
  if (refusal !== undefined) return refusal;
  switch (argument.toUpperCase()) {
    case 'P':
      return { do: 'protect', reply: reply(200, 'Data connections are private.'), protection: 'private' };
    case 'C':
      return clearData(context);
    case 'S':
    case 'E':
      return answer(536, 'TLS offers only the levels C and P.');
    default:
      return answer(504, 'Unknown protection level.');
  }
}

function clearData(context: HandlerContext): Outcome {
  switch (judge(context.policy, 'requireProtP', false)) {
    case 'deny':
      return { do: 'refuse', rule: 'requireProtP', reply: reply(534, 'Data connections must be private: use PROT P.') };
    case 'report':
      context.reportPolicy('requireProtP', 'PROT');
  }
  return { do: 'protect', reply: reply(200, 'Data connections are in clear.'), protection: 'clear' };
}

function clearCommandChannel(context: HandlerContext): Outcome {
  const refusal = cccRefusal(context);
  if (refusal !== undefined) return { do: 'reply', reply: refusal };
  return { do: 'clear', reply: reply(200, 'The control connection is in clear from here.') };
}

/** PBSZ and PROT are about TLS, and what was agreed before CCC stays (RFC 4217 §6). */
function noTls({ control }: HandlerContext): Outcome | undefined {
  if (control === 'clear') return answer(503, 'Send AUTH TLS first.');
  return control === 'cleared' ? answer(503, 'Not after CCC.') : undefined;
}

function answer(code: number, text: string): Outcome {
  return { do: 'reply', reply: reply(code, text) };
}
