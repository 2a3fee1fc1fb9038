/**
 * FEAT replies (RFC 2389 §3): read from backends that bend the grammar, written as it demands. Does not know what any
 * feature means.
 */
import { isPositive, type Reply, reply } from './reply.ts';

/** One line of a FEAT reply, as in `REST STREAM`. */
export interface Feature {
  /** Upper case. */
  readonly name: string;
  readonly parameters: string | undefined;
}

/** What stands before a name: blanks, tabs, and a code that some backends put before every line. */
const BEFORE_NAME = /^[ \t]*(?:\d{3}[- ][ \t]*)?/;
/** Without the blanks behind the parameters; a byte such as 0xA0 is no blank. */
const NAME_AND_PARAMETERS = /^([!-~]+)(?:[ \t]+(?=[^ \t])(.*[^ \t]))?[ \t]*$/s;

/**
 * The features between the first and the last line. Tolerates a missing leading SP, tabs, blank lines and lines that
 * begin with `211-`. Empty for a failure, and for a single line such as `211 No features`.
 */
export function parseFeatures(r: Reply): readonly Feature[] {
  return isPositive(r) ? r.lines.slice(1, -1).flatMap(parseFeature) : [];
}

function parseFeature(line: string): Feature[] {
  const [, name, parameters] = NAME_AND_PARAMETERS.exec(line.replace(BEFORE_NAME, '')) ?? [];
  return name === undefined ? [] : [{ name: name.toUpperCase(), parameters }];
}

/** The 211 reply for these features, each behind exactly one SP ("not optional", RFC 2389 §3.2). */
export function featureReply(features: readonly Feature[]): Reply {
  if (features.length === 0) return reply(211, 'No features.');
  const lines = features.map(({ name, parameters }) => (parameters ? ` ${name} ${parameters}` : ` ${name}`));
  return reply(211, 'Features:', ...lines, 'End');
}
