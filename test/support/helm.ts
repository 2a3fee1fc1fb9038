/**
 * Helm and Kubernetes' own schemas, kept outside the checkout, where `scripts/provide-helm.ts` has put them. Finds them, renders the chart and
 * validates what comes of it. Knows nothing of what the chart says.
 */
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type KubernetesObject, Rendered } from './kubernetes-objects.ts';
import { runProgram } from './processes.ts';

/** The Helm that the chart is tested with. */
export const HELM_VERSION = '3.22.0';

/** The package of PyPI that has the schemas of Kubernetes. */
export const VALIDATOR_VERSION = '1.37.0';

/** The versions of Kubernetes whose schemas count: the oldest that the chart names, one in use, and the newest that are known. */
export const KUBERNETES_VERSIONS = ['1.25', '1.34', '1.37'] as const;

/** The chart. */
export const CHART = join(import.meta.dirname, '../../helm/sallyport');

/** Its examples. */
export const EXAMPLES = join(import.meta.dirname, '../../helm/examples');

/** Name and namespace of the release in tests. */
export const RELEASE = { name: 'ftp', namespace: 'partners' } as const;

/** Where the tools are. */
export interface HelmTools {
  readonly helm: string;
  readonly python: string;
}

/** Absolute paths of the tools, whether they are there or not. */
export function helmToolPaths(): HelmTools {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sallyport');
  return {
    helm: join(cache, `helm-${HELM_VERSION}`, 'helm'),
    python: join(cache, `kubernetes-validate-${VALIDATOR_VERSION}`, 'bin', 'python'),
  };
}

/** The tools; the reason as a string where this machine has not got them. */
export async function findHelm(): Promise<HelmTools | string> {
  const tools = helmToolPaths();
  for (const [name, path] of Object.entries(tools)) {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (!there) return `this machine has no ${name} in ${path}; node scripts/provide-helm.ts fetches it`;
  }
  return tools;
}

/**
 * Declares tests that need the tools. Without them declares one skipped test that tells why; with SALLYPORT_INTEROP=required in the environment it
 * throws an Error instead.
 */
export async function describeWithHelm(title: string, declare: (tools: HelmTools) => void): Promise<void> {
  const found = await findHelm();
  if (typeof found !== 'string') {
    describe(title, () => declare(found));
    return;
  }
  if (process.env['SALLYPORT_INTEROP'] === 'required') {
    throw new Error(`the tests of the chart are required, but ${found}`);
  }
  process.stderr.write(`\n*** SKIPPED: ${title}: ${found}. ***\n\n`);
  describe(title, () => {
    it.skipIf(true)(`SKIPPED: ${found}`, () => {});
  });
}

/** What values a rendering has: files, and JSON that is put over them. */
export interface Rendering {
  readonly files?: readonly string[];
  readonly values?: unknown;
  /** The chart, in place of the real one. */
  readonly chart?: string;
  /** Version of Kubernetes. */
  readonly version?: string;
}

/** The objects that a rendering makes. Rejects with an Error that has Helm's own words. */
export async function renderChart(tools: HelmTools, rendering: Rendering): Promise<Rendered> {
  const { code, output, errors } = await callHelm(tools, 'template', rendering);
  if (code !== 0) throw new Error(errors);
  // Kubernetes reads YAML 1.1: 0440 is octal.
  const documents = parseAllDocuments(Buffer.from(output, 'latin1').toString('utf8'), { version: '1.1' });
  if (!Array.isArray(documents)) return new Rendered([], RELEASE.name);
  const objects = documents.flatMap((document) => {
    const [wrong] = document.errors;
    if (wrong !== undefined) throw wrong;
    const content = document.toJS() as KubernetesObject | null;
    return content === null ? [] : [content];
  });
  return new Rendered(objects, RELEASE.name);
}

/** Runs `helm template` or `helm lint` on the chart. */
export function callHelm(
  { helm }: HelmTools,
  command: 'template' | 'lint',
  { files = [], values = {}, chart = CHART, version = KUBERNETES_VERSIONS[1] }: Rendering,
) {
  const release = command === 'template' ? [RELEASE.name, chart] : ['--strict', chart];
  const words = [
    ...[command, ...release, '--namespace', RELEASE.namespace, '--kube-version', version],
    ...files.flatMap((file) => ['--values', join(EXAMPLES, file)]),
    ...['--values', '-'],
  ];
  // JSON is YAML; Helm reads its input as UTF-8.
  const input = Buffer.from(JSON.stringify(values), 'utf8').toString('latin1');
  return runProgram(helm, words, { input, limit: 20_000, env: { PATH: '/usr/bin:/bin', HOME: '/nonexistent' } });
}

/**
 * Holds objects against the strict schemas of some versions of Kubernetes: unknown keys are wrong. Resolves with what is wrong, a line each, and
 * with the kinds that Kubernetes itself does not know.
 */
export async function validateObjects(
  { python }: HelmTools,
  objects: readonly { readonly place: string; readonly object: KubernetesObject }[],
  versions: readonly string[] = KUBERNETES_VERSIONS,
): Promise<{ readonly wrong: readonly string[]; readonly unknown: readonly string[] }> {
  const script = join(import.meta.dirname, 'validate-kubernetes.py');
  const input = Buffer.from(JSON.stringify({ versions, objects }), 'utf8').toString('latin1');
  const { code, output, errors } = await runProgram(python, [script], { input, limit: 60_000 });
  if (code !== 0) throw new Error(errors);
  return JSON.parse(Buffer.from(output, 'latin1').toString('utf8'));
}
