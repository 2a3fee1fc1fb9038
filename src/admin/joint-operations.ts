/**
 * The whole gateway as the side port sees it, made of the processes that serve clients: asks each of them and puts the answers
 * together. One that does not answer is named in the answer and holds nothing up. Knows nothing of how processes are asked.
 */
import type * as answers from './answers.ts';
import { jointBandwidths, nearestToLimit } from './joint-limits.ts';
import type { GatewayOperations, Operations } from './operations.ts';

/** A question to one process. */
export type OperationName = keyof GatewayOperations;

/** What a process answers to a question. */
export type OperationAnswer<N extends OperationName> = ReturnType<GatewayOperations[N]>;

/** One process that serves clients. */
export interface Part {
  /** Its number, from 1; null where it is the only one, and cannot be silent. */
  readonly worker: number | null;
  /** Resolves with `silent` when it does not answer in time. Never rejects. */
  ask<N extends OperationName>(
    name: N,
    ...parameters: Parameters<GatewayOperations[N]>
  ): Promise<{ readonly answer: OperationAnswer<N> } | 'silent'>;
}

/** No process has answered that could know. `message` says so to whoever has asked. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';

  constructor(silentWorkers: readonly number[]) {
    const who = silentWorkers.length === 0 ? 'no worker runs' : `no answer from worker ${silentWorkers.join(', ')}`;
    super(`${who}; an order may still be carried out: look again`);
  }
}

/** What only the whole gateway can do. */
export type WholeOperations = Pick<
  Operations,
  'about' | 'metrics' | 'readiness' | 'replicas' | 'config' | 'limitUsage' | 'bans' | 'liftBan' | 'reload' | 'drain'
>;

/** How many failures are shown. */
const SHOWN_FAILURES = 100;

/** The process itself, where it serves clients alone. */
export function onlyPart(operations: GatewayOperations): Part {
  return {
    worker: null,
    ask: async (name, ...parameters) => ({ answer: call(operations, name, parameters) }),
  };
}

/** Answers a question by its name. */
export function call<N extends OperationName>(
  operations: GatewayOperations,
  name: N,
  parameters: Parameters<GatewayOperations[N]>,
): OperationAnswer<N> {
  const operation = operations[name] as (...given: Parameters<GatewayOperations[N]>) => OperationAnswer<N>;
  return operation.apply(operations, parameters);
}

/** Puts them together. `parts` are those that run at the time of a question. */
export function jointOperations(parts: () => readonly Part[], whole: WholeOperations): Operations {
  const ask = <N extends OperationName>(name: N, ...parameters: Parameters<GatewayOperations[N]>) =>
    askAll(parts(), name, parameters);
  return {
    ...whole,
    async sessions(limit) {
      const { heard, silentWorkers } = await ask('sessions', limit);
      const sessions = heard.flatMap(({ worker, answer }) => answer.sessions.map((each) => ({ ...each, worker })));
      return {
        total: heard.reduce((sum, { answer }) => sum + answer.total, 0),
        sessions: sessions.sort(byInterest).slice(0, limit),
        silentWorkers,
      };
    },
    async session(id) {
      const { heard, silentWorkers } = await ask('session', id);
      const found = heard.find(({ answer }) => answer !== undefined);
      if (found?.answer !== undefined) return { ...found.answer, worker: found.worker };
      if (silentWorkers.length > 0 || heard.length === 0) throw new Unanswered(silentWorkers);
      return undefined;
    },
    async endSession(id) {
      const asked = await ask('endSession', id);
      const ended = done(asked, `session ${id} ends`);
      // One that is silent may have it.
      if (ended === undefined && asked.silentWorkers.length > 0) throw new Unanswered(asked.silentWorkers);
      return ended;
    },
    async backends() {
      const { heard, silentWorkers } = await ask('backends');
      const [first, ...others] = heard.map(({ answer }) => answer);
      const all = (first ?? []).map((backend) =>
        others.reduce(
          (joint, seen) => jointBackend(joint, seen.find(({ name }) => name === backend.name) ?? joint),
          backend,
        ),
      );
      return { backends: all, silentWorkers };
    },
    async drainBackend(name) {
      return done(await ask('drainBackend', name), `backend ${name} gets no new sessions`);
    },
    async undrainBackend(name) {
      return done(await ask('undrainBackend', name), `backend ${name} gets new sessions again`);
    },
    async passivePorts() {
      const { heard, silentWorkers } = await ask('passivePorts');
      const slices = heard.flatMap(({ worker, answer }) => (answer === undefined ? [] : [{ ...answer, worker }]));
      const sum = (key: 'used' | 'free' | 'waiting') => slices.reduce((total, slice) => total + slice[key], 0);
      return { used: sum('used'), free: sum('free'), waiting: sum('waiting'), slices, silentWorkers };
    },
    async certificates() {
      const { heard, silentWorkers } = await ask('certificates');
      return { certificates: heard[0]?.answer ?? [], silentWorkers };
    },
    async limits() {
      const { heard, silentWorkers } = await ask('bandwidths');
      const bandwidths = jointBandwidths(heard.flatMap(({ answer }) => answer));
      return { usage: nearestToLimit(whole.limitUsage()), bandwidths, silentWorkers };
    },
    async failures() {
      const { heard, silentWorkers } = await ask('failures');
      const failures = heard.flatMap(({ answer }) => answer.failures);
      failures.sort((a, b) => b.at.localeCompare(a.at));
      return {
        failures: failures.slice(0, SHOWN_FAILURES),
        counts: jointCounts(heard.flatMap(({ answer }) => answer.counts)),
        silentWorkers,
      };
    },
  };
}

