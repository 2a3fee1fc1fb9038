/** The verdict of access rules: order, classes, places, sets of places, renames, times. */
import { describe, expect, it } from 'vitest';
import { AccessTable } from '../../../src/access/rules.ts';
import { viewRules } from '../../../src/access/views.ts';
import { POSIX_PATHS } from '../../../src/wire/path.ts';
import { type ANYTHING, rule, rulesOf, verdictOf } from './support.ts';

describe('the first rule that matches', () => {
  const rules = rulesOf([
    rule('exception', { paths: ['/deny/open/**'] }, { effect: 'allow' }),
    rule('watched', { commands: ['delete'], paths: ['/logs/**'] }, { effect: 'report' }),
    rule('closed', { paths: ['/deny/**'] }),
    rule('no-deletes', { commands: ['delete', 'RMD'] }),
  ]);

  it.each([
    ['RETR /deny/x', 'deny by closed'],
    ['RETR /deny', 'deny by closed'],
    ['RETR /denyx', 'allow by default'],
    ['RETR /deny/open/x', 'allow by exception'],
    ['RETR /deny/open', 'allow by exception'],
    ['DELE /x', 'deny by no-deletes'],
    ['DELE /logs/a', 'report by watched'],
    ['RMD /x', 'deny by no-deletes'],
    ['XRMD /x', 'deny by no-deletes'],
    ['MKD /x', 'allow by default'],
    ['CWD /deny', 'allow by exception'], // on the way to it
    ['CWD /deny/x', 'deny by closed'],
    ['CWD /x', 'allow by default'],
    ['LIST /', 'allow by default'],
    ['LIST -R /', 'deny by closed'],
    ['LIST -laR', 'deny by closed'],
    ['LIST d*', 'deny by closed'],
    ['LIST x*', 'allow by default'],
    ['LIST [d]eny', 'deny by closed'],
    ['NLST */x', 'deny by closed'],
    ['LIST {deny,x}', 'deny by exception'],
    ['SITE CPFR /', 'deny by closed'],
    ['SITE CHMOD 644 /deny/x', 'deny by closed'],
    ['SITE EXEC rm', 'deny by site'],
  ])('%s: %s', (line, expected) => {
    expect(verdictOf(rules, line)).toBe(expected);
  });
});

describe('where nothing is allowed by default', () => {
  const rules = rulesOf(
    [
      rule('in', { commands: ['write', 'directories'], paths: ['/partners/*/in/**'] }, { effect: 'allow' }),
      rule('out', { commands: ['read', 'list'], paths: ['/partners/acme/out/**'] }, { effect: 'allow' }),
      rule('quota', { commands: ['SITE QUOTA'] }, { effect: 'allow' }),
    ],
    'deny',
  );

  it.each([
    ['CWD /', 'allow by in'],
    ['CWD /partners', 'allow by in'],
    ['CWD /partners/acme/out/deep', 'allow by out'],
    ['CWD /etc', 'deny by default'],
    ['LIST /partners', 'deny by default'],
    ['STOR /partners/x/in/a', 'allow by in'],
    ['STOU', 'deny by default'],
    ['RETR /partners/x/in/a', 'deny by default'],
    ['RETR /partners/acme/out/a', 'allow by out'],
    ['SIZE /partners/acme/out/a', 'allow by out'],
    ['LIST /partners/acme/out/*.txt', 'allow by out'],
    ['LIST -R /partners/acme/out', 'allow by out'],
    ['LIST -R /partners/acme', 'deny by default'],
    ['SITE QUOTA', 'allow by quota'],
    ['SITE EXEC x', 'deny by site'],
    ['SITE UMASK 022', 'deny by default'],
  ])('%s: %s', (line, expected) => {
    expect(verdictOf(rules, line)).toBe(expected);
  });

  it('a name that the backend chooses must be allowed whatever it is', () => {
    expect(verdictOf(rules, 'STOU', { folder: '/partners/acme/in' })).toBe('allow by in');
    const noPrograms = rulesOf([rule('programs', { commands: ['write'], paths: ['/**/*.exe'] })]);
    expect(verdictOf(noPrograms, 'STOU', { folder: '/in' })).toBe('deny by programs');
  });
});

