/**
 * The side port, as long as the gateway runs: it can go on with another configuration without losing the port.
 */
import type { AdminConfig } from '../config/admin.ts';
import { GuessLimit } from './guess-limit.ts';
import { openSidePort, readMaterial, type SidePortOptions } from './side-port.ts';

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
   * others. Rejects, with everything as it was, where a file cannot be used or a port cannot be bound.
   */
  replace(config: AdminConfig): Promise<void>;
  /** Stops listening and ends kept-alive connections. Resolves when all are closed. */
  close(): Promise<void>;
}

/** Opens the side port. Resolves when it is bound; rejects with the error of the socket where it cannot be, or of a file. */
export async function startAdmin({ config: first, ...options }: AdminOptions): Promise<Admin> {
  const guesses = new GuessLimit();
  const open = (config: AdminConfig) => openSidePort(config, options, guesses);
  let config = first;
  let current = await open(config);
  let replaced: Promise<void> = Promise.resolve();
  let closed: Promise<void> | undefined;

  const replace = async (next: AdminConfig): Promise<void> => {
    if (closed !== undefined) return;
    // Before anything is closed.
    await readMaterial(next);
    if (isSameServer(config, next)) await current.adopt(next);
    else if (next.port === config.port) {
      // There is room for one only.
      await current.close();
      try {
        current = await open(next);
      } catch (error) {
        current = await open(config);
        throw error;
      }
    } else {
      const opened = await open(next);
      await current.close();
      current = opened;
    }
    config = next;
  };

  return {
    get address() {
      return current.address;
    },
    get port() {
      return current.port;
    },
    replace(next) {
      const done = replaced.then(() => replace(next));
      replaced = done.catch(() => {});
      return done;
    },
    close() {
      closed ??= replaced.then(() => current.close());
      return closed;
    },
  };
}

/** Whether a server can go on with other tokens and certificates. */
function isSameServer(one: AdminConfig, other: AdminConfig): boolean {
  const kind = ({ address, port, tls }: AdminConfig) =>
    JSON.stringify([address, port, tls.cert === null, tls.clientCa === null]);
  return kind(one) === kind(other);
}
