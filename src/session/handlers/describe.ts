/**
 * What the session and the backend can do: FEAT, OPTS, CLNT, HELP, STAT, NOOP.
 */
import type { Command } from '../../wire/command.ts';
import { type Feature, featureReply } from '../../wire/features.ts';
import { printable } from '../../wire/redact.ts';
import { reply } from '../../wire/reply.ts';
import { cccRefusal } from '../ccc-refusal.ts';
import { COMMANDS, OFFERED_VERBS } from '../command-table.ts';
import type { Handler, HandlerContext, Outcome } from '../outcome.ts';
import { featureInOwnWords } from '../root/own-words.ts';

/** Features of a backend that reach through the gateway unchanged; everything else is ours to offer or not to offer. */
const CARRIED_FEATURES = new Set(['UTF8', 'MLST', 'MLSD', 'SIZE', 'MDTM', 'MFMT', 'REST', 'TVFS', 'CLNT']);
/** Offered where data.active allows them. */
const ACTIVE_VERBS = new Set(['PORT', 'EPRT']);
const CONTROL_TEXTS = { secure: 'TLS', clear: 'clear', cleared: 'clear since CCC' } as const;
/** Features that are called otherwise than the verb without which they are nothing. */
const FEATURE_VERBS: Readonly<Record<string, string>> = { REST: 'RETR' };
/** Verbs on a line of the HELP reply. */
const VERBS_PER_LINE = 8;

export const describe: Handler = async (command, context) => {
  switch (command.verb) {
    case 'FEAT':
      return { do: 'reply', reply: featureReply(await features(context)) };
    case 'OPTS':
      return options(command, context);
    case 'CLNT':
      if (context.phase.name === 'ready') return { do: 'forward', command };
      return { do: 'remember', reply: reply(200, 'Noted.'), command };
    case 'HELP':
      return help(command, context);
    case 'STAT':
      return command.argument === undefined ? status(context) : { do: 'forward', command };
    default: // NOOP; the backend hears it too, so that its idle timer does not run out before ours
      if (context.phase.name === 'ready') return { do: 'forward', command };
      return { do: 'reply', reply: reply(200, 'OK.') };
  }
};

/** Before login a fixed set that every backend can keep; after it ours and what of the backend's reaches through. */
async function features(context: HandlerContext): Promise<readonly Feature[]> {
  const { phase, certified, activeMode } = context;
  const security: readonly Feature[] = certified
    ? [feature('AUTH', 'TLS'), feature('AUTH', 'SSL'), feature('PBSZ'), feature('PROT')]
    : [];
  const active = activeMode === 'allow' ? [feature('EPRT')] : [];
  const clear = cccRefusal(context) === undefined ? [feature('CCC')] : [];
  const ours = [...security, ...clear, feature('EPSV'), feature('PASV'), ...active];
  // After login HOST comes too late (RFC 7151 §3.2).
  if (phase.name !== 'ready') return [...ours, feature('HOST')];
  const backend = await phase.link.features();
  const carried = backend.filter(
    ({ name }) => CARRIED_FEATURES.has(name) && context.offers(FEATURE_VERBS[name] ?? name),
  );
  const shown = context.root === undefined ? carried : carried.map(featureInOwnWords);
  return [...ours.filter(({ name }) => context.offers(name)), ...shown];
}

function feature(name: string, parameters?: string): Feature {
  return { name, parameters };
}

/** OPTS UTF8 and OPTS MLST are the backend's; lftp says OPTS UTF8 before login, and the backend hears it after. */
function options(command: Command, { phase }: HandlerContext): Outcome {
  const name = command.argument?.split(' ', 1)[0]?.toUpperCase();
  if (name !== 'UTF8' && name !== 'MLST') return { do: 'reply', reply: reply(501, 'No such option.') };
  if (phase.name === 'ready') return { do: 'forward', command };
  if (name === 'UTF8') return { do: 'remember', reply: reply(200, 'Noted.'), command };
  return { do: 'reply', reply: reply(530, 'Log in with USER and PASS first.') };
}

function help({ argument }: Command, context: HandlerContext): Outcome {
  const isOffered = (verb: string) => {
    if (verb === 'CCC') return cccRefusal(context) === undefined;
    return context.offers(verb) && (context.activeMode === 'allow' || !ACTIVE_VERBS.has(verb));
  };
  const offered = OFFERED_VERBS.filter(isOffered);
  if (argument !== undefined && argument !== '') {
    const spec = COMMANDS.get(argument.toUpperCase());
    if (spec === undefined || !offered.includes(spec.verb)) {
      return { do: 'reply', reply: reply(502, 'No such command.') };
    }
    return { do: 'reply', reply: reply(214, `Syntax: ${spec.syntax}`) };
  }
  const lines: string[] = [];
  for (let at = 0; at < offered.length; at += VERBS_PER_LINE) {
    lines.push(` ${offered.slice(at, at + VERBS_PER_LINE).join(' ')}`);
  }
  return { do: 'reply', reply: reply(214, 'The following commands are recognised:', ...lines, 'End of help.') };
}

function status({ phase, control, protection }: HandlerContext): Outcome {
  const user = phase.name === 'ready' ? printable(phase.user) : '';
  return {
    do: 'reply',
    reply: reply(
      211,
      'FTPS gateway status:',
      ` Logged in as ${user}`,
      ` Control connection: ${CONTROL_TEXTS[control]}`,
      ` Data connections: ${protection === 'private' ? 'TLS' : 'clear'}`,
      'End of status.',
    ),
  };
}
