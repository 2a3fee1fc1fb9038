/**
 * Finds out which ports are taken before anything is started, so that all of them can be told at once, with others that are free.
 */
import type { PortRange } from '../config/schema.ts';
import { portsOf } from '../config/worker-slices.ts';
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

/** Others are looked for in steps of this many ports, so that they still look like those that they stand for. */
const STEP = 1000;
/** Below the range from which Linux takes ports for outgoing connections (`net.ipv4.ip_local_port_range`). */
const OTHERS: PortRange = { first: 2000, last: 31_999 };

/**
 * As many neighbouring ports as `range` has, all of them free on all of `addresses` a moment ago and none of them in `avoid`; undefined
 * where there are none.
 */
export async function findFreePorts(
  range: PortRange,
  addresses: readonly string[],
  avoid: ReadonlySet<number>,
): Promise<PortRange | undefined> {
  const span = OTHERS.last - OTHERS.first + 1;
  const start = range.first - OTHERS.first + span;
  for (let offset = STEP; offset <= span; offset += STEP) {
    const first = OTHERS.first + ((start + offset) % span);
    const ports = portsOf({ first, last: first + range.last - range.first });
    if (ports.some((port) => avoid.has(port) || port > OTHERS.last)) continue;
    if ((await findTakenPorts(ports, addresses)).length === 0) return { first, last: first + ports.length - 1 };
  }
  return undefined;
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
