/** One of several gateways: `sallyport serve` on a machine of its own, that can be drained, killed and started again. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { expect, vi } from 'vitest';
import { MAIN } from '../cli/run.ts';
import type { Packages } from '../support/debian-packages.ts';
import { LogLines } from '../support/log-lines.ts';
import type { TestMachine } from '../support/network-namespaces.ts';
import { sumSeries } from '../support/prometheus-text.ts';

/** Milliseconds. */
const START_LIMIT = 20_000;

/** Where each of them answers HTTP. */
export const ADMIN_PORT = 9121;

export class ReplicaProcess {
  readonly #machine: TestMachine;
  readonly #curl: Packages;
  readonly #file: string;
  #child: ChildProcess | undefined;
  #ended: Promise<number | null> = Promise.resolve(null);
  readonly #starts: LogLines[] = [];

  /** `file` is its configuration. It reads metrics with the curl of these packages, on the machine. */
  constructor(machine: TestMachine, curl: Packages, file: string) {
    this.#machine = machine;
    this.#curl = curl;
    this.#file = file;
  }

  /** What it has logged since its first start. */
  get log(): string {
    return this.#starts.map(({ text }) => text).join('');
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it; resolves when it takes clients. Throws an Error with what it said where it ends before. */
  async start(): Promise<void> {
    const child = this.#machine.start(process.execPath, [MAIN, 'serve', '--config', this.#file], { NO_COLOR: '1' });
    this.#child = child;
    const logs = new LogLines();
    this.#starts.push(logs);
    child.stdout?.pipe(logs);
    const complaints = child.stderr === null ? Promise.resolve(Buffer.alloc(0)) : buffer(child.stderr);
    const closed = once(child, 'close');
    this.#ended = closed.then(([code]) => code);
    const died = Promise.all([closed, complaints]).then(([, said]) => {
      throw new Error(`ended before it served: ${said}${logs.text}`);
    });
    await Promise.race([died, logs.until({ event: 'backend-availability' }, START_LIMIT)]);
    died.catch(() => {});
  }

  /** Resolves when it has links to so many others. */
  async seesOthers(count: number): Promise<void> {
    const linked = () => this.metric('sallyport_replica_up');
    await vi.waitFor(async () => expect(await linked(), this.log).toBe(count), { timeout: 10_000, interval: 50 });
  }

  /** Lets it end as a service manager does; resolves with its exit code when it has ended. */
  drain(): Promise<number | null> {
    this.#child?.kill('SIGTERM');
    return this.#ended;
  }

  /** Ends it without a word. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  /** Sum of a metric over all its series whose labels contain the given ones. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return sumSeries(await this.metrics(), name, labels);
  }

  /** Everything that it counts. */
  async metrics(): Promise<string> {
    const words = ['-q', '-sS', '--fail', `http://127.0.0.1:${ADMIN_PORT}/metrics`];
    const env = this.#curl.environment('/nonexistent');
    const { code, output, errors } = await this.#machine.run(this.#curl.path('usr/bin/curl'), words, { env });
    if (code !== 0) throw new Error(`no metrics: ${errors}`);
    return output;
  }
}