describe('words of SITE', () => {
  it('that nobody knows are denied unless a rule names them', () => {
    const everything = rulesOf([rule('all', {}, { effect: 'allow' })]);
    expect(verdictOf(everything, 'SITE SYMLINK a b')).toBe('deny by site');
    expect(verdictOf(everything, 'SITE CHMOD 644 a')).toBe('allow by all');
    expect(verdictOf(rulesOf([rule('no-site', { commands: ['site'] })]), 'SITE EXEC x')).toBe('deny by no-site');
  });
});

describe('verbs without files', () => {
  it('are denied by a rule that names them, and by no other', () => {
    const port = { name: 'PORT', classes: [], target: { kind: 'nothing' }, known: true } as const;
    const judge = (rules: ReturnType<typeof rulesOf>) =>
      rules.judge({ command: port, subject: { kind: 'nothing' }, now: new Date(0) }).effect;
    expect(judge(rulesOf([rule('no-active', { commands: ['PORT', 'EPRT'] })]))).toBe('deny');
    expect(judge(rulesOf([rule('nothing', {})], 'deny'))).toBe('allow');
  });
});

describe('a rename', () => {
  const rules = rulesOf([
    rule('mine', { commands: ['rename'], paths: ['/vault/free/**'] }, { effect: 'allow' }),
    rule('unread', { commands: ['read'], paths: ['/a/secret/**', '/vault/**'] }),
    rule('programs', { commands: ['write', 'rename'], paths: ['/**/*.exe'] }),
  ]);

  it.each([
    ['/a/secret/x', '/b/x', 'deny by unread'],
    ['/a/secret', '/b', 'deny by unread'],
    ['/a', '/b', 'deny by unread'],
    ['/a/secret/x', '/a/secret/y', 'allow by default'],
    ['/a/other', '/b', 'allow by default'],
    ['/b/x', '/a/secret/x', 'allow by default'],
    ['/vault/free/x', '/b/x', 'allow by default'],
    ['/vault/x', '/b/x', 'deny by unread'],
    ['/in/x.part', '/in/x.txt', 'allow by default'],
    ['/in/x.part', '/in/x.exe', 'deny by programs'],
  ])('of %s to %s: %s', (from, to, expected) => {
    expect(verdictOf(rules, `RNTO ${to}`, { from })).toBe(expected);
  });
});

describe('a path that is not clear', () => {
  it('is denied by the first rule that asks for paths, and let through where none does', () => {
    const rules = rulesOf([
      rule('readers', { commands: ['read'] }, { effect: 'allow' }),
      rule('closed', { paths: ['/deny/**'] }),
    ]);
    expect(verdictOf(rules, 'RETR \\deny')).toBe('allow by readers');
    expect(verdictOf(rules, 'STOR \\deny')).toBe('deny by closed');
    expect(verdictOf(rulesOf([rule('no-deletes', { commands: ['delete'] })]), 'STOR \\x')).toBe('allow by default');
    expect(verdictOf(rulesOf([rule('open', { paths: ['/**'] }, { effect: 'allow' })]), 'STOR \\x')).toBe(
      'deny by open',
    );
  });
});

