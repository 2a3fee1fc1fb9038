/** Rules, commands and subjects for tests of the verdict. */
import { type AccessRequest, SessionRules } from '../../../src/access/rules.ts';
import type { View } from '../../../src/access/views.ts';
import type { AccessMatch, AccessRuleConfig } from '../../../src/config/access.ts';
import { resolve } from '../../../src/session/file-paths.ts';
import { parseCommand } from '../../../src/wire/command.ts';
import { fileCommand } from '../../../src/wire/file-commands.ts';
import { type PathStyle, POSIX_PATHS } from '../../../src/wire/path.ts';
import { placeOfPath } from '../../../src/wire/place.ts';

/** A match that asks for nothing. */
export const ANYTHING: AccessMatch = {
  listener: null,
  servername: null,
  host: null,
  user: null,
  clients: null,
  clientCertificate: { subject: null, subjectAltName: null, fingerprint: null },
  backend: null,
  group: null,
  time: { days: null, from: 0, to: 1440, zone: 'UTC' },
  commands: null,
  paths: null,
};

/** A rule; `deny` unless told otherwise. */
export function rule(
  name: string,
  match: Partial<AccessMatch>,
  rest: Partial<Omit<AccessRuleConfig, 'name' | 'match'>> = {},
): AccessRuleConfig {
  return { name, match: { ...ANYTHING, ...match }, effect: 'deny', reply: null, ...rest };
}

/** Rules of one session. */
export function rulesOf(
  rules: readonly AccessRuleConfig[],
  otherwise: 'allow' | 'deny' = 'allow',
  style: PathStyle = POSIX_PATHS,
  view?: View,
): SessionRules {
  return new SessionRules(rules, otherwise, style, view);
}

/** What a line in a folder asks of the rules. `from`: the path of RNFR. */
export function request(
  line: string,
  { folder = '/', from, now = new Date(0) }: { folder?: string; from?: string; now?: Date } = {},
): AccessRequest {
  const parsed = parseCommand(line);
  const command = parsed.kind === 'command' ? fileCommand(parsed.command) : undefined;
  if (command === undefined) throw new Error(`touches no file: ${line}`);
  const { subject } = resolve(command, folder, POSIX_PATHS);
  if (command.name !== 'RNTO' || subject.kind !== 'place') return { command, subject, now };
  const source = from === undefined ? undefined : placeOfPath(from, POSIX_PATHS);
  return { command, subject: { kind: 'renamed', place: subject.place, from: source }, now };
}

/** Effect and rule, as `deny by no-deletes`. */
export function verdictOf(rules: SessionRules, line: string, options?: Parameters<typeof request>[1]): string {
  const { effect, rule: by } = rules.judge(request(line, options));
  return `${effect} by ${by}`;
}
