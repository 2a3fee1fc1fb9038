/**
 * Tells systemd how the service is (sd_notify(3)): ready, reloading, stopping, and alive for its watchdog. The words go through
 * systemd's own program `systemd-notify`, because Node has no datagram sockets of the UNIX family; the unit needs `NotifyAccess=all`.
 */
import { execFile } from 'node:child_process';

/** Variables that systemd sets for a service that shall tell. */
export interface ServiceManagerEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  /** Microseconds after which a service that says nothing counts as dead. */
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

/** How long `systemd-notify` may take (milliseconds). */
const PATIENCE = 10_000;

export class ServiceManager {
  readonly #enabled: boolean;
  readonly #watchdog: NodeJS.Timeout | undefined;
  readonly #onFault: (error: Error) => void;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  #faulty = false;
  #ends = false;

  /** Says nothing where no service manager listens. `onFault` is told the first time that a word does not get through. */
  constructor(environment: ServiceManagerEnvironment, onFault: (error: Error) => void) {
    this.#enabled = (environment.NOTIFY_SOCKET ?? '') !== '';
    this.#onFault = onFault;
    const interval = this.#enabled ? watchdogInterval(environment) : undefined;
    // As long as the process runs what it has to run, it is alive.
    if (interval !== undefined) this.#watchdog = setInterval(() => this.#alive(), interval).unref();
  }

  /** Clients are served. Resolves when it was told. */
  ready(): Promise<void> {
    return this.#ends ? this.#last : this.#tell('READY=1', 'STATUS=serving clients');
  }

  /** The configuration is read again; {@link ready} must follow. */
  reloading(): Promise<void> {
    return this.#ends ? this.#last : this.#tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  /** The service ends. */
  stopping(status: string): Promise<void> {
    this.#ends = true;
    return this.#tell('STOPPING=1', `STATUS=${status}`);
  }

  /** Tells no more. */
  close(): void {
    clearInterval(this.#watchdog);
  }

  #alive(): void {
    // One that does not get through must not be followed by more.
    if (this.#waiting === 0) void this.#tell('WATCHDOG=1');
  }

  /** In order, one at a time. Never rejects. */
  #tell(...words: readonly string[]): Promise<void> {
    if (!this.#enabled) return Promise.resolve();
    this.#waiting += 1;
    this.#last = this.#last
      .then(() => notify(words))
      .then(
        () => this.#told(undefined),
        (error: Error) => this.#told(error),
      );
    return this.#last;
  }

  #told(fault: Error | undefined): void {
    this.#waiting -= 1;
    if (fault !== undefined && !this.#faulty) this.#onFault(fault);
    this.#faulty = fault !== undefined;
  }
}

function watchdogInterval({ WATCHDOG_USEC, WATCHDOG_PID }: ServiceManagerEnvironment): number | undefined {
  const microseconds = Number(WATCHDOG_USEC ?? '');
  if (!Number.isFinite(microseconds) || microseconds <= 0) return undefined;
  if (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== process.pid) return undefined;
  return microseconds / 1000 / 2;
}

function notify(words: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('systemd-notify', [...words], { timeout: PATIENCE }, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}
