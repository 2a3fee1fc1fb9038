/** What the pods are: confined, with time to end, reached by nobody who need not; and what operators are asked for beside them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { describeWithHelm, renderChart } from '../support/helm.ts';
import { present } from '../support/kubernetes-objects.ts';

const ROOT = join(import.meta.dirname, '../..');

await describeWithHelm('the pods of the gateway', (tools) => {
  const render = (file: string, values: unknown = {}) => renderChart(tools, { files: [file], values });

  describe('the pods', () => {
    it('have what the strictest profile of Pod Security demands', async () => {
      const { pod, container } = await render('everything.yaml');
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(pod.automountServiceAccountToken).toBe(false);
      for (const { containerPort } of container.ports) expect(containerPort).toBeGreaterThan(1023);
      for (const { readOnly } of container.volumeMounts) expect(readOnly).toBe(true);
    });

    it.each([
      ['by default', {}, 325],
      ['with longer transfers', { config: { timeouts: { drain: '10m' } } }, 625],
      ['with hours', { config: { timeouts: { drain: '1.5h' } } }, 5425],
      ['with a bare number', { config: { timeouts: { drain: 90 } } }, 115],
      ['with parts of a second', { config: { timeouts: { drain: '1500ms' } } }, 27],
      ['without preStop', { drain: { preStopSeconds: 0 } }, 315],
      ['with more than is needed', { drain: { terminationGracePeriodSeconds: 900 } }, 900],
    ])('have time to drain %s', async (_, values, seconds) => {
      const rendered = await render('metallb.yaml', values);
      expect(rendered.pod.terminationGracePeriodSeconds).toBe(seconds);
    });

    it('welcome clients until balancers know that they go', async () => {
      const rendered = await render('metallb.yaml');
      expect(rendered.container.lifecycle.preStop.exec.command).toEqual(['sleep', '10']);
      const at = await render('metallb.yaml', { drain: { preStopSeconds: 0 } });
      expect(at.container).not.toHaveProperty('lifecycle');
    });

    it('are asked on the side port, with HTTPS where it speaks that', async () => {
      const { container } = await render('metallb.yaml');
      const side = container.ports.find(({ name }) => name === 'side');
      expect(side?.containerPort).toBe(9121);
      expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'side', scheme: 'HTTP' });
      expect(container.startupProbe.httpGet).toEqual({ path: '/healthz', port: 'side', scheme: 'HTTP' });
      expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'side', scheme: 'HTTP' });
      const secure = await render('metallb.yaml', { config: { admin: { tls: { cert: 'a', key: 'b' } } } });
      expect(secure.container.readinessProbe.httpGet.scheme).toBe('HTTPS');
    });

    it('see changes of files without a restart: whole folders are mounted, and their names hold no contents', async () => {
      const rendered = await render('everything.yaml');
      for (const mount of rendered.container.volumeMounts) expect(mount).not.toHaveProperty('subPath');
      const changed = await render('everything.yaml', { config: { limits: { sessions: 3000 } } });
      expect(changed.one('ConfigMap')).not.toEqual(rendered.one('ConfigMap'));
      expect(changed.one('StatefulSet')).toEqual(rendered.one('StatefulSet'));
    });

    it('are restarted for the keys that need it', async () => {
      const template = async (values: unknown) =>
        (await render('single.yaml', values)).one('StatefulSet').spec.template;
      const before = await template({});
      expect(await template({ config: { workers: 3 } })).not.toEqual(before);
      expect(await template({ config: { log: { format: 'pretty' } } })).not.toEqual(before);
      expect(await template({ config: { log: { level: 'debug' } } })).toEqual(before);
      const several = async (values: unknown) =>
        (await render('gitops.yaml', values)).one('StatefulSet').spec.template.metadata;
      expect(await several({ exposure: { passivePorts: { slices: 6 } } })).not.toEqual(await several({}));
      expect(await several({ replicas: 4 })).toEqual(await several({}));
    });

    it('are spread over nodes and zones, and evicted one by one', async () => {
      const rendered = await render('metallb.yaml');
      const keys = rendered.pod.topologySpreadConstraints?.map(({ topologyKey }) => topologyKey);
      expect(keys).toEqual(['kubernetes.io/hostname', 'topology.kubernetes.io/zone']);
      expect(rendered.one('PodDisruptionBudget').spec.maxUnavailable).toBe(1);
      expect(rendered.one('StatefulSet').spec).toMatchObject({
        podManagementPolicy: 'Parallel',
        updateStrategy: { type: 'RollingUpdate' },
      });
      const own = await render('metallb.yaml', { topologySpreadConstraints: [] });
      expect(own.pod.topologySpreadConstraints ?? []).toEqual([]);
    });

    it('have the credentials of Secrets, as variables and as files', async () => {
      const rendered = await render('gitops.yaml');
      expect(rendered.container.env).toContainEqual({
        name: 'LEGACY_USER',
        valueFrom: { secretKeyRef: { name: 'legacy-login', key: 'user' } },
      });
      expect(rendered.container.volumeMounts).toContainEqual({
        name: 'credentials-0',
        mountPath: '/etc/sallyport/credentials/legacy',
        readOnly: true,
      });
      expect(rendered.volume('credentials-0')).toMatchObject({
        secret: { secretName: 'legacy-login', defaultMode: 0o440 },
      });
      expect(rendered.container.image).toMatch(/^registry\.example\.com\/sallyport@sha256:/);
    });

    it('take what else a cluster asks for', async () => {
      const { pod, container } = await render('everything.yaml', {
        affinity: { nodeAffinity: {} },
        extraVolumes: [{ name: 'audit', emptyDir: {} }],
        extraVolumeMounts: [{ name: 'audit', mountPath: '/var/log/sallyport', readOnly: false }],
        extraEnvFrom: [{ secretRef: { name: 'more' } }],
        podAnnotations: { 'example.com/team': 'edge' },
      });
      expect(pod).toMatchObject({
        priorityClassName: 'partner-facing',
        nodeSelector: { 'example.com/edge': 'true' },
        tolerations: [{ key: 'example.com/edge', operator: 'Exists', effect: 'NoSchedule' }],
        imagePullSecrets: [{ name: 'registry' }],
        affinity: { nodeAffinity: {} },
      });
      expect(pod.volumes).toContainEqual({ name: 'audit', emptyDir: {} });
      expect(container.env).toContainEqual({ name: 'TZ', value: 'UTC' });
      expect(container.envFrom).toEqual([{ secretRef: { name: 'more' } }]);
      expect(container.resources.limits['memory']).toBe('2Gi');
    });

    it('have an account without a token', async () => {
      expect((await render('metallb.yaml')).one('ServiceAccount').automountServiceAccountToken).toBe(false);
      const other = await render('metallb.yaml', { serviceAccount: { create: false, name: 'ftp' } });
      expect(other.all('ServiceAccount')).toEqual([]);
      expect(other.pod.serviceAccountName).toBe('ftp');
    });
  });

  describe('the policy', () => {
    it('lets the networks of clients in, and to the side port monitoring alone', async () => {
      const [clients, , side] = (await render('everything.yaml')).one('NetworkPolicy').spec.ingress;
      expect(clients?.from.slice(0, 2)).toEqual([
        { ipBlock: { cidr: '198.51.100.0/24' } },
        { ipBlock: { cidr: '203.0.113.0/24' } },
      ]);
      expect(clients?.from[2]?.podSelector?.matchLabels['app.kubernetes.io/component']).toBe('test');
      expect(side).toEqual({
        ports: [{ port: 9121, protocol: 'TCP' }],
        from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
      });
      const { ingress, policyTypes } = (await render('metallb.yaml')).one('NetworkPolicy').spec;
      expect(ingress.flatMap(({ ports }) => ports.map(({ port }) => port))).not.toContain(9121);
      expect(policyTypes).toEqual(['Ingress']);
    });

    it('lets the gateway out to names, to the others and to backends with their ranges', async () => {
      const { egress, policyTypes } = (await render('everything.yaml')).one('NetworkPolicy').spec;
      expect(policyTypes).toEqual(['Ingress', 'Egress']);
      const [names, peers, backends] = egress;
      expect(names?.ports.map(({ port }) => port)).toEqual([53, 53]);
      expect(peers?.ports).toEqual([{ port: 7946, protocol: 'TCP' }]);
      expect(backends).toEqual({
        to: [{ ipBlock: { cidr: '10.0.5.0/24' } }],
        ports: [
          { port: 21, protocol: 'TCP' },
          { port: 40000, endPort: 40999, protocol: 'TCP' },
        ],
      });
    });

    it('can be left to others', async () => {
      expect((await render('metallb.yaml', { networkPolicy: { enabled: false } })).all('NetworkPolicy')).toEqual([]);
    });
  });

  describe('what operators are asked for', () => {
    it('is a certificate whose Secret the gateway reads first', async () => {
      const rendered = await render('everything.yaml', { tls: { existingSecrets: ['old-name'] } });
      expect(rendered.one('Certificate')).toMatchObject({
        apiVersion: 'cert-manager.io/v1',
        spec: {
          secretName: 'ftp-sallyport-tls',
          dnsNames: ['ftp.example.com'],
          issuerRef: { name: 'letsencrypt', kind: 'ClusterIssuer', group: 'cert-manager.io' },
          renewBefore: '720h',
          privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' },
          usages: ['digital signature', 'key encipherment', 'server auth'],
        },
      });
      expect(rendered.one('Certificate').spec).not.toHaveProperty('duration');
      expect(rendered.config().tls.certificates.map(({ cert }) => cert)).toEqual([
        '/etc/sallyport/tls/ftp-sallyport-tls/tls.crt',
        '/etc/sallyport/tls/old-name/tls.crt',
      ]);
    });

    it('are metrics under the name of the job that alerts and dashboard ask for', async () => {
      const rendered = await render('everything.yaml');
      const { metadata, spec } = rendered.one('ServiceMonitor');
      expect(metadata.labels['release']).toBe('prometheus');
      expect(rendered.one('Service', '-peers').metadata.labels).toMatchObject(spec.selector.matchLabels);
      expect(rendered.one('Service').metadata.labels).not.toMatchObject(spec.selector.matchLabels);
      const [endpoint] = spec.endpoints;
      expect(endpoint).toMatchObject({ port: 'side', path: '/metrics', scheme: 'http', interval: '30s' });
      expect(endpoint?.relabelings).toContainEqual({ action: 'replace', targetLabel: 'job', replacement: 'sallyport' });
      const secure = await render('everything.yaml', {
        serviceMonitor: { authorization: { secret: 'tokens', key: 'read' }, tlsConfig: { insecureSkipVerify: true } },
        config: { admin: { readTokenFile: 'a', tls: { cert: 'b', key: 'c' } } },
      });
      expect(secure.one('ServiceMonitor').spec.endpoints[0]).toMatchObject({
        scheme: 'https',
        authorization: { type: 'Bearer', credentials: { name: 'tokens', key: 'read' } },
        tlsConfig: { insecureSkipVerify: true },
      });
    });

    it('are the rules and the dashboard that stand in deploy/', async () => {
      const rendered = await render('everything.yaml');
      expect(rendered.one('PrometheusRule').spec).toEqual(parse(read('deploy/prometheus/alerts.yaml')));
      const { metadata, data } = rendered.one('ConfigMap', '-dashboard');
      expect(JSON.parse(present(data['sallyport.json'], 'dashboard'))).toEqual(
        JSON.parse(read('deploy/grafana/dashboard.json')),
      );
      expect(metadata.labels['grafana_dashboard']).toBe('1');
      expect(metadata.annotations).toEqual({ grafana_folder: 'Gateways' });
    });

    it('is nothing unless it is wanted', async () => {
      const kinds = new Set((await render('metallb.yaml')).objects.map(({ kind }) => kind));
      expect([...kinds].sort()).toEqual([
        'ConfigMap',
        'NetworkPolicy',
        'PodDisruptionBudget',
        'Secret',
        'Service',
        'ServiceAccount',
        'StatefulSet',
      ]);
    });
  });
});

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}
