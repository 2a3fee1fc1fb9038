/**
 * The checks of the command table, in one place, before any handler runs. Pure.
 */
import type { Command } from '../wire/command.ts';
import { type Reply, reply } from '../wire/reply.ts';
import { COMMANDS, type CommandSpec } from './command-table.ts';
import type { Phase } from './phase.ts';

export type Admission =
  | { readonly kind: 'admitted'; readonly spec: CommandSpec; readonly command: Command }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly spec: CommandSpec; readonly reply: Reply };

/** May this command go to its handler now? An argument where none is due is dropped. */
export function admit(command: Command, phase: Phase): Admission {
  const spec = COMMANDS.get(command.verb);
  if (spec === undefined) return { kind: 'unknown' };
  if (spec.phase === 'ready' && phase.name !== 'ready') {
    return { kind: 'refused', spec, reply: reply(530, 'Log in with USER and PASS first.') };
  }
  const { argument } = command;
  if (spec.argument === 'required' && (argument === undefined || argument === '')) {
    return { kind: 'refused', spec, reply: reply(501, `Syntax: ${spec.syntax}`) };
  }
  if (spec.argument === 'none' && spec.family !== 'http' && argument !== undefined) {
    return { kind: 'admitted', spec, command: { verb: command.verb, argument: undefined } };
  }
  return { kind: 'admitted', spec, command };
}
