/**
 * What is allowed in access rules and doubtful: rules that never match, or not what their author meant. Pure.
 */
import { fileCommand } from '../wire/file-commands.ts';
import { type PathStyle, POSIX_PATHS } from '../wire/path.ts';
import { contains as placeContains, placeOfPattern, withAllBelow } from '../wire/place.ts';
import type { AccessedConfig, AccessMatch } from './access.ts';
import { isOfClass, needsNaming } from './access-fields.ts';
import type { ConfigProblem } from './problem.ts';
import { covers } from './route-match.ts';

/** Rules that never match, rules that nobody can be meant by, and a default that lets nothing through. */
export function accessWarnings({ access, backends, decisionHook, routes }: AccessedConfig): ConfigProblem[] {
  const { rules } = access;
  return [
    ...rules.flatMap(({ match }, index) => pathless(match, `access.rules[${index}].match`)),
    ...rules.flatMap(({ match }, index) => pathsOfBackend(match, routes, `access.rules[${index}].match.paths`)),
    ...backends.flatMap(({ name, paths }, index) => {
      const asks = rules.some(({ match }) => match.paths !== null && (match.backend?.includes(name) ?? true));
      if (paths.style !== 'other' || !asks) return [];
      const message = 'no path of this backend can be judged: what reaches a rule with paths is denied there';
      return [{ path: `backends[${index}].paths.style`, message, related: ['access.rules'] }];
    }),
    ...rules.flatMap(({ match }, index) => {
      const first = rules.slice(0, index).findIndex((earlier) => accessCovers(earlier.match, match));
      if (first === -1) return [];
      const message = `this rule never matches: access.rules[${first}] (${rules[first]?.name}) takes everything that it is for; put it first`;
      return [{ path: `access.rules[${index}]`, message, related: [`access.rules[${first}]`] }];
    }),
    ...rules.flatMap(({ match }, index) =>
      match.group !== null && decisionHook.url === null
        ? [
            {
              path: `access.rules[${index}].match.group`,
              message: 'nobody has a group: groups come with the answers of decisionHook, and there is none',
              related: ['decisionHook.url'],
            },
          ]
        : [],
    ),
    ...(access.default === 'deny' && !rules.some(({ effect }) => effect !== 'deny')
      ? [
          {
            path: 'access.default',
            message: 'nothing is allowed: no rule lets anything through',
            related: ['access.rules'],
          },
        ]
      : []),
  ];
}

/** Whether every command that `inner` matches is matched by `outer`. */
function accessCovers(outer: AccessMatch, inner: AccessMatch): boolean {
  const within = (one: readonly string[] | null, other: readonly string[] | null) =>
    one === null || (other?.every((each) => one.includes(each)) ?? false);
  const always = outer.time.days === null && outer.time.from === 0 && outer.time.to === 24 * 60;
  return (
    covers(outer, inner) &&
    within(outer.backend, inner.backend) &&
    within(outer.group, inner.group) &&
    commandsCover(outer.commands, inner.commands) &&
    (always || JSON.stringify(outer.time) === JSON.stringify(inner.time)) &&
    pathsCover(outer.paths, inner.paths)
  );
}

function commandsCover(outer: readonly string[] | null, inner: readonly string[] | null): boolean {
  // Where all commands on files are meant, those are not that need to be named.
  if (outer === null) return !inner?.some(needsNaming);
  return inner?.every((word) => outer.includes(word) || outer.some((other) => isOfClass(word, other))) ?? false;
}

function pathsCover(outer: readonly string[] | null, inner: readonly string[] | null): boolean {
  if (outer === null) return true;
  if (inner === null) return false;
  const place = (pattern: string) => placeOfPattern(pattern, POSIX_PATHS);
  return inner.every((one) => outer.some((other) => placeContains(place(other), place(one))));
}

/** Commands that have no path, in a rule that asks for one. */
function pathless({ commands, paths }: AccessMatch, path: string): ConfigProblem[] {
  if (commands === null || paths === null) return [];
  const without = commands.filter(hasNoPath);
  if (without.length === 0) return [];
  const whole =
    without.length === commands.length ? 'this rule never matches' : 'this rule does not match all of its commands';
  const message = `${whole}: ${without.join(', ')} ${without.length === 1 ? 'has' : 'have'} no path that could be compared`;
  return [{ path: `${path}.commands`, message, related: [`${path}.paths`] }];
}

function hasNoPath(word: string): boolean {
  if (!word.startsWith('SITE ')) return needsNaming(word);
  return fileCommand({ verb: 'SITE', argument: word.slice('SITE '.length) })?.target.kind === 'nothing';
}

/** Where every client has a root, a path that begins with one is hardly meant as clients see it. */
function pathsOfBackend({ paths }: AccessMatch, routes: AccessedConfig['routes'], path: string): ConfigProblem[] {
  const roots = routes.flatMap(({ root }) => (root === null ? [] : [root]));
  if (roots.length === 0 || roots.length < routes.length) return [];
  return (paths ?? []).flatMap((pattern) => {
    const root = roots.find((each) =>
      placeContains(withAllBelow(placeOfPattern(each, LITERAL)), placeOfPattern(pattern, LITERAL)),
    );
    if (root === undefined) return [];
    const meant = pattern.slice(root.length);
    const hint = `did you mean ${meant === '' ? '/' : meant}?`;
    const message = `found ${JSON.stringify(pattern)}: paths are as the client sees them, and every client has a root, so that this is ${root}${pattern} at the backend; ${hint}`;
    return [{ path, message, related: ['routes'] }];
  });
}

const LITERAL: PathStyle = { ...POSIX_PATHS, backslash: 'character' };
