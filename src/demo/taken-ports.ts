/**
 * Finds out which ports are taken before anything is started, so that all of them can be told at once.
 */
import { listen } from '../net/listener.ts';
import { OpenSockets } from '../net/open-sockets.ts';

/** A port that cannot be bound. */
export interface TakenPort {
  readonly port: number;
  readonly address: string;
  /** Node's own, such as `EADDRINUSE` or `EACCES`. */
  readonly code: string;
}

/** Those of `ports` that cannot be bound on any of `addresses`; addresses that this machine does not have are left out. */
export async function findTakenPorts(
  ports: readonly number[],
  addresses: readonly string[],
): Promise<readonly TakenPort[]> {
  const taken: TakenPort[] = [];
  for (const port of ports) {
    for (const address of addresses) {
      const code = port === 0 ? undefined : await bindingFails(address, port);
      if (code === undefined || code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') continue;
      taken.push({ port, address, code });
      break;
    }
  }
  return taken;
}

async function bindingFails(address: string, port: number): Promise<string | undefined> {
  const sockets = new OpenSockets();
  try {
    const listener = await listen({
      address,
      port,
      keepAlive: 0,
      sockets,
      onConnection: (socket) => socket.destroy(),
      onError: () => {},
    });
    await listener.close();
    return undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  }
}
