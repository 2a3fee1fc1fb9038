/**
 * The part of the configuration about what clients may do with files: types, schema, defaults, and the rules about rules. Pure. Judges
 * no command itself: see `src/access/`.
 */

import { bytesOf } from '../wire/bytes-of.ts';
import { canonicalPath, type PathStyle, POSIX_PATHS } from '../wire/path.ts';
import {
  COMMAND_WORDS,
  clockTime,
  commandsOrNull,
  type Day,
  daysOrNull,
  isCommandWord,
  pathPatternsOrNull,
  zone,
} from './access-fields.ts';
import * as field from './fields.ts';
import { MATCH } from './match-fields.ts';
import type { ConfigProblem } from './problem.ts';
import type { RouteMatch } from './route-match.ts';
import * as text from './text-fields.ts';

/** When a rule holds. */
export interface TimeMatch {
  /** On which a window begins; null is every day. */
  readonly days: readonly Day[] | null;
  /** Minutes since midnight. A window that ends before it begins goes on after midnight. */
  readonly from: number;
  readonly to: number;
  /** IANA. */
  readonly zone: string;
}

/** What a rule is for: everything that is not null must hold; of a list, one. */
export interface AccessMatch extends RouteMatch {
  readonly backend: readonly string[] | null;
  readonly group: readonly string[] | null;
  readonly time: TimeMatch;
  /** Classes in small letters, verbs in capitals. */
  readonly commands: readonly string[] | null;
  /** As the client sees them. */
  readonly paths: readonly string[] | null;
}

/** `report`: let through, logged and counted. */
export type AccessEffect = 'allow' | 'deny' | 'report';

export interface AccessRuleConfig {
  readonly name: string;
  readonly match: AccessMatch;
  readonly effect: AccessEffect;
  /** What the client is told where the rule denies. */
  readonly reply: string | null;
}

export interface AccessConfig {
  /** Where no rule matches. */
  readonly default: 'allow' | 'deny';
  readonly rules: readonly AccessRuleConfig[];
}

/** Labels of denials that no rule of the configuration may have. */
export const OWN_RULES = ['requireTls', 'requireProtP', 'readOnly', 'uploadOnly', 'default', 'site', 'root'] as const;

const RULE = field.item('One rule.', {
  name: field.label({ meaning: 'Label in logs and metrics; unique.', example: 'no-deletes' }),
  match: field.section(
    'What it is for: everything that is given must hold; of a list, one. Empty: every command on files.',
    {
      ...MATCH,
      backend: text.namesOrNull({ meaning: 'Names of backends.', default: null }),
      group: text.namesOrNull({
        meaning: 'Groups of the user, as the answer of `decisionHook` has them.',
        default: null,
      }),
      time: field.section('When it holds.', {
        days: daysOrNull({ meaning: 'Days of the week on which it begins; null is every day.', default: null }),
        from: clockTime({ meaning: 'From this time of day on.', default: '00:00' }),
        to: clockTime({
          meaning: 'Until this time of day; where it is before `from`, on the next day.',
          default: '24:00',
        }),
        zone: zone({ meaning: 'Time zone of `days`, `from` and `to`.', default: 'UTC' }),
      }),
      commands: commandsOrNull({
        meaning:
          'Classes (`read`, `list`, `write`, `delete`, `rename`, `directories`, `attributes`, `site`), verbs such as `STOR`, or `SITE` with its word. Null is every command on files.',
        default: null,
      }),
      paths: pathPatternsOrNull({
        meaning:
          'Absolute paths as the client sees them; `*` and `?` stand for characters within a name, `**` for any number of names: `/in/**` is the folder and everything in it.',
        default: null,
      }),
    },
  ),
  effect: field.choice(['allow', 'deny', 'report'], {
    meaning: 'What becomes of the command; `report` lets it through, logs and counts it.',
    default: 'deny',
  }),
  reply: text.argumentOrNull({
    meaning: 'Text that the client is told where the rule denies; null is that of the gateway.',
    default: null,
  }),
});

/** The section as a person writes it. */
export const ACCESS = field.section('What clients may do with files once they are logged in.', {
  default: field.choice(['allow', 'deny'], {
    meaning: 'What becomes of a command on files that no rule matches.',
    default: 'allow',
  }),
  rules: field.list('Rules. The first that matches counts.', RULE, {
    examples: [
      { name: 'no-deletes', match: { user: 'plant1-*', commands: ['delete', 'rename'] } },
      {
        name: 'archive',
        match: { commands: ['write', 'directories'], paths: '/archive/**' },
        reply: 'The archive is closed.',
      },
    ],
    commented: true,
  }),
});

