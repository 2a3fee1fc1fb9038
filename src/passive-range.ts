/**
 * The passive range as one gateway has it: its ports, who its clients are, the other replicas on the same ports, and what becomes of
 * connections that belong to nobody.
 */
import type { Config } from './config/schema.ts';
import { portsOf } from './config/worker-slices.ts';
import { PassivePool, type PassivePoolOptions } from './data/passive-pool.ts';
import type { UnclaimedCause } from './data/unclaimed.ts';
import { type Identify, type IdentifyOptions, identifyBy, identifyData } from './identify.ts';
import { distinctAddresses } from './net/address.ts';
import type { OpenSockets } from './net/open-sockets.ts';
import { type PreparedChange, prepareAll } from './net/prepared-change.ts';
import type { Logger } from './observe/logger.ts';
import type { Metrics } from './observe/metrics.ts';
import { writeEvent } from './observe/write-event.ts';
import { ownIndex } from './replication/own-ports.ts';
import { Replication } from './replication/replication.ts';

export interface PassiveRangeOptions {
  readonly config: Config;
  readonly sockets: OpenSockets;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Fires when the gateway stops. */
  readonly signal: AbortSignal;
  readonly onError: (error: Error) => void;
}

export class PassiveRange {
  readonly pool: PassivePool;
  /** The other replicas; undefined where there are none. */
  readonly replication: Replication | undefined;
  readonly #options: PassiveRangeOptions;

  /** Binds nothing yet. */
  constructor(options: PassiveRangeOptions) {
    this.#options = options;
    this.pool = new PassivePool(this.#poolOptions(options.config, []));
    options.metrics.setPassivePortsReader(() => this.pool.usage);
    const onUnclaimed = this.unclaimed.bind(this);
    const isOne = ownIndex(options.config) !== undefined;
    this.replication = isOne ? new Replication({ ...options, arrivals: this.pool.arrivals, onUnclaimed }) : undefined;
  }

  /**
   * Makes the range of a configuration ready; sessions get `ports` of it, or those of this replica. Rejects with Node's error where a port
   * cannot be bound.
   */
  prepare(config: Config, ports: readonly number[]): Promise<PreparedChange> {
    const { replication } = this;
    if (replication === undefined) return this.pool.prepare(this.#poolOptions(config, ports));
    const own = {
      ports: replication.ownPorts(config),
      morePorts: portsOf(config.data.passive.ports),
      elsewhere: replication,
    };
    return prepareAll([
      () => replication.prepare(config),
      () => this.pool.prepare({ ...this.#poolOptions(config, ports), ...own }),
    ]);
  }

  /** A connection that belongs to nobody was closed. */
  unclaimed(port: number, address: string, cause: UnclaimedCause): void {
    const { logger, metrics } = this.#options;
    metrics.unclaimedDataConnection(cause);
    const fields = { port, address, problem: cause };
    writeEvent(logger, 'data-connection-unclaimed', 'this data connection belongs to nobody', fields);
  }

  /** Unbinds all ports. */
  close(): Promise<void> {
    return this.pool.close();
  }

  #poolOptions(config: Config, ports: readonly number[]): PassivePoolOptions {
    const { sockets, onError } = this.#options;
    return {
      addresses: distinctAddresses(config.listeners.map(({ address }) => address)),
      ports,
      peer: config.data.peer,
      identification: config.timeouts.tlsHandshake,
      lateness: config.timeouts.dataArrival,
      doubtsLate: ownIndex(config) !== undefined,
      wait: config.timeouts.passivePort,
      keepAlive: config.timeouts.keepalive,
      sockets,
      ...identifyData(config.listeners, (trusted) => this.#identifyBy(config, trusted)),
      onUnclaimed: (port, address, cause) => this.unclaimed(port, address, cause),
      onError,
    };
  }

  #identifyBy({ timeouts }: Config, trusted: readonly string[]): Identify {
    const { logger, metrics, signal } = this.#options;
    const options: IdentifyOptions = {
      ...{ channel: 'data', header: 'required', trusted, timeout: timeouts.proxyHeader, logger, metrics, signal },
    };
    return identifyBy(options);
  }
}
