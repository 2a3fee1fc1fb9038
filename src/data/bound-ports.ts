/**
 * The ports of the passive range that are bound. They change without touching those that stay: new ones are bound first, all
 * or none; ports that are gone are unbound when nobody waits on them any more. Knows nothing of who waits.
 */
import type { Listener } from '../net/listener.ts';
import type { PreparedChange } from '../net/prepared-change.ts';

/** One port on one address. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

export class BoundPorts {
  readonly #bound = new Map<string, { readonly port: number; readonly listener: Listener }>();
  #wanted: ReadonlySet<string> = new Set();

  /** Binds those of the places that are not bound yet, or rejects with Node's error with none of them bound. */
  async prepare(places: readonly Place[], open: (place: Place) => Promise<Listener>): Promise<PreparedChange> {
    const opened = new Map<string, { readonly port: number; readonly listener: Listener }>();
    const abandon = async () => {
      await Promise.all([...opened.values()].map(({ listener }) => listener.close()));
    };
    try {
      for (const place of places) {
        const key = keyOf(place);
        if (!this.#bound.has(key)) opened.set(key, { port: place.port, listener: await open(place) });
      }
    } catch (error) {
      await abandon();
      throw error;
    }
    const commit = () => {
      for (const [key, each] of opened) this.#bound.set(key, each);
      this.#wanted = new Set(places.map(keyOf));
    };
    return { commit, abandon };
  }

  /** Unbinds the ports that are wanted no longer, save those on which somebody waits. */
  closeUnused(isAwaited: (port: number) => boolean): void {
    for (const [key, { port, listener }] of this.#bound) {
      if (this.#wanted.has(key) || isAwaited(port)) continue;
      this.#bound.delete(key);
      void listener.close();
    }
  }

  /** Unbinds all. */
  async close(): Promise<void> {
    const listeners = [...this.#bound.values()].map(({ listener }) => listener);
    this.#bound.clear();
    await Promise.all(listeners.map((listener) => listener.close()));
  }
}

function keyOf({ address, port }: Place): string {
  return `${address} ${port}`;
}
