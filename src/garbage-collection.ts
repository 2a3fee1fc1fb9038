/**
 * How V8 collects garbage in a process that relays bytes. Concerns the whole process, so only a program that is nothing but
 * the gateway asks for it.
 */
import { setFlagsFromString } from 'node:v8';

/**
 * Counts the memory of buffers into the limit of the heap. Otherwise V8 marks the whole heap after each 64 MiB of buffers,
 * although those die young: in a profile of uploads that was a quarter of the CPU time. Buffers that are dropped are
 * still freed by the collections of the young generation, each 32 MiB.
 */
export function tuneGarbageCollection(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit');
}
