/**
 * Fetches what the tests of the Helm chart need into a cache outside the checkout: Helm, built from the Go module proxy, and the schemas of
 * Kubernetes from PyPI. Does nothing where they are there. Needs go, and python3 with venv.
 */
import { spawnSync } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HELM_VERSION, helmToolPaths, VALIDATOR_VERSION } from '../test/support/helm.ts';

const { helm, python } = helmToolPaths();

await provide(join(helm, '..'), (folder) => {
  const go = run('go', ['env', 'GOVERSION'], {}, true) ? 'go' : '/usr/local/go/bin/go';
  const wanted = `helm.sh/helm/v3/cmd/helm@v${HELM_VERSION}`;
  run(go, ['install', '-trimpath', '-ldflags=-s -w', wanted], { GOBIN: folder, CGO_ENABLED: '0' });
});
await provide(join(python, '../..'), (folder) => {
  run('python3', ['-m', 'venv', folder]);
  run(join(folder, 'bin/python'), [
    ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'],
    `kubernetes-validate==${VALIDATOR_VERSION}`,
  ]);
});

/** Makes a folder, whole or not at all. */
async function provide(folder: string, fill: (folder: string) => void): Promise<void> {
  if (await exists(folder)) return;
  await mkdir(join(folder, '..'), { recursive: true });
  const work = await mkdtemp(`${folder}-`);
  const since = performance.now();
  try {
    fill(work);
    // Another process may have been faster.
    if (!(await exists(folder))) await rename(work, folder);
    process.stdout.write(`${folder}: ${Math.round((performance.now() - since) / 1000)} s\n`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Runs a program; throws an Error when it fails, or tells whether it did where that is asked. */
function run(program: string, words: readonly string[], env: Record<string, string> = {}, ask = false): boolean {
  const { status, error } = spawnSync(program, words, {
    env: { ...process.env, ...env },
    stdio: ask ? 'ignore' : ['ignore', 'inherit', 'inherit'],
  });
  if (ask) return status === 0;
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${error?.message ?? `exit code ${status}`}`);
  return true;
}
