/**
 * What a measurement gets and what it gives: programs and sizes in, one section of the report out. Knows nothing of what is measured.
 */
import { join } from 'node:path';
import type { Packages } from '../test/support/debian-packages.ts';
import type { Certificates } from './certificates.ts';
import { JsonProcess } from './json-process.ts';

/** How much is measured. */
export interface Plan {
  /** How often every contender has its turn, after one turn that does not count. */
  readonly rounds: number;
  /** Size of the large file. */
  readonly bytes: number;
  readonly smallFiles: number;
  readonly curlFiles: number;
  readonly logins: number;
  readonly commands: number;
  readonly idleSessions: number;
  readonly stalledTransfers: number;
}

/** What every measurement works with. Programs that it starts are left to {@link Bench.later}. */
export interface Bench {
  readonly plan: Plan;
  readonly packages: Packages;
  readonly certificates: Certificates;
  /** An empty folder of this measurement, removed afterwards. */
  readonly folder: string;
  /** Says on the error output what goes on. */
  say(text: string): void;
  /** Stops something after the measurement, however it ends; the last one first. */
  later<T extends { stop(): Promise<void> }>(running: T): T;
}

/** One bar of the design: what was asked, what was seen. */
export interface Bar {
  readonly what: string;
  readonly bar: string;
  readonly measured: string;
  readonly met: boolean;
}

/** One section of the report. */
export interface Section {
  readonly title: string;
  /** One sentence or more: how it was measured. */
  readonly how: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly bars: readonly Bar[];
}

export type Measurement = (bench: Bench) => Promise<Section>;

/** A Python process that speaks FTP, see `ftp_client.py`. */
export function startClient({ packages, folder, later }: Bench): JsonProcess {
  const python = packages.path('usr/bin/python3');
  return later(
    new JsonProcess(python, [join(import.meta.dirname, 'ftp_client.py')], { ...packages.environment(folder) }),
  );
}

/** Calls back for each contender in turn, round after round, so that what disturbs the machine disturbs all; round 0 is the warm-up. */
export async function alternate<T>(
  rounds: number,
  contenders: readonly T[],
  turn: (contender: T, round: number) => Promise<void>,
): Promise<void> {
  for (let round = 0; round <= rounds; round += 1) {
    for (const contender of contenders) await turn(contender, round);
  }
}
