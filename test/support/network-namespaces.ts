/**
 * A small network of machines that have nothing but addresses: network namespaces on bridges, all of them in this kernel and none of them
 * visible outside. They have no names that could collide, and go with the processes that keep them, however those end. Needs root.
 * Knows nothing of FTP.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Packages } from './debian-packages.ts';
import { type ProgramOptions, type ProgramResult, runProgram } from './processes.ts';

/** TCP_LISTEN in `/proc/net/tcp` (`include/net/tcp_states.h`). */
const LISTENING = '0A';

/** Where a machine is plugged in: bridge → its address there with the length of the prefix, such as `10.0.0.5/24`. */
export type Plugs = Readonly<Record<string, string>>;

/** A network, and the machines on it. */
export class TestNetwork {
  readonly #folder: string;
  readonly #middle: Namespace;
  readonly #namespaces: Namespace[];
  #plugs = 0;

  private constructor(folder: string, middle: Namespace) {
    this.#folder = folder;
    this.#middle = middle;
    this.#namespaces = [middle];
  }

  /** Makes one with these bridges. Resolves with the reason as a string where this machine cannot have one. */
  static async create(...bridges: readonly string[]): Promise<TestNetwork | string> {
    if (process.getuid?.() !== 0) return 'only root can make network namespaces';
    let middle: Namespace | undefined;
    try {
      middle = await Namespace.create();
      await middle.configure(bridges.flatMap((name) => [`link add ${name} type bridge`, `link set ${name} up`]));
      return new TestNetwork(await mkdtemp(join(tmpdir(), 'sallyport-interop-network-')), middle);
    } catch (error) {
      await middle?.close();
      return `no network namespaces here: ${error instanceof Error ? error.message : error}`;
    }
  }

  /** A new machine with a loopback and a plug in some bridges. */
  async machine(plugs: Plugs): Promise<TestMachine> {
    const namespace = await Namespace.create();
    this.#namespaces.push(namespace);
    await namespace.configure(['link set lo up']);
    for (const [bridge, address] of Object.entries(plugs)) {
      this.#plugs += 1;
      const name = `plug${this.#plugs}`;
      const outer = `link add ${name} type veth peer name ${bridge} netns ${namespace.pid}`;
      await this.#middle.configure([outer, `link set ${name} master ${bridge} up`]);
      await namespace.configure([`address add ${address} dev ${bridge}`, `link set ${bridge} up`]);
    }
    return new TestMachine(namespace, this.#folder, plugs);
  }

  /** Ends it; programs that still run on it are cut off, and keep what they use of it until they end. */
  async close(): Promise<void> {
    await Promise.all(this.#namespaces.map((namespace) => namespace.close()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** One machine: programs of this file system, run in its network. They are killed when this process ends. */
export class TestMachine {
  readonly #namespace: Namespace;
  readonly #folder: string;
  readonly #plugs: Plugs;

  constructor(namespace: Namespace, folder: string, plugs: Plugs) {
    this.#namespace = namespace;
    this.#folder = folder;
    this.#plugs = plugs;
  }

  /** Its address on a bridge. Throws an Error when it has none there. */
  address(bridge: string): string {
    const [address] = this.#plugs[bridge]?.split('/') ?? [];
    if (address === undefined) throw new Error(`not plugged into ${bridge}`);
    return address;
  }

  /** Whether something listens on a TCP port of an IPv4 address here. */
  async listens(port: number): Promise<boolean> {
    const sockets = await readFile(`/proc/${this.#namespace.pid}/net/tcp`, 'latin1');
    const wanted = port.toString(16).toUpperCase().padStart(4, '0');
    return new RegExp(`^ *\\d+: [0-9A-F]{8}:${wanted} 00000000:0000 ${LISTENING} `, 'm').test(sockets);
  }

  /** What to run instead, so that the program runs here; it keeps its process id. */
  command(program: string, words: readonly string[]): readonly [string, string[]] {
    const [enter = '', ...rest] = this.#namespace.entrance;
    return [enter, [...rest, program, ...words]];
  }

  /** Runs a program to its end, like `runProgram`. */
  run(program: string, words: readonly string[], options?: ProgramOptions): Promise<ProgramResult> {
    return runProgram(...this.command(program, words), options);
  }

  /** Starts a program; its input is empty. */
  start(program: string, words: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    return spawn(...this.command(program, words), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
  }

  /** The same packages, but their programs run here. */
  async here(packages: Packages, ...programs: readonly string[]): Promise<Packages> {
    const folder = await mkdtemp(join(this.#folder, 'programs-'));
    for (const program of programs) {
      const [enter, words] = this.command(packages.path(program), []);
      const line = [enter, ...words].map((word) => `'${word}'`).join(' ');
      await writeFile(join(folder, basename(program)), `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o755 });
    }
    return {
      ...packages,
      path: (file) => (programs.includes(file) ? join(folder, basename(file)) : packages.path(file)),
    };
  }
}

/** A network namespace, kept by a process that ends when its input does. */
class Namespace {
  readonly #keeper: ChildProcess;
  readonly pid: number;

  private constructor(keeper: ChildProcess, pid: number) {
    this.#keeper = keeper;
    this.pid = pid;
  }

  static async create(): Promise<Namespace> {
    const words = ['--net', '--', 'sh', '-c', 'echo made; exec cat'];
    const keeper = spawn('unshare', words, { stdio: ['pipe', 'pipe', 'pipe'] });
    const refusal: Buffer[] = [];
    keeper.stderr.on('data', (chunk: Buffer) => refusal.push(chunk));
    await Promise.race([once(keeper.stdout, 'data'), once(keeper, 'close')]);
    if (keeper.pid === undefined || keeper.exitCode !== null) throw new Error(Buffer.concat(refusal).toString().trim());
    return new Namespace(keeper, keeper.pid);
  }

  /** The words before a program and its own words. */
  get entrance(): readonly string[] {
    return ['nsenter', `--net=/proc/${this.pid}/ns/net`, '--', 'setpriv', '--pdeathsig', 'KILL', '--'];
  }

  /** Carries out commands of `ip`. Throws an Error at the first that fails. */
  async configure(commands: readonly string[]): Promise<void> {
    const [enter = '', ...words] = this.entrance;
    const input = `${commands.join('\n')}\n`;
    const { code, errors } = await runProgram(enter, [...words, 'ip', '-batch', '-'], { input });
    if (code !== 0) throw new Error(`ip ${commands.join('; ')}: ${errors.trim()}`);
  }

  async close(): Promise<void> {
    if (this.#keeper.exitCode !== null) return;
    const closed = once(this.#keeper, 'close');
    this.#keeper.stdin?.end();
    await closed;
  }
}
