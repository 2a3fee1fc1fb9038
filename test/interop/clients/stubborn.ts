/**
 * Clients as operators run them: they move one file after the other and try again what failed, until they have succeeded. What they believe at
 * each success is checked at once: a file that is called complete and is not fails the test, however often it is tried again.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Changes } from '../../support/changes.ts';
import type { Packages } from '../../support/debian-packages.ts';
import { fileHash, writeRandomFile } from '../test-bed.ts';
import type { ClientProgram, Step, Target } from './client.ts';

/** Milliseconds; no gateway is away for so long. */
const PATIENCE = 30_000;

/** A client where it runs, and its target. */
export interface PlacedClient {
  readonly packages: Packages;
  readonly client: ClientProgram;
  readonly target: Target;
}

/** Who moves which files, where. */
export interface StubbornClient extends PlacedClient {
  /** Of local files; it need not exist. */
  readonly folder: string;
  /** Folder of the backend that the user sees. */
  readonly home: string;
  /** Begins the names of its files; no other client may have it. */
  readonly name: string;
  readonly bytes: number;
}

/** Clients that move new files at the same time, until they are stopped. */
export class StubbornClients {
  readonly #moved: number[];
  readonly #changes = new Changes();
  readonly #work: Promise<readonly number[]>;
  #stopped = false;

  /** Lets them begin. */
  constructor(clients: readonly StubbornClient[]) {
    this.#moved = clients.map(() => 0);
    this.#work = Promise.all(clients.map((who, index) => this.#moveFiles(who, index)));
    this.#work.catch(() => {});
  }

  /** Resolves when each of them has moved so many more files; it may have begun the first of them before. Rejects when one gave up. */
  async move(more: number): Promise<void> {
    const wanted = this.#moved.map((moved) => moved + more);
    const reached = () => this.#moved.every((moved, index) => moved >= (wanted[index] ?? 0));
    const waited = this.#changes.until(reached, () => `files moved: ${this.#moved.join(', ')}`, PATIENCE);
    await Promise.race([waited, this.#work]);
  }

  /** Lets them finish the files that they have begun; tells how many runs of each have failed. Rejects when one of them gave up. */
  stop(): Promise<readonly number[]> {
    this.#stopped = true;
    return this.#work;
  }

  /** Uploads files and downloads them again. Resolves with how many runs have failed; rejects when a file is wrong, or was not moved in half a minute. */
  async #moveFiles(who: StubbornClient, index: number): Promise<number> {
    let failures = 0;
    await mkdir(who.folder, { recursive: true });
    for (let count = 0; !this.#stopped; count += 1) {
      const remote = `${who.name}-${count}.bin`;
      const local = await writeRandomFile(join(who.folder, remote), who.bytes);
      const back = `${local}.back`;
      const hash = await fileHash(local);
      failures += await untilDone(who, { do: 'upload', local, remote });
      expect(await fileHash(join(who.home, remote)), `${remote} on the backend, called complete`).toBe(hash);
      failures += await untilDone(who, { do: 'download', remote, local: back });
      expect(await fileHash(back), `${remote} as downloaded, called complete`).toBe(hash);
      this.#moved[index] = count + 1;
      this.#changes.notify();
    }
    return failures;
  }
}

/** Tries until it has succeeded; resolves with how often it has failed. Rejects with what the client said last, after half a minute. */
export async function untilDone({ client, packages, target }: PlacedClient, step: Step): Promise<number> {
  const giveUpAt = performance.now() + PATIENCE;
  for (let failures = 0; ; failures += 1) {
    try {
      await client.perform(packages, target, [step]);
      return failures;
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
    }
  }
}
