/**
 * Which handler decides about a verb: by its family in the command table.
 */
import { reply } from '../../wire/reply.ts';
import type { Family } from '../command-table.ts';
import type { Handler } from '../outcome.ts';
import { beginTransfer } from './begin-transfer.ts';
import { describe } from './describe.ts';
import { logIn } from './log-in.ts';
import { prepareData } from './prepare-data.ts';
import { secureChannel } from './secure-channel.ts';
import { transferParameters } from './transfer-parameters.ts';

/** ABOR in its turn: the transfer that it meant, if any, has ended (RFC 959 §4.1.3); an unused data port is closed. QUIT. */
const interrupt: Handler = (command) =>
  command.verb === 'QUIT'
    ? { do: 'close', reply: reply(221, 'Goodbye.'), reason: 'client-quit' }
    : { do: 'cancel', reply: reply(226, 'Nothing left to abort.') };

export const HANDLERS: Readonly<Record<Family, Handler>> = {
  security: secureChannel,
  login: logIn,
  describe,
  parameters: transferParameters,
  'data-setup': prepareData,
  transfer: beginTransfer,
  forward: (command) => ({ do: 'forward', command }),
  interrupt,
  http: () => ({ do: 'close', reply: reply(500, 'This is not an HTTP server.'), reason: 'http-command' }),
  refused: () => ({ do: 'reply', reply: reply(502, 'Not available here.') }),
};