/** The parts of a configuration that access rules are about. */
export interface AccessedConfig {
  readonly access: AccessConfig;
  readonly listeners: readonly { readonly name: string }[];
  readonly backends: readonly { readonly name: string; readonly paths: Pick<PathStyle, 'style'> }[];
  readonly routes: readonly {
    readonly readOnly: boolean;
    readonly uploadOnly: boolean;
    readonly root: string | null;
  }[];
  readonly decisionHook: { readonly url: string | null };
}

type Nearest = (given: string, names: readonly string[]) => string | undefined;

/** Names that nobody has, words that mean nothing, and what excludes itself. */
export function accessErrors(config: AccessedConfig, nearest: Nearest): ConfigProblem[] {
  const { access, listeners, backends, routes } = config;
  const unknown = (path: string, what: string, given: string, names: readonly string[]) => {
    if (names.includes(given)) return [];
    const meant = nearest(given, names);
    const hint = meant === undefined ? `expected one of ${names.join(', ')}` : `did you mean ${meant}?`;
    return [{ path, message: `found ${JSON.stringify(given)}, which is no ${what}; ${hint}` }];
  };
  const names = (items: readonly { readonly name: string }[]) => items.map(({ name }) => name);
  return [
    ...access.rules.flatMap(({ name, match, effect, reply }, index) => {
      const path = `access.rules[${index}]`;
      return [
        ...repeatedName(access.rules, name, index),
        ...(match.listener ?? []).flatMap((one) =>
          unknown(`${path}.match.listener`, 'listener', one, names(listeners)),
        ),
        ...(match.backend ?? []).flatMap((one) => unknown(`${path}.match.backend`, 'backend', one, names(backends))),
        ...(match.commands ?? []).flatMap((word) =>
          isCommandWord(word)
            ? []
            : unknown(`${path}.match.commands`, 'command that a rule can name', word, COMMAND_WORDS),
        ),
        ...(match.paths ?? []).flatMap((pattern) => unusablePattern(`${path}.match.paths`, pattern)),
        ...emptyTime(`${path}.match.time`, match.time),
        ...(effect !== 'deny' && reply !== null
          ? [
              {
                path: `${path}.reply`,
                message: `this means nothing: the effect of this rule is ${effect}`,
                related: [`${path}.effect`],
              },
            ]
          : []),
      ];
    }),
    ...routes.flatMap(({ readOnly, uploadOnly }, index) =>
      readOnly && uploadOnly
        ? [
            {
              path: `routes[${index}].uploadOnly`,
              message: `found both this and routes[${index}].readOnly, expected one of them: nothing would be left`,
              related: [`routes[${index}].readOnly`],
            },
          ]
        : [],
    ),
  ];
}

function repeatedName(rules: readonly AccessRuleConfig[], name: string, index: number): ConfigProblem[] {
  const path = `access.rules[${index}].name`;
  if ((OWN_RULES as readonly string[]).includes(name)) {
    return [
      {
        path,
        message: `found ${JSON.stringify(name)}, which is the name of a rule of the gateway; expected another one`,
      },
    ];
  }
  const first = rules.findIndex((other) => other.name === name);
  if (first === index) return [];
  const message = `found ${JSON.stringify(name)}, expected a name that access.rules[${first}] does not have already`;
  return [{ path, message, related: [`access.rules[${first}].name`] }];
}

function unusablePattern(path: string, pattern: string): ConfigProblem[] {
  const found = JSON.stringify(pattern);
  if (!pattern.startsWith('/')) return [{ path, message: `found ${found}, expected an absolute path, as in /in/**` }];
  // Patterns have characters that no profile likes; only the steps are of interest.
  const canonical = canonicalPath(undefined, bytesOf(pattern), { ...POSIX_PATHS, backslash: 'character' });
  if (canonical.path === bytesOf(pattern)) {
    const mixed = pattern.split('/').some((step) => step.includes('**') && step !== '**');
    if (!mixed) return [];
    return [{ path, message: `found ${found}, expected ** to stand alone between slashes` }];
  }
  const meant =
    canonical.path === undefined ? canonical.problem : Buffer.from(canonical.path, 'latin1').toString('utf8');
  return [{ path, message: `found ${found}, which no path can be; did you mean ${meant}?` }];
}

function emptyTime(path: string, { from, to }: TimeMatch): ConfigProblem[] {
  if (from !== to) return [];
  return [{ path: `${path}.to`, message: 'this time is empty: it ends when it begins', related: [`${path}.from`] }];
}