describe('a time', () => {
  const at = (text: string) => ({ now: new Date(text) });
  const office = rulesOf([
    rule('night', { time: { days: ['fri'], from: 22 * 60, to: 6 * 60, zone: 'Europe/Berlin' } }),
  ]);

  it.each([
    ['2026-01-02T20:59:00Z', 'allow'], // Friday, 21:59 in Berlin
    ['2026-01-02T21:00:00Z', 'deny'],
    ['2026-01-03T04:59:00Z', 'deny'], // Saturday, 05:59
    ['2026-01-03T05:00:00Z', 'allow'],
    ['2026-01-03T21:30:00Z', 'allow'],
    ['2026-07-03T19:59:00Z', 'allow'], // summer time
    ['2026-07-03T20:00:00Z', 'deny'],
    ['2026-01-02T02:00:00Z', 'allow'], // Friday, behind the midnight of a Thursday
  ])('%s: %s', (time, expected) => {
    expect(verdictOf(office, 'RETR x', at(time))).toMatch(new RegExp(`^${expected}`));
  });

  it('of a day ends before its end', () => {
    const day = rulesOf([rule('day', { time: { days: null, from: 8 * 60, to: 17 * 60, zone: 'UTC' } })]);
    const effects = ['07:59', '08:00', '16:59', '17:00'].map(
      (time) => verdictOf(day, 'RETR x', at(`2026-01-02T${time}:00Z`)).split(' ')[0],
    );
    expect(effects).toEqual(['allow', 'deny', 'deny', 'allow']);
  });
});

describe('the rules of a session', () => {
  const facts = {
    listener: 'public',
    servername: undefined,
    host: undefined,
    user: 'ann',
    address: '10.0.0.7',
    clientCertificate: undefined,
    backend: 'legacy',
    groups: ['partners'],
  };
  const table = (match: Partial<typeof ANYTHING>) =>
    new AccessTable({ default: 'allow', rules: [rule('one', match)] }).forSession(facts, undefined, POSIX_PATHS);

  it.each([
    [{ user: ['bob'] }, false],
    [{ user: ['a*'] }, true],
    [{ group: ['staff', 'partners'] }, true],
    [{ group: ['staff'] }, false],
    [{ backend: ['legacy'] }, true],
    [{ backend: ['other'] }, false],
    [{ clients: ['10.0.0.0/8'] }, true],
    [{ clients: ['192.168.0.0/16'] }, false],
    [{ listener: ['public'], user: ['bob'] }, false],
    [{ clientCertificate: { subject: ['*'], subjectAltName: null, fingerprint: null } }, false],
  ])('%j: %s', (match, holds) => {
    expect(table(match) !== undefined).toBe(holds);
  });

  it('are none where nothing is forbidden', () => {
    expect(new AccessTable({ default: 'allow', rules: [] }).forSession(facts, undefined, POSIX_PATHS)).toBeUndefined();
    expect(new AccessTable({ default: 'deny', rules: [] }).forSession(facts, undefined, POSIX_PATHS)).toBeDefined();
    expect(new AccessTable({ default: 'allow', rules: [] }).forSession(facts, 'readOnly', POSIX_PATHS)).toBeDefined();
  });
});

const EVERY_LINE = [
  ...['RETR x', 'SIZE x', 'MDTM x', 'LIST', 'NLST', 'STAT x', 'MLST', 'MLSD', 'CWD x', 'CDUP'],
  ...['STOR x', 'STOU', 'MKD x', 'XMKD x'],
  ...['APPE x', 'DELE x', 'RMD x', 'XRMD x', 'RNFR x', 'MFMT 20260101000000 x', 'MDTM 20260101000000 x'],
  ...[
    'SITE CHMOD 644 x',
    'SITE UTIME 202601010000 x',
    'SITE CPFR x',
    'SITE CPTO x',
    'SITE MKDIR x',
    'SITE UMASK 022',
    'SITE EXEC x',
  ],
];

describe('T136: a view', () => {
  it.each([
    ['readOnly', 10],
    ['uploadOnly', undefined],
  ] as const)('%s lets through what it says', (view, last) => {
    const rules = rulesOf(viewRules(view), 'allow', POSIX_PATHS, view);
    const allowed = EVERY_LINE.filter((line) => verdictOf(rules, line).startsWith('allow'));
    const expected =
      last === undefined ? ['CWD x', 'CDUP', 'STOR x', 'STOU', 'MKD x', 'XMKD x'] : EVERY_LINE.slice(0, last);
    expect(allowed).toEqual(expected);
  });
});
