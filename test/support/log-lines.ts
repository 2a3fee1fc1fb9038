/**
 * A destination for the JSON log that keeps every line, so that tests can ask what was logged and what was not.
 */
import { Writable } from 'node:stream';
import { Changes } from './changes.ts';

/** A parsed log line, with the fields that tests name. */
export interface LogLine {
  readonly [field: string]: unknown;
  readonly event?: unknown;
  readonly session?: unknown;
  readonly outcome?: unknown;
  readonly user?: unknown;
  readonly backendDataPeer?: unknown;
}

/** Keeps log lines. */
export class LogLines extends Writable {
  readonly lines: LogLine[] = [];
  #text = '';
  #rest = '';
  readonly #changes = new Changes();

  /** Everything logged, as written. */
  get text(): string {
    return this.#text;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#text += chunk.toString();
    this.#rest += chunk.toString();
    const whole = this.#rest.split('\n');
    this.#rest = whole.pop() ?? '';
    for (const line of whole) if (line !== '') this.lines.push(JSON.parse(line) as LogLine);
    this.#changes.notify();
    done();
  }

  /** The first line that has all these fields with these values, as soon as it is there. */
  until(fields: LogLine, timeout = 5000): Promise<LogLine> {
    const matches = (line: LogLine): boolean => Object.entries(fields).every(([key, value]) => line[key] === value);
    return this.#changes.until(
      () => this.lines.find(matches),
      () => `no log line with ${JSON.stringify(fields)} among\n${this.#text}`,
      timeout,
    );
  }
}
