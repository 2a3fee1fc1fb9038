/**
 * What every backend of the interop suite is: a real FTP program on loopback that serves one folder to one user, in clear or with TLS.
 * Knows how to start, await and end such a program, not how any of them is configured.
 */
import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { PortRange } from '../../../src/config/schema.ts';
import type { Packages } from '../../support/debian-packages.ts';
import { Daemon, type ProgramOptions } from '../../support/processes.ts';
import type { MovableClock } from '../clock.ts';
import { freePorts } from '../free-ports.ts';

/** The one account of every backend. */
export const USER = 'alice';
export const PASSWORD = 'secret';
/** The password as the programs keep it: crypt(3) with SHA-512. */
export const PASSWORD_HASH =
  '$6$sallyport$SqQl2H8NEINwXcvC99c8GqFWUhkc8eoXXOQ6LjE.A5GdXg6pfQ3ngcJVHV63VlO243GWljtdjMdyKQqKljaCq1';
/** The unprivileged owner of the files (nobody) where we are root, else ourselves. */
export const OWNER = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : ownIds();

const PASSIVE_PORTS = 20;
const START_LIMIT = 10_000;

function ownIds(): { uid: number; gid: number } {
  return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
}

/** Facts in which the programs differ and which a test must know. */
export interface BackendFacts {
  /** Kinds of names that it does not keep as they are. */
  readonly refusedNames: readonly ('not UTF-8' | 'leading blank')[];
  /** Whether it can only be started by root. */
  readonly needsRoot: boolean;
  /** The ways in which it speaks TLS. */
  readonly tls: readonly ServerTls['security'][];
  /** Versions in which data connections can resume the TLS session of the control connection. */
  readonly resumes: readonly ('TLSv1.2' | 'TLSv1.3')[];
}

/** TLS of a backend, on all connections: it refuses clear text. */
export interface ServerTls {
  readonly security: 'explicit' | 'implicit';
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
}

/** A program that can be a backend. */
export interface BackendProgram {
  readonly name: string;
  readonly facts: BackendFacts;
  /**
   * Writes its configuration and starts it; resolves when it accepts connections. Throws an Error with its output otherwise. With a clock it
   * lives by that, and ends no session for being idle.
   */
  start(packages: Packages, tls?: ServerTls, clock?: MovableClock): Promise<Backend>;
}

/** A running backend on 127.0.0.1. */
export interface Backend {
  readonly port: number;
  readonly passive: PortRange;
  /** The process above all of its processes. */
  readonly pid: number;
  /** The folder that the user sees after login. */
  readonly home: string;
  /** The last of what the program printed. */
  readonly log: string;
  /** Ends every process of it and removes its folders. */
  stop(): Promise<void>;
}

/** The places and ports of a backend that is about to start. */
export interface Workplace {
  /** For configuration and state; readable by everybody. */
  readonly folder: string;
  readonly home: string;
  readonly port: number;
  readonly passive: PortRange;
  readonly clock: MovableClock | undefined;
}

/** Makes temporary folders and finds ports for a backend. */
export async function prepareWorkplace(name: string, clock?: MovableClock): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), `sallyport-interop-${name}-`));
  await chmod(folder, 0o755);
  const home = join(folder, 'home');
  await mkdir(home);
  await chown(home, OWNER.uid, OWNER.gid);
  await clock?.showBelow(home);
  const port = await freePorts(1 + PASSIVE_PORTS);
  return { folder, home, port, passive: { first: port + 1, last: port + PASSIVE_PORTS }, clock };
}

/** The program to run for a workplace; `afterwards` removes what it leaves outside of its folder. */
export interface Launch {
  readonly program: string;
  readonly words: readonly string[];
  readonly options: ProgramOptions;
  readonly afterwards?: () => Promise<void>;
  /** Whether something listens on the port, where the program is not on this machine's loopback. */
  readonly listens?: ((port: number) => Promise<boolean>) | undefined;
}

/** Starts the program and waits until its port accepts. */
export async function startBackend(workplace: Workplace, launch: Launch): Promise<Backend> {
  const daemon = new Daemon(launch.program, launch.words, optionsOf(workplace, launch));
  const stop = async () => {
    await daemon.stop();
    await launch.afterwards?.();
    await rm(workplace.folder, { recursive: true, force: true });
  };
  try {
    await waitForPort(workplace.port, daemon, launch.listens ?? accepts);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    port: workplace.port,
    passive: workplace.passive,
    pid: daemon.pid ?? 0,
    home: workplace.home,
    get log() {
      return daemon.log;
    },
    stop,
  };
}

function optionsOf({ clock }: Workplace, { options }: Launch): ProgramOptions {
  if (clock === undefined) return options;
  const libraries = [options.env?.['LD_PRELOAD'], clock.environment['LD_PRELOAD']].filter(Boolean).join(':');
  return { ...options, env: { ...options.env, ...clock.environment, LD_PRELOAD: libraries } };
}

async function waitForPort(port: number, daemon: Daemon, isOpen: (port: number) => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + START_LIMIT;
  while (!(await isOpen(port))) {
    if (daemon.ended !== undefined) throw new Error(`the backend ${daemon.ended}: ${daemon.log}`);
    if (performance.now() > giveUpAt) throw new Error(`the backend does not accept on port ${port}: ${daemon.log}`);
    await delay(20);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
