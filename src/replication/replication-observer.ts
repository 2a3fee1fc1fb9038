/**
 * Log lines and counts about other replicas. A failure that goes on is told once.
 */
import type { UnclaimedCause } from '../data/unclaimed.ts';
import type { GatewayError } from '../errors/errors.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { writeEvent } from '../observe/write-event.ts';
import type { LinkObserver } from './link-environment.ts';
import type { Introduction } from './messages.ts';
import type { Handover } from './strays.ts';

export interface ReplicationObserverOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly onUnclaimed: (port: number, address: string, cause: UnclaimedCause) => void;
}

export class ReplicationObserver implements LinkObserver {
  readonly #options: ReplicationObserverOptions;
  readonly #own: () => Introduction;
  /** What was told of a replica last. */
  readonly #told = new Map<number, string>();
  readonly #refused = new Map<string, string>();
  readonly #differing = new Map<number, string>();

  constructor(options: ReplicationObserverOptions, own: () => Introduction) {
    this.#options = options;
    this.#own = own;
  }

  up(index: number, introduction: Introduction): void {
    const { logger, metrics } = this.#options;
    this.#told.delete(index);
    metrics.replicaUp(index, true);
    const fields = { replica: index, ports: introduction.ports };
    writeEvent(logger, 'replica-up', `replica ${index} can be asked`, fields);
    this.introduced(introduction);
  }

  down(index: number, reason: GatewayError): void {
    this.#lost(index, reason);
  }

  failed(index: number, reason: GatewayError): void {
    this.#lost(index, reason);
  }

  /** A replica wanted to speak to this one, and must not. */
  refused(address: string, reason: GatewayError): void {
    const { logger, metrics } = this.#options;
    const { code, detail } = reason;
    metrics.replicaLinkFailed(code);
    const host = address.replace(/:\d+$/, '');
    if (this.#refused.get(host) === reason.message) return;
    if (this.#refused.size > 1000) this.#refused.clear();
    this.#refused.set(host, reason.message);
    writeEvent(logger, 'replica-refused', `a connection from another replica was refused: ${code}`, {
      address,
      cause: code,
      detail,
    });
  }

  /** What a replica says of itself is compared with what is known here. */
  introduced({ index, count, range }: Introduction): void {
    const own = this.#own();
    const differences = [
      ...(count === own.count ? [] : [`replication.count is ${count} there and ${own.count} here`]),
      ...(range === own.range ? [] : [`data.passive.ports is ${range} there and ${own.range} here`]),
    ];
    const detail = differences.join('; ');
    if ((this.#differing.get(index) ?? '') === detail) return;
    this.#differing.set(index, detail);
    if (detail === '') return;
    const { logger } = this.#options;
    writeEvent(logger, 'replica-differs', `replica ${index} has another configuration`, { replica: index, detail });
  }

  /** A data connection was handed over to another replica, and this came of it. */
  handedOver(outcome: Handover, bytes: number): void {
    this.#options.metrics.handedOver('sent', outcome, bytes);
  }

  /** A data connection was lost on its way to another replica. */
  notHandedOver(index: number, { code, detail }: GatewayError): void {
    const fields = { replica: index, cause: code, detail };
    writeEvent(this.#options.logger, 'handover-failed', `replica ${index} did not take a data connection`, fields);
  }

  /** A data connection came from another replica. */
  received(outcome: 'accepted' | 'forged'): void {
    this.#options.metrics.handedOver('received', outcome, 0);
  }

  #lost(index: number, reason: GatewayError): void {
    const { logger, metrics } = this.#options;
    const { code, detail } = reason;
    metrics.replicaUp(index, false);
    metrics.replicaLinkFailed(code);
    if (this.#told.get(index) === code) return;
    this.#told.set(index, code);
    const text = `replica ${index} cannot be asked: ${code}`;
    writeEvent(logger, 'replica-down', text, { replica: index, cause: code, detail });
  }
}
