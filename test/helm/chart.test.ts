/** The chart passes Helm's own rules, and what it renders is what Kubernetes knows: every example, in several versions. */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  callHelm,
  describeWithHelm,
  EXAMPLES,
  KUBERNETES_VERSIONS,
  renderChart,
  validateObjects,
} from '../support/helm.ts';
import type { KubernetesObject } from '../support/kubernetes-objects.ts';

const FILES = readdirSync(EXAMPLES).sort();

await describeWithHelm('the chart', (tools) => {
  it.each(FILES)('%s passes helm lint', async (file) => {
    const { code, output, errors } = await callHelm(tools, 'lint', { files: [file] });
    expect(`${output}${errors}`).not.toMatch(/\[(WARNING|ERROR)\]/);
    expect(code).toBe(0);
  });

  it('passes helm lint without values', async () => {
    const { code, output } = await callHelm(tools, 'lint', {});
    expect(code, output).toBe(0);
  });

  it('renders what the strict schemas of Kubernetes accept', async () => {
    const objects: { place: string; object: KubernetesObject }[] = [];
    for (const file of FILES) {
      const rendered = await renderChart(tools, { files: [file] });
      objects.push(...rendered.objects.map((object) => ({ place: file, object })));
    }
    const { wrong, unknown } = await validateObjects(tools, objects);
    expect(wrong).toEqual([]);
    // Those of operators: their shape is looked at elsewhere.
    expect(unknown).toEqual([
      'cert-manager.io/v1 Certificate',
      'monitoring.coreos.com/v1 PrometheusRule',
      'monitoring.coreos.com/v1 ServiceMonitor',
    ]);
    expect(objects.length).toBeGreaterThan(100);
  });

  it('is held against schemas that find mistakes', async () => {
    const service = (await renderChart(tools, { files: ['metallb.yaml'] })).one('Service');
    const mistyped: object = { tarGetPort: 21 };
    const mistaken: object = { publishNotReadyAddresses: 'no' };
    const { wrong } = await validateObjects(tools, [
      { place: 'one', object: { ...service, spec: { ...service.spec, ...mistyped } } },
      { place: 'two', object: { ...service, spec: { ...service.spec, ...mistaken } } },
    ]);
    expect(wrong).toHaveLength(2 * KUBERNETES_VERSIONS.length);
  });

  it.each(KUBERNETES_VERSIONS)('renders for Kubernetes %s', async (version) => {
    const { objects } = await renderChart(tools, { files: ['everything.yaml'], version });
    expect(objects.length).toBeGreaterThan(10);
  });

  it('refuses older versions of Kubernetes, which do not know port ranges in policies', async () => {
    const older = renderChart(tools, { files: ['metallb.yaml'], version: '1.24' });
    await expect(older).rejects.toThrow('requires kubeVersion: >=1.25.0-0');
  });
});