interface Heard<N extends OperationName> {
  readonly heard: readonly { readonly worker: number | null; readonly answer: OperationAnswer<N> }[];
  readonly silentWorkers: readonly number[];
}

async function askAll<N extends OperationName>(
  parts: readonly Part[],
  name: N,
  parameters: Parameters<GatewayOperations[N]>,
): Promise<Heard<N>> {
  const answered = await Promise.all(
    parts.map(async (part) => ({ worker: part.worker, said: await part.ask(name, ...parameters) })),
  );
  return {
    heard: answered.flatMap(({ worker, said }) => (said === 'silent' ? [] : [{ worker, answer: said.answer }])),
    silentWorkers: answered.flatMap(({ worker, said }) => (said === 'silent' && worker !== null ? [worker] : [])),
  };
}

/** Undefined where all who answered have no such thing. Throws Unanswered where nobody did. */
function done(
  { heard, silentWorkers }: Heard<'endSession' | 'drainBackend' | 'undrainBackend'>,
  what: string,
): answers.DoneShown | undefined {
  if (heard.length === 0) throw new Unanswered(silentWorkers);
  return heard.some(({ answer }) => answer) ? { done: what, silentWorkers } : undefined;
}

/** Those with a transfer first, then the newest. */
export function byInterest(
  a: { readonly transfer: unknown; readonly since: string },
  b: { readonly transfer: unknown; readonly since: string },
): number {
  return Number(b.transfer !== null) - Number(a.transfer !== null) || b.since.localeCompare(a.since);
}

/** One backend as two processes see it: the worse of both. */
function jointBackend(one: answers.BackendShown, other: answers.BackendShown): answers.BackendShown {
  if (one === other) return one;
  const states = [one.state, other.state];
  const newest = [one.lastFailure, other.lastFailure].filter((failure) => failure !== null);
  newest.sort((a, b) => b.at.localeCompare(a.at));
  const times = [one.milliseconds, other.milliseconds].filter((time) => time !== null);
  return {
    ...one,
    state: states.includes('down') ? 'down' : states.includes('unknown') ? 'unknown' : 'up',
    drained: one.drained || other.drained,
    sessions: one.sessions + other.sessions,
    milliseconds: times.length === 0 ? null : Math.max(...times),
    lastFailure: newest[0] ?? null,
  };
}

function jointCounts(counts: readonly answers.FailureCountShown[]): answers.FailureCountShown[] {
  const joint = new Map<string, answers.FailureCountShown>();
  for (const each of counts) {
    const key = `${each.kind} ${each.code}`;
    const before = joint.get(key);
    const last = before === undefined || each.last > before.last ? each.last : before.last;
    joint.set(key, { ...each, count: each.count + (before?.count ?? 0), last });
  }
  return [...joint.values()].sort((a, b) => b.count - a.count || b.last.localeCompare(a.last));
}
