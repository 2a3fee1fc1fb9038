/** Access rules against a slow and obvious reference, which knows all the files of a small world and looks at each. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { AccessRuleConfig } from '../../../src/config/access.ts';
import { request, rule, rulesOf } from './support.ts';

const NAMES = ['a', 'b', 'ab'];
const FOLDERS = ['', ...NAMES.map((name) => `/${name}`)];
/** All paths of up to three names; that of the root is empty. */
const WORLD = FOLDERS.flatMap((one) => FOLDERS.flatMap((two) => FOLDERS.map((three) => one + two + three)));
const PATHS = [...new Set(WORLD)];

function expression(pattern: string): RegExp {
  const steps = pattern.split('/').filter((step) => step !== '');
  const parts = steps.map((step) =>
    step === '**' ? '(?:/[^/]+)*' : `/${step.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}`,
  );
  return new RegExp(`^${parts.join('')}$`);
}

function covers({ match }: AccessRuleConfig, path: string): boolean {
  return match.paths === null || match.paths.some((pattern) => expression(pattern).test(path));
}

function means({ match }: AccessRuleConfig, kind: string): boolean {
  return match.commands === null || match.commands.includes(kind);
}

/** May one path be touched? Rule after rule. */
function simple(rules: readonly AccessRuleConfig[], kind: string, path: string): AccessRuleConfig['effect'] {
  return rules.find((each) => means(each, kind) && covers(each, path))?.effect ?? 'allow';
}

const STEP = fc.constantFrom('a', 'b', 'ab', '*', '?', 'a*', '**');
const PATTERN = fc.array(STEP, { maxLength: 3 }).map((steps) => `/${steps.join('/')}`);
const RULES = fc
  .array(
    fc.record({
      effect: fc.constantFrom('allow' as const, 'deny' as const, 'report' as const),
      commands: fc.option(fc.subarray(['read', 'list', 'rename'], { minLength: 1 }), { nil: null }),
      paths: fc.option(fc.array(PATTERN, { minLength: 1, maxLength: 2 }), { nil: null }),
    }),
    { maxLength: 4 },
  )
  .map((drawn) => drawn.map(({ effect, ...match }, index) => rule(`rule${index}`, match, { effect })));
const PATH = fc.constantFrom(...PATHS);

it('one file: the verdict is that of the reference', () => {
  fc.assert(
    fc.property(RULES, PATH, (rules, path) => {
      const { effect } = rulesOf(rules).judge(request(`RETR ${path || '/'}`));
      expect(effect).toBe(simple(rules, 'read', path));
    }),
    { numRuns: 3000 },
  );
});

it('a tree, and a pattern: what is let through has no file in it that the reference denies', () => {
  const wildcard = fc.array(fc.constantFrom('a', 'b', '*', '?', 'a*', '[ab]'), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(RULES, PATH, wildcard, (rules, path, steps) => {
      const compiled = rulesOf(rules);
      if (compiled.judge(request(`LIST -R ${path || '/'}`)).effect !== 'deny') {
        const below = PATHS.filter((each) => each === path || each.startsWith(`${path}/`));
        expect(below.filter((each) => simple(rules, 'list', each) === 'deny')).toEqual([]);
      }
      if (compiled.judge(request(`LIST /${steps.join('/')}`)).effect !== 'deny') {
        const found = new RegExp(
          `^${steps.map((step) => `/${step.replace('*', '[^/]*').replace('?', '[^/]')}`).join('')}$`,
        );
        const matched = PATHS.filter((each) => found.test(each));
        expect(matched.filter((each) => simple(rules, 'list', each) === 'deny')).toEqual([]);
      }
    }),
    { numRuns: 3000 },
  );
});

it('a rename: what is let through makes nothing readable that was not', () => {
  fc.assert(
    fc.property(RULES, PATH, PATH, (rules, from, to) => {
      fc.pre(from !== '' && to !== '');
      // A rule that lets rename is the word of the operator; and what is denied to nobody else cannot get lost.
      fc.pre(rules.every(({ effect, match }) => effect === 'deny' && match.paths !== null));
      const compiled = rulesOf(rules);
      if (compiled.judge(request(`RNFR ${from}`)).effect === 'deny') return;
      if (compiled.judge(request(`RNTO ${to}`, { from })).effect === 'deny') return;
      const moved = PATHS.filter((each) => each === from || each.startsWith(`${from}/`));
      for (const each of moved) {
        const before = simple(rules, 'read', each);
        const after = simple(rules, 'read', to + each.slice(from.length));
        expect([each, before, after]).not.toEqual([each, 'deny', 'allow']);
      }
    }),
    { numRuns: 3000 },
  );
});
