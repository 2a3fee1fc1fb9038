/**
 * The frame of the tests of `deploy/`: the real tools that read what is there, or a skip with its reason (a failure where
 * SALLYPORT_INTEROP=required). Knows package names, not what is done with the tools.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { type Packages, provideDebianPackages } from '../support/debian-packages.ts';

/** The root of the repository. */
export const ROOT = join(import.meta.dirname, '../..');

/** Where fetched tools are kept; ignored by git. */
export const CACHE = join(import.meta.dirname, '.packages');

/** Prometheus and its `promtool`. Resolves with the reason as a string where this machine cannot have them. */
export function providePrometheus(): Promise<Packages | string> {
  return provideDebianPackages({
    folder: join(CACHE, 'prometheus'),
    wanted: ['prometheus'],
    mustLoad: ['usr/bin/prometheus', 'usr/bin/promtool'],
  });
}

/** The schema of compose files, as docker-compose has it; the program itself is not run. */
export function provideComposeSchema(): Promise<Packages | string> {
  return provideDebianPackages({ folder: join(CACHE, 'compose'), wanted: ['docker-compose'], mustLoad: [] });
}

/** What a machine with curl has. */
export function provideCurl(): Promise<Packages | string> {
  return provideDebianPackages({ folder: join(CACHE, 'curl'), wanted: ['curl'], mustLoad: ['usr/bin/curl'] });
}

/** What a machine has that builds and runs containers: podman and podman-compose, and what they call. */
export function provideContainerTools(): Promise<Packages | string> {
  return provideDebianPackages({
    folder: join(CACHE, 'containers'),
    wanted: [
      'podman',
      'podman-compose',
      'python3-dotenv',
      'python3-yaml',
      'conmon',
      'crun',
      'netavark',
      'aardvark-dns',
      'catatonit',
      'iptables',
      'golang-github-containers-common',
      'golang-github-containers-image',
      'debootstrap',
      'curl',
      'prometheus',
    ],
    mustLoad: [
      'usr/bin/podman',
      'usr/bin/conmon',
      'usr/bin/crun',
      'usr/sbin/xtables-nft-multi',
      'usr/bin/curl',
      'usr/bin/prometheus',
    ],
  });
}

/**
 * Declares tests on a machine of their own, which takes root and some minutes: only where `npm run test:machines` asks for them.
 * Otherwise one skipped test tells why. `boot` resolves with the reason as a string where there can be none.
 */
export async function describeOnMachine<T extends object>(
  title: string,
  boot: () => Promise<T | string>,
  declare: (booted: T) => void,
): Promise<void> {
  if (process.env['SALLYPORT_MACHINES'] !== '1') {
    // Whoever only changes the gateway need not boot systemd and build images.
    describe(title, () => it.skipIf(true)('SKIPPED: npm run test:machines runs it', () => {}));
    return;
  }
  // The machine has a folder for temporary files of its own.
  const hidden = ROOT.startsWith(tmpdir()) ? `the repository lies below ${tmpdir()}` : undefined;
  describeWith(title, hidden ?? (await boot()), declare);
}

/**
 * Declares tests that need something which this machine may not have. Where it has not, declares one skipped test that tells why; with
 * SALLYPORT_INTEROP=required in the environment it throws an Error instead.
 */
export function describeWith<T extends object>(title: string, found: T | string, declare: (found: T) => void): void {
  if (typeof found !== 'string') {
    describe(title, () => declare(found));
    return;
  }
  const { SALLYPORT_INTEROP: wish } = process.env;
  if (wish === 'required') throw new Error(`the tests of deploy/ are required, but ${found}`);
  process.stderr.write(`\n*** SKIPPED: ${title}: ${found}. ***\n\n`);
  describe(title, () => {
    // What this machine lacks cannot be tested on it.
    it.skipIf(true)(`SKIPPED: ${found}`, () => {});
  });
}
