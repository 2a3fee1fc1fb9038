/** Configurations for `sallyport check --live` with free ports, and what it printed as JSON. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Finding } from '../../src/cli/live-check/finding.ts';
import type { LiveReport } from '../../src/cli/live-check/live-check.ts';
import { testCertificate } from '../support/certificates.ts';
import { freePorts, type PortBlock } from '../support/free-ports.ts';
import { PASSWORD } from '../support/scripted-client.ts';
import { type Ended, Running } from './run.ts';

/** Flags and environment for a login that a scripted backend accepts. */
export const LOGIN = ['--user', 'ann'];
export const SECRET = { SALLYPORT_CHECK_PASSWORD: PASSWORD };

/** A folder for the configuration, and five free ports: listener, side port, passive range. */
export class LiveCheck {
  readonly folder: string;
  readonly ports: PortBlock;

  private constructor(folder: string, ports: PortBlock) {
    this.folder = folder;
    this.ports = ports;
  }

  static async prepare(): Promise<LiveCheck> {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
    return new LiveCheck(folder, await freePorts(5, ['127.0.0.1']));
  }

  /** Writes a configuration for a backend on this port; what is given replaces the lines of the same keys. */
  async configuration(backendPort: number, lines: Readonly<Record<string, string>> = {}): Promise<string> {
    const { cert, key } = await testCertificate();
    const { first } = this.ports;
    const all = {
      listeners: `[{ name: public, address: 127.0.0.1, port: ${first} }]`,
      tls: `{ certificates: [{ cert: ${cert}, key: ${key} }] }`,
      data: `{ passive: { ports: ${first + 2}-${first + 4} } }`,
      backends: `[{ name: legacy, host: 127.0.0.1, port: ${backendPort} }]`,
      admin: `{ port: ${first + 1} }`,
      timeouts: '{ backendConnect: 2s, backendGreeting: 300ms, finalReply: 300ms }',
      ...lines,
    };
    const path = join(this.folder, 'live.yaml');
    const text = Object.entries(all).map(([name, value]) => `${name}: ${value}\n`);
    await writeFile(path, text.join(''));
    return path;
  }

  async remove(): Promise<void> {
    await this.ports.release();
    await rm(this.folder, { recursive: true });
  }
}

/** Runs the check to its end. */
export function runLive(
  path: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return new Running(['check', '--config', path, '--live', ...args], env).ended;
}

/** What was printed with `--json`. */
export function report({ out }: Ended): LiveReport {
  return JSON.parse(out).live;
}

/** What was found of the only backend, by what was tried. */
export function ofBackend(ended: Ended): Readonly<Record<string, Finding>> {
  const findings = report(ended).backends[0]?.findings ?? [];
  return Object.fromEntries(findings.map((finding) => [finding.check, finding]));
}
