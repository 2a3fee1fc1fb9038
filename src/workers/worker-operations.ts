/**
 * The operations of the side port over several workers: each is asked over its channel, and orders that must outlive a worker are
 * remembered for its successor.
 */
import { jointOperations, type OperationAnswer, type Part, type WholeOperations } from '../admin/joint-operations.ts';
import type { Operations } from '../admin/operations.ts';
import type { WorkerSlot } from './worker-slot.ts';

/** The whole gateway. `drained` has the names of backends that get no new sessions; whoever starts a worker tells it. */
export function workerOperations(
  slots: readonly WorkerSlot[],
  drained: Set<string>,
  whole: WholeOperations,
): Operations {
  const joint = jointOperations(() => slots.flatMap(partOf), whole);
  return {
    ...joint,
    async drainBackend(name) {
      // At once, so that a worker that starts meanwhile knows of it.
      const before = drained.has(name);
      drained.add(name);
      const done = await joint.drainBackend(name);
      if (done === undefined && !before) drained.delete(name);
      return done;
    },
    async undrainBackend(name) {
      drained.delete(name);
      return joint.undrainBackend(name);
    },
  };
}

/** A worker that is being replaced has nothing to tell. */
function partOf({ number, process }: WorkerSlot): readonly Part[] {
  if (process === undefined) return [];
  return [
    {
      worker: number,
      async ask(name, ...parameters) {
        const said = await process.operation(name, parameters);
        return said === 'silent' ? said : { answer: said.answer as OperationAnswer<typeof name> };
      },
    },
  ];
}
