/**
 * What `sallyport explain` found, and the same as text for a person. Pure.
 */
import type { BackendConfig } from '../config/schema.ts';
import { formatEndpoint } from '../net/address.ts';
import type { Mismatch } from '../routing/route-table.ts';
import { printable } from '../wire/redact.ts';
import type { ExplainedCommand } from './explain-command.ts';
import type { ExplainedLimit } from './explain-limits.ts';

/** Who set a value: nobody, a key for all listeners, or one of the listener itself. */
export type Origin = 'default' | 'global' | 'listener';

/** One value of the policy. */
export interface ExplainedValue {
  readonly key: string;
  readonly value: string;
  readonly from: Origin;
  /** Where in the file. */
  readonly line?: number;
}

/** One route and what stands against it. */
export interface ExplainedRoute {
  /** Key in the configuration; `default` where it has no routes. */
  readonly route: string;
  /** Routes behind the first that matches are not asked. */
  readonly verdict: 'matches' | 'does not match' | 'not asked';
  readonly mismatches: readonly Mismatch[];
}

/** Everything that is said about one client. */
export interface Explanation {
  readonly listener: string;
  readonly routes: readonly ExplainedRoute[];
  /** Undefined where no route matches. */
  readonly target:
    | {
        readonly balance: string;
        readonly backends: readonly Pick<BackendConfig, 'name' | 'host' | 'port' | 'weight' | 'maxSessions'>[];
        /** Name for USER. */
        readonly user: string;
        readonly password: "the client's" | "the route's";
        /** The folder of the backend that the client sees as `/`; null for all of it. */
        readonly root: string | null;
      }
    | undefined;
  /** Who is asked before any of this holds; undefined where routes alone decide. */
  readonly decision:
    | { readonly asked: 'at USER' | 'at PASS'; readonly url: string; readonly otherwise: 'deny' | 'route' }
    | undefined;
  /** Undefined where none was asked about. */
  readonly command?: ExplainedCommand | undefined;
  readonly policy: readonly ExplainedValue[];
  /** All that count for the client; the tightest holds. */
  readonly limits: readonly ExplainedLimit[];
}

const ORIGINS: Readonly<Record<Origin, string>> = {
  default: 'default',
  global: 'for all listeners',
  listener: 'for this listener',
};

/** Sections: routes, where the one that matches leads, the command that was asked about, the policy, and the limits. */
export function explanationText(explanation: Explanation): string {
  const { listener, routes, target, decision, command, policy, limits } = explanation;
  const sections = [
    ['Routes', ...routes.flatMap(routeLines)],
    ['Login', ...decisionLines(decision), ...targetLines(target)],
    ...(command === undefined ? [] : [[`Command ${shown(command.command)}`, ...commandLines(command)]]),
    [`Policy of listener ${listener}`, ...columns(policy.map(policyCells))],
    ['Limits', ...limitsOfDecision(decision), ...columns(limits.map(limitCells))],
  ];
  return `${sections.map((lines) => lines.join('\n  ')).join('\n\n')}\n`;
}

function routeLines({ route, verdict, mismatches }: ExplainedRoute): readonly string[] {
  const reasons = mismatches.map(({ key, expected, found }) => {
    const has = found.length === 0 ? 'nothing of the kind' : found.map(shown).join(', ');
    return `  match.${key} is ${expected.map(shown).join(', ')}; the client has ${has}`;
  });
  return [`${route}: ${verdict}`, ...reasons];
}

function decisionLines(decision: Explanation['decision']): readonly string[] {
  if (decision === undefined) return [];
  const { asked, url, otherwise } = decision;
  const failure = otherwise === 'deny' ? 'refused' : 'as below';
  return [`as ${url} decides, asked ${asked}; without an answer ${failure}; where it does not say otherwise:`];
}

function targetLines(target: Explanation['target']): readonly string[] {
  if (target === undefined) return ['refused: no route is for this client (331 to USER, 530 to any password)'];
  const { balance, backends, user, password, root } = target;
  const list = backends.map(({ name, host, port, weight, maxSessions }) => {
    const limit = maxSessions === 'unlimited' ? '' : `, at most ${maxSessions} sessions`;
    return `  ${name}: ${formatEndpoint({ address: host, port })}, weight ${weight}${limit}`;
  });
  const view = root === null ? [] : [`sees ${shown(root)} as /`];
  return [`as ${shown(user)} with ${password} password`, ...view, `backends, ${balance}:`, ...list];
}

function commandLines({
  backend,
  path,
  classes,
  rules,
  effect,
  decidedBy,
  problem,
  beside,
  reply,
  sent,
}: ExplainedCommand): readonly string[] {
  const what = classes.length === 0 ? 'no class' : classes.join(', ');
  const where = path === undefined ? '' : `, path ${shown(path)}`;
  const unruled = beside === 'unknown-command' ? 'the gateway does not know it' : 'nothing is forbidden to this client';
  const by = decidedBy === undefined ? unruled : `by ${decidedBy}`;
  const only = beside === 'must-not-exist' ? ', if the backend says that there is no such file; else 553' : '';
  const why = problem === undefined ? '' : `; the path is not clear: ${problem}`;
  const outcomes = { allow: 'let through', report: 'let through and reported', deny: 'refused' } as const;
  return [
    `at backend ${backend}: ${what}${where}`,
    ...rules.flatMap(({ rule, verdict, against }) => [
      `${rule}: ${verdict}`,
      ...against.map(({ key, expected }) => `  match.${key} is ${shown(expected)}`),
    ]),
    `${outcomes[effect]}: ${by}${why}${only}`,
    ...(effect === 'deny' && reply !== undefined ? [`the client is told: ${shown(reply)}`] : []),
    ...(sent === undefined ? [] : [`the backend is told: ${shown(sent)}`]),
  ];
}

function policyCells({ key, value, from, line }: ExplainedValue): readonly string[] {
  return [key, value, `${ORIGINS[from]}${line === undefined ? '' : ` (line ${line})`}`];
}

function limitsOfDecision(decision: Explanation['decision']): readonly string[] {
  if (decision === undefined) return [];
  return ['what the decision says, and these; those of the route only where it names no other backends:'];
}

function limitCells({ key, value, line }: ExplainedLimit): readonly string[] {
  return [key, value, line === undefined ? 'default' : `line ${line}`];
}

/** Rows side by side: each column, but the last, as wide as its widest cell. */
function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]?.map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function shown(text: string): string {
  return printable(Buffer.from(text, 'utf8').toString('latin1'));
}
