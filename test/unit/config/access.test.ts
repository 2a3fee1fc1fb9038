/** Access rules as a person writes them: what they mean, and what `check` says of them. */
import { describe, expect, it } from 'vitest';
import { checkRules } from '../../../src/config/check.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { ConfigError } from '../../../src/config/problem.ts';

function yaml(access: unknown, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    listeners: [{ name: 'public', port: 21, policy: { requireTls: 'off', requireProtP: 'off' } }],
    backends: [{ name: 'legacy', host: '10.0.5.20' }],
    access,
    ...more,
  });
}

/** What is wrong, as `path: message`. */
function errors(access: unknown, more?: Readonly<Record<string, unknown>>): string[] {
  try {
    parseConfig(yaml(access, more), { env: {} });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

function warnings(access: unknown, more?: Readonly<Record<string, unknown>>): string[] {
  return checkRules(parseConfig(yaml(access, more), { env: {} }))
    .warnings.filter(({ path }) => /^(?:access|routes)/.test(path))
    .map(({ path, message }) => `${path}: ${message}`);
}

const rules = (...all: Readonly<Record<string, unknown>>[]) => ({
  rules: all.map((each, index) => ({ name: `rule${index}`, ...each })),
});

describe('a rule', () => {
  it('has one text or a list, words in any case, and times', () => {
    const time = { days: ['mon', 'sun'], from: '22:00', to: '06:30', zone: 'Europe/Berlin' };
    const match = { commands: ['Write', 'xmkd', 'site chmod', 'CDUP'], paths: '/in/**', group: 'partners', time };
    const { access } = parseConfig(yaml(rules({ match })), { env: {} });
    expect(access.default).toBe('allow');
    expect(access.rules).toMatchObject([
      {
        name: 'rule0',
        effect: 'deny',
        reply: null,
        match: {
          commands: ['write', 'MKD', 'SITE CHMOD', 'CWD'],
          paths: ['/in/**'],
          group: ['partners'],
          user: null,
          time: { days: ['mon', 'sun'], from: 1320, to: 390, zone: 'Europe/Berlin' },
        },
      },
    ]);
  });

  it.each([
    [{ commands: 'reed' }, 'found "REED", which is no command that a rule can name; did you mean read?'],
    [{ commands: 'QUIT' }, 'found "QUIT", which is no command that a rule can name'],
    [{ commands: [] }, 'commands: '],
    [{ paths: [] }, 'paths: '],
    [{ paths: 'in/**' }, 'found "in/**", expected an absolute path, as in /in/**'],
    [{ paths: '/in/../x' }, 'found "/in/../x", which no path can be; did you mean /x?'],
    [{ paths: '/in//x' }, 'did you mean /in/x?'],
    [{ paths: '/in/' }, 'did you mean /in?'],
    [{ paths: '/in/x**' }, 'expected ** to stand alone between slashes'],
    [{ listener: 'publik' }, 'which is no listener; did you mean public?'],
    [{ backend: 'other' }, 'which is no backend; expected one of legacy'],
    [{ time: { from: '08:00', to: '08:00' } }, 'this time is empty: it ends when it begins'],
    [{ time: { from: '8:00' } }, 'time.from: '],
    [{ time: { zone: 'Mars/Olympus' } }, 'time.zone: '],
    [{ time: { days: ['monday'] } }, 'time.days: '],
    [{ network: '10.0.0.0/8' }, 'network'],
  ])('that asks for %j is wrong: %s', (match, message) => {
    expect(errors(rules({ match })).join('\n')).toContain(message);
  });

  it('has a name of its own, and words only where it denies', () => {
    expect(errors({ rules: [{ name: 'a' }, { name: 'a' }] })).toEqual([
      expect.stringContaining('expected a name that access.rules[0] does not have already'),
    ]);
    expect(errors({ rules: [{ name: 'readOnly' }] })).toEqual([
      expect.stringContaining('the name of a rule of the gateway'),
    ]);
    expect(errors(rules({ effect: 'allow', reply: 'No.' }))).toEqual([expect.stringContaining('this means nothing')]);
  });

  it.each([
    ['everything before', {}, { paths: '/x' }],
    ['the class of a verb before', { commands: 'write' }, { commands: ['STOR', 'APPE'] }],
    ['all of SITE before', { commands: 'site' }, { commands: 'SITE CHMOD' }],
    ['a wider path before', { paths: '/in/**' }, { paths: ['/in/a/*.txt', '/in'] }],
    ['wider users before', { user: 'plant*' }, { user: ['plant1', 'plant2-*'] }],
    ['the same time before', { time: { from: '08:00' } }, { time: { from: '08:00' }, commands: 'read' }],
  ])('never matches behind %s', (_what, first, second) => {
    expect(warnings(rules({ match: first }, { match: second }))).toEqual([
      expect.stringContaining('access.rules[1]: this rule never matches: access.rules[0] (rule0)'),
    ]);
  });

  it.each([
    ['a verb of two classes', { commands: 'list' }, { commands: 'MDTM' }],
    ['a word of SITE that must be named', { effect: 'allow' }, { commands: 'SITE EXEC' }],
    ['a verb without files', {}, { commands: 'PORT' }],
    ['another time', { time: { to: '08:00' } }, {}],
    ['a narrower path', { paths: '/in/*' }, { paths: '/in/**' }],
    ['another backend', { backend: 'legacy' }, {}],
  ])('matches behind %s', (_what, first, second) => {
    const { effect, ...match } = first as { effect?: string };
    expect(warnings(rules({ match, ...(effect && { effect }) }, { match: second }))).toEqual([]);
  });

  it('nobody can be meant by groups without decisionHook; and a default of deny wants something allowed', () => {
    expect(warnings(rules({ match: { group: 'partners' } }))).toEqual([expect.stringContaining('nobody has a group')]);
    expect(warnings({ default: 'deny', rules: [] })).toEqual([expect.stringContaining('nothing is allowed')]);
  });
});

it('a route is readOnly or uploadOnly, not both', () => {
  const routes = [{ backends: ['legacy'], readOnly: true, uploadOnly: true }];
  expect(errors({}, { routes })).toEqual([expect.stringContaining('routes[0].uploadOnly: found both')]);
});

describe('a rule that asks for the path of a command without one', () => {
  it.each([
    [['PASV'], 'this rule never matches: PASV has no path'],
    [
      ['PASV', 'REST', 'SITE UMASK', 'site quota'],
      'this rule never matches: PASV, REST, SITE UMASK, SITE QUOTA have no path',
    ],
    [['PASV', 'read'], 'this rule does not match all of its commands: PASV has no path'],
  ])('%j: told', (commands, told) => {
    const match = { commands, paths: '/in/**' };
    expect(warnings(rules({ match }))).toEqual([`access.rules[0].match.commands: ${told} that could be compared`]);
  });

  it.each([['read'], ['SITE CHMOD'], ['CWD']])('%j: not told', (commands) => {
    expect(warnings(rules({ match: { commands, paths: '/in/**' } }))).toEqual([]);
  });
});

describe('a rule whose paths are those of the backend, where every client has a root', () => {
  const routes = (...roots: (string | null)[]) => ({
    routes: roots.map((root, index) => ({ match: { user: `u${index}` }, backends: ['legacy'], root })),
  });

  it.each([
    ['/partners/acme/in/**', '/in/**'],
    ['/partners/acme', '/'],
  ])('%s: told, with the path that was meant', (paths, meant) => {
    expect(warnings(rules({ match: { paths } }), routes('/partners/other', '/partners/acme'))).toEqual([
      `access.rules[0].match.paths: found "${paths}": paths are as the client sees them, and every client has a root, so that this is /partners/acme${paths} at the backend; did you mean ${meant}?`,
    ]);
  });

  it.each([
    ['/in/**', ['/partners/acme']],
    ['/**/acme/**', ['/partners/acme']],
    ['/partners/acme/in/**', ['/partners/acme', null]],
    ['/partners/acme/in/**', []],
  ])('%s with roots %j: not told', (paths, roots) => {
    expect(warnings(rules({ match: { paths } }), routes(...roots))).toEqual([]);
  });
});

describe('a route for users by name, with a root or a view', () => {
  const first = { match: { user: ['alice', 'partner-*'] }, backends: ['legacy'] };
  const told =
    'routes[0].match.user: names are compared with case: at a backend that does not count it, who says ALICE for alice comes by routes[1], which has neither root nor view';

  it.each([
    { root: '/in' },
    { readOnly: true },
    { uploadOnly: true },
  ])('%j: told where an open route follows', (confined) => {
    const routes = [{ ...first, ...confined }, { backends: ['legacy'] }];
    expect(warnings(undefined, { routes })).toEqual([told]);
  });

  it.each([
    ['nothing confines it', [first, { backends: ['legacy'] }]],
    ['nothing follows', [{ ...first, readOnly: true }]],
    [
      'what follows is confined as well',
      [
        { ...first, readOnly: true },
        { backends: ['legacy'], root: '/x' },
      ],
    ],
    [
      'what follows is for others',
      [
        { ...first, readOnly: true },
        { match: { user: 'bob' }, backends: ['legacy'] },
      ],
    ],
    [
      'names have no letters',
      [{ match: { user: '4711' }, backends: ['legacy'], readOnly: true }, { backends: ['legacy'] }],
    ],
  ])('not told where %s', (_what, routes) => {
    expect(warnings(undefined, { routes })).toEqual([]);
  });
});
