/**
 * What a program costs: CPU time and resident memory of a process and all of its descendants, as Linux tells in /proc.
 */
import { readdir, readFile } from 'node:fs/promises';
import { runProgram } from '../test/support/processes.ts';

/** Unit of the times in /proc: USER_HZ, 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Seconds, user and system, with those of children that have ended. */
  readonly cpu: number;
}

/** CPU seconds (user and system) that the tree below and with `root` has used, with those of its children that have ended. */
export async function cpuOfTree(root: number): Promise<number> {
  return (await tree(root)).reduce((sum, { cpu }) => sum + cpu, 0);
}

/** Resident memory of the tree in KiB. Pages that several processes share count for each. */
export async function residentOfTree(root: number): Promise<number> {
  let sum = 0;
  for (const { pid } of await tree(root)) {
    const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
    sum += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
  }
  return sum;
}

/** Lets the tree below and with `root` run on one processor only, with what it starts from now on. */
export async function pinTree(root: number, processor: number): Promise<void> {
  for (const { pid } of await tree(root)) {
    await runProgram('taskset', ['--all-tasks', '--cpu-list', '--pid', `${processor}`, `${pid}`]);
  }
}

async function tree(root: number): Promise<Process[]> {
  const all = await processes();
  const found: Process[] = [];
  const add = (pid: number): void => {
    for (const each of all) {
      if (each.pid === pid) found.push(each);
      else if (each.parent === pid) add(each.pid);
    }
  };
  add(root);
  return found;
}

async function processes(): Promise<Process[]> {
  const found: Process[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const text = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '');
    // The second field is a name in parentheses, which may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (fields.length < 15) continue;
    const ticks = fields.slice(11, 15).reduce((sum, each) => sum + Number(each), 0);
    found.push({ pid: Number(name), parent: Number(fields[1]), cpu: ticks / TICKS_PER_SECOND });
  }
  return found;
}
