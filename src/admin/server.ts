/**
 * The side port, as long as the gateway runs: it can go on with another configuration without losing the port.
 */
import type { AdminConfig } from '../config/admin.ts';
import { GuessLimit } from './guess-limit.ts';
import type { Operations } from './operations.ts';
import { SharedReading } from './shared-reading.ts';
import { openSidePort, readMaterial, type Settings, type SidePort, type SidePortOptions } from './side-port.ts';

export type { MetricsSource, Operations, Readiness } from './operations.ts';

/** What the side port is made of. */
export interface AdminOptions extends SidePortOptions {
  readonly config: AdminConfig;
}

/** A side port that is listening. */
export interface Admin {
  readonly address: string;
  /** The real port. */
  readonly port: number;
  /**
   * Goes on with another configuration: tokens and certificates are read again, and it moves where address, port or kind of TLS are
   * others. Requests that run meanwhile are answered. Rejects, with everything as it was, where a file cannot be used or a port cannot be
   * bound.
   */
  replace(config: AdminConfig): Promise<void>;
  /** Stops listening and ends all connections. Resolves when all are closed. */
  close(): Promise<void>;
}

/** What listens, with what it is made of; nothing where the way back from a failed move failed too. */
type Current = Settings & ({ readonly kind: 'open'; readonly sidePort: SidePort } | { readonly kind: 'lost' });

/** Opens the side port. Resolves when it is bound; rejects with the error of the socket where it cannot be, or of a file. */
export async function startAdmin({ config: first, ...given }: AdminOptions): Promise<Admin> {
  const guesses = new GuessLimit();
  const options = { ...given, operations: withSharedReadings(given.operations) };
  const retired = new Set<SidePort>();
  const open = async (settings: Settings): Promise<Current> => {
    return { ...settings, kind: 'open', sidePort: await openSidePort(settings, options, guesses) };
  };
  let current = await open({ config: first, material: await readMaterial(first) });
  let replaced: Promise<void> = Promise.resolve();
  let closed: Promise<void> | undefined;

  const retire = (sidePort: SidePort): void => {
    retired.add(sidePort);
    void sidePort.retire().then(() => retired.delete(sidePort));
  };

  /** Where the place of the one before is needed. */
  const takeOver = async (settings: Settings, sidePort: SidePort): Promise<void> => {
    const { config, material } = current;
    current = { config, material, kind: 'lost' };
    retire(sidePort);
    try {
      current = await open(settings);
    } catch (error) {
      // With what was read then: its files may be gone. Where that fails too, the next configuration tries again.
      const { port } = sidePort;
      const back = open({ config: { ...config, port }, material }).then((opened): Current => ({ ...opened, config }));
      current = await back.catch(() => current);
      throw error;
    }
  };

  const replace = async (next: AdminConfig): Promise<void> => {
    if (closed !== undefined) return;
    const settings = { config: next, material: await readMaterial(next) };
    if (current.kind === 'lost') {
      current = await open(settings);
      return;
    }
    const { sidePort } = current;
    if (isSameServer(current.config, next)) {
      sidePort.adopt(settings);
      current = { ...settings, kind: 'open', sidePort };
      return;
    }
    try {
      current = await open(settings);
      retire(sidePort);
    } catch (error) {
      if (!isTaken(error) || next.port !== sidePort.port) throw error;
      await takeOver(settings, sidePort);
    }
  };

  return {
    get address() {
      return current.kind === 'open' ? current.sidePort.address : current.config.address;
    },
    get port() {
      return current.kind === 'open' ? current.sidePort.port : current.config.port;
    },
    replace(next) {
      const done = replaced.then(() => replace(next));
      replaced = done.catch(() => {});
      return done;
    },
    close() {
      closed ??= replaced.then(async () => {
        const all = current.kind === 'open' ? [current.sidePort, ...retired] : [...retired];
        await Promise.all(all.map((each) => each.close()));
      });
      return closed;
    },
  };
}

/** Everybody may ask for these, as often as they like. */
function withSharedReadings(operations: Operations): Operations {
  const { metrics } = operations;
  const text = new SharedReading(() => metrics.render());
  const readiness = new SharedReading(async () => operations.readiness());
  return {
    ...operations,
    metrics: { contentType: metrics.contentType, render: () => text.get() },
    readiness: () => readiness.get(),
  };
}

/** Whether a server can go on with other tokens and certificates. */
function isSameServer(one: AdminConfig, other: AdminConfig): boolean {
  const kind = ({ address, port, tls }: AdminConfig) =>
    JSON.stringify([address, port, tls.cert === null, tls.clientCa === null]);
  return kind(one) === kind(other);
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}
