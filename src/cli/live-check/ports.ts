/**
 * Binds every port that the gateway would bind, all at once as the gateway does, and lets go of them again.
 * Hangs up on whoever connects meanwhile.
 */
import type { Config } from '../../config/schema.ts';
import { describeSystemError } from '../../errors/system-error.ts';
import { familyOf, formatEndpoint } from '../../net/address.ts';
import { type Listener, listen } from '../../net/listener.ts';
import { OpenSockets } from '../../net/open-sockets.ts';
import { type Finding, failed, ok } from './finding.ts';
import { checkOutgoingPorts } from './outgoing-ports.ts';

/** A port to bind. `check` names it, `key` is where it can be changed. */
interface Wanted {
  readonly check: string;
  readonly key: string;
  readonly address: string;
  readonly port: number;
}

/** One finding for the passive range where all of it can be bound, one for each of its ports that cannot, one for each other port; a warning where outgoing connections may take ports of the range. */
export async function checkPorts(config: Config): Promise<readonly Finding[]> {
  const held: Listener[] = [];
  try {
    // The range first: a listener on any free port must not take a port of it.
    const range = await bindAll(passivePorts(config), held);
    const others = await bindAll(singlePorts(config), held);
    const broken = range.filter(({ level }) => level === 'failed');
    return [...others, ...(broken.length > 0 ? broken : [wholeRange(config)]), ...(await checkOutgoingPorts(config))];
  } finally {
    await Promise.all(held.map((listener) => listener.close()));
  }
}

function singlePorts({ listeners, admin, replication }: Config): readonly Wanted[] {
  return [
    ...listeners.map(({ name, address, port }, index) => {
      return { check: `listener ${name}`, key: `listeners[${index}].port`, address, port };
    }),
    { check: 'side port', key: 'admin.port', address: admin.address, port: admin.port },
    ...(replication.count === 1
      ? []
      : [{ check: 'port for other replicas', key: 'replication.listen.port', ...replication.listen }]),
  ];
}

function passivePorts(config: Config): readonly Wanted[] {
  const { first, last } = config.data.passive.ports;
  const ports = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const addresses = passiveAddresses(config);
  return ports.flatMap((port) =>
    addresses.map((address) => ({ check: 'passive port', key: 'data.passive.ports', address, port })),
  );
}

/** The addresses of the listeners without those that a wildcard covers: they could not be bound beside it. */
function passiveAddresses({ listeners }: Config): readonly string[] {
  const distinct = [...new Set(listeners.map(({ address }) => address))];
  if (distinct.includes('::')) return ['::'];
  if (!distinct.includes('0.0.0.0')) return distinct;
  return distinct.filter((address) => address === '0.0.0.0' || familyOf(address) === 2);
}

function wholeRange(config: Config): Finding {
  const { first, last } = config.data.passive.ports;
  const addresses = passiveAddresses(config);
  return ok('passive ports', `${first}-${last} on ${addresses.join(', ')} can be bound`, { first, last, addresses });
}

async function bindAll(wanted: readonly Wanted[], held: Listener[]): Promise<readonly Finding[]> {
  const sockets = new OpenSockets();
  const findings: Finding[] = [];
  for (const each of wanted) {
    try {
      held.push(await bind(each, sockets));
      const { check, address, port } = each;
      const what = port === 0 ? `any free port on ${address}` : formatEndpoint({ address, port });
      findings.push(ok(check, `${what} can be bound`, { address, port }));
    } catch (error) {
      const finding = unbound(each, error);
      findings.push(finding);
      // The same would be said of every port that is left.
      if (finding.facts?.['reason'] === 'EMFILE') break;
    }
  }
  return findings;
}

function bind({ address, port }: Wanted, sockets: OpenSockets): Promise<Listener> {
  return listen({
    address,
    port,
    keepAlive: 0,
    sockets,
    onConnection: (socket) => {
      socket.on('error', () => {});
      socket.destroy();
    },
    onError: () => {},
  });
}

function unbound({ check, key, address, port }: Wanted, error: unknown): Finding {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  return failed(check, describeSystemError(error), remedyFor(reason, key), { address, port, reason });
}

function remedyFor(reason: string, key: string): string {
  switch (reason) {
    case 'EADDRINUSE':
      return `Find the holder with "ss -tanp" and stop it, or change ${key}. An outgoing connection keeps its port for a minute after its end. Where it is this gateway, already running, nothing is wrong.`;
    case 'EACCES':
      return `Ports below 1024 need root or CAP_NET_BIND_SERVICE: check as the user that runs the gateway, or change ${key}.`;
    case 'EMFILE':
      return 'Raise the limit of open files (ulimit -n): every port of the range needs one, every session two or more.';
    default:
      return `Change ${key.replace('.port', '.address')} to an address of this machine, or to "::" for all of them.`;
  }
}
