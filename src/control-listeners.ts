/**
 * The ports on which clients are welcome, as they are bound. A new configuration binds what is new and closes what is gone; a port
 * that stays is not touched, and its next client gets what the new configuration says.
 */
import type { Socket } from 'node:net';
import type { ListenerConfig } from './config/schema.ts';
import { type Listener, type ListenOptions, listen } from './net/listener.ts';
import type { PreparedChange } from './net/prepared-change.ts';

/** What is done with a client, by the configuration in force. */
export type Welcome = (socket: Socket) => void;

/** A listener of a configuration, and what is done with its clients. */
export interface WelcomingListener {
  readonly config: ListenerConfig;
  readonly welcome: Welcome;
}

interface Bound {
  readonly listener: Listener;
  config: ListenerConfig;
  welcome: Welcome;
}

export class ControlListeners {
  readonly #options: Omit<ListenOptions, 'address' | 'port' | 'onConnection'>;
  #bound: ReadonlyMap<string, Bound> = new Map();

  constructor(options: Omit<ListenOptions, 'address' | 'port' | 'onConnection'>) {
    this.#options = options;
  }

  /** What is bound, in the order of the configuration. */
  get all(): readonly { readonly config: ListenerConfig; readonly listener: Listener }[] {
    return [...this.#bound.values()];
  }

  /**
   * Binds those that are not bound yet, or rejects with Node's error with none of them bound. Clients who come to them before the
   * change is in force wait for it.
   */
  async prepare(wanted: readonly WelcomingListener[]): Promise<PreparedChange> {
    const early: { readonly key: string; readonly socket: Socket }[] = [];
    const opened = new Map<string, Bound>();
    const abandon = async () => {
      for (const { socket } of early) socket.destroy();
      await Promise.all([...opened.values()].map(({ listener }) => listener.close()));
    };
    try {
      for (const { config } of wanted) {
        const key = keyOf(config);
        if (this.#bound.has(key)) continue;
        const bound: Bound = {
          listener: await this.#listen(config, (socket) => bound.welcome(socket)),
          config,
          welcome: (socket) => early.push({ key, socket }),
        };
        opened.set(key, bound);
      }
    } catch (error) {
      await abandon();
      throw error;
    }
    const commit = () => {
      this.#change(wanted, opened);
      for (const { key, socket } of early) this.#bound.get(key)?.welcome(socket);
    };
    return { commit, abandon };
  }

  /** Accepts no more; resolves when the ports are free. */
  async close(): Promise<void> {
    await Promise.all(this.all.map(({ listener }) => listener.close()));
  }

  #change(wanted: readonly WelcomingListener[], opened: ReadonlyMap<string, Bound>): void {
    const next = new Map<string, Bound>();
    for (const { config, welcome } of wanted) {
      const key = keyOf(config);
      const bound = this.#bound.get(key) ?? opened.get(key);
      if (bound === undefined) throw new Error(`${key} was not prepared`);
      Object.assign(bound, { config, welcome });
      next.set(key, bound);
    }
    for (const [key, { listener }] of this.#bound) if (!next.has(key)) void listener.close();
    this.#bound = next;
  }

  #listen({ address, port }: ListenerConfig, onConnection: Welcome): Promise<Listener> {
    return listen({ ...this.#options, address, port, onConnection });
  }
}

/** Any free port is one by name. */
function keyOf({ name, address, port }: ListenerConfig): string {
  return port === 0 ? `${address} ${port} ${name}` : `${address} ${port}`;
}
