/**
 * TYPE, MODE, STRU and REST. Only stream mode and file structure can be relayed: in the others the end of the data is not
 * the end of the connection (RFC 959 §3.4).
 */
import { reply } from '../../wire/reply.ts';
import type { Handler, Outcome } from '../outcome.ts';
import { restartPosition } from '../restart.ts';

export const transferParameters: Handler = (command) => {
  const argument = command.argument ?? '';
  switch (command.verb) {
    case 'MODE':
      if (argument.toUpperCase() === 'S') return { do: 'reply', reply: reply(200, 'Mode is stream.') };
      return { do: 'reply', reply: reply(504, 'Only stream mode.') };
    case 'STRU':
      if (argument.toUpperCase() === 'F') return { do: 'reply', reply: reply(200, 'Structure is file.') };
      return { do: 'reply', reply: reply(504, 'Only file structure.') };
    case 'REST':
      return restart(argument);
    default: // TYPE
      return { do: 'forward', command };
  }
};

function restart(argument: string): Outcome {
  const position = restartPosition(argument);
  if (position === undefined) return { do: 'reply', reply: reply(501, 'Give a position in bytes.') };
  // Without zeros before it: what is counted here is what the backend reads.
  return { do: 'forward', command: { verb: 'REST', argument: position } };
}
