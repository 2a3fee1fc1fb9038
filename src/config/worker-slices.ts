/**
 * Shares a configuration among worker processes: how many there are, the rules that they need, and what each one's own
 * configuration is. Pure. Starts nothing.
 */
import type { ConfigProblem } from './problem.ts';
import type { BackendConfig, Config, PortRange } from './schema.ts';

/** Every worker needs a port of its own in each range. */
export function workersErrors(config: Config): readonly ConfigProblem[] {
  const { workers } = config;
  if (workers === 'auto') return [];
  return rangesOf(config).flatMap(([path, ports]) => {
    const size = sizeOf(ports);
    if (size >= workers) return [];
    const message = `found ${workers}, expected at most ${size}: each worker needs a port of its own, and ${path} (${rangeText(ports)}) has ${size}`;
    return [{ path: 'workers', message, related: [path] }];
  });
}

/** How many workers a configuration means on a machine with that many processors. */
export function workerCount(config: Config, processors: number): number {
  if (config.workers !== 'auto') return config.workers;
  return Math.max(1, Math.min(processors, ...rangesOf(config).map(([, ports]) => sizeOf(ports))));
}

/**
 * The configuration of worker `number` (from 1) of `count`: the same, with its own slice of the ports on which backends in active mode
 * connect. Its passive ports: see {@link sharePorts}.
 */
export function configOfWorker(config: Config, number: number, count: number): Config {
  return {
    ...config,
    backends: config.backends.map((backend) => {
      const ports = activePorts(backend);
      if (ports === null) return backend;
      return { ...backend, active: { ...backend.active, ports: slice(ports, number, count) } };
    }),
  };
}

/**
 * Shares the passive range among `count` workers: in slices whose sizes differ by one port at most; where workers hold ports
 * already (`held`) each keeps what is still in the range, and who has fewest gets new ones.
 */
export function sharePorts(
  range: PortRange,
  count: number,
  held?: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  if (held === undefined) return Array.from({ length: count }, (_, index) => portsOf(slice(range, index + 1, count)));
  const shares = held.map((ports) => ports.filter((port) => port >= range.first && port <= range.last));
  const known = new Set(shares.flat());
  for (const port of portsOf(range).filter((each) => !known.has(each))) {
    const least = Math.min(...shares.map(({ length }) => length));
    shares.find(({ length }) => length === least)?.push(port);
  }
  return shares;
}

/** Ports as a person writes them: `50000-50004, 50010`. */
export function portsText(ports: readonly number[]): string {
  const runs: { first: number; last: number }[] = [];
  for (const port of [...ports].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run?.last === port - 1) run.last = port;
    else runs.push({ first: port, last: port });
  }
  return runs.map(rangeText).join(', ');
}

/** Every port of a range. */
export function portsOf({ first, last }: PortRange): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** As a person writes it: `50000-50009`, or a single port. */
export function rangeText({ first, last }: PortRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}

/** Slice `number` (from 1) of `count` slices in a row, whose sizes differ by one port at most. */
function slice({ first, last }: PortRange, number: number, count: number): PortRange {
  const size = last - first + 1;
  const start = (index: number): number => first + Math.floor((size * index) / count);
  return { first: start(number - 1), last: start(number) - 1 };
}

function rangesOf({ data, backends }: Config): readonly (readonly [path: string, ports: PortRange])[] {
  const active = backends.flatMap((backend, index) => {
    const ports = activePorts(backend);
    return ports === null ? [] : [[`backends[${index}].active.ports`, ports] as const];
  });
  return [['data.passive.ports', data.passive.ports], ...active];
}

function activePorts({ dataMode, active }: BackendConfig): PortRange | null {
  return dataMode === 'active' ? active.ports : null;
}

function sizeOf({ first, last }: PortRange): number {
  return last - first + 1;
}
