/** How clients reach the pods: the same ports in all objects, replicas that find each other, each way of exposing them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { describeWithHelm, RELEASE, renderChart } from '../support/helm.ts';
import {
  type KubernetesObject,
  type Port,
  present,
  type Rendered,
  type WrittenConfig,
} from '../support/kubernetes-objects.ts';

/** Examples with a Service of clients, and the passive range that each must have. */
const SERVICES: readonly (readonly [string, number, number])[] = [
  ['metallb.yaml', 30000, 30009],
  ['aws-nlb.yaml', 30000, 30011],
  ['aws-nlb-proxy-protocol.yaml', 30000, 30011],
  // Two replicas of three to come.
  ['gcp.yaml', 30000, 30011],
  ['gcp-internal.yaml', 30000, 30000],
  ['azure.yaml', 30000, 30009],
  ['node-port.yaml', 30000, 30009],
  ['proxy-protocol.yaml', 30000, 30008],
  ['per-replica.yaml', 30000, 30009],
  ['single.yaml', 30000, 30009],
  ['gitops.yaml', 30000, 30014],
  ['everything.yaml', 30000, 30011],
];

await describeWithHelm('the way to the gateway', (tools) => {
  const render = (file: string, values: unknown = {}) => renderChart(tools, { files: [file], values });

  describe.each(SERVICES)('%s', (file, first, last) => {
    let rendered: Rendered;
    let services: readonly KubernetesObject[];
    let config: WrittenConfig;
    beforeAll(async () => {
      rendered = await render(file);
      services = rendered
        .all('Service')
        .filter(({ metadata }) => metadata.labels['app.kubernetes.io/component'] === 'clients');
      config = rendered.config(Object.keys(rendered.one('ConfigMap').data)[0]);
    });

    it('has the same data ports in the configuration, in each Service and in the policy', () => {
      expect(config.data.passive.ports).toBe(first === last ? String(first) : `${first}-${last}`);
      const wanted = Array.from({ length: last - first + 1 }, (_, index) => first + index);
      for (const service of services) {
        const data = portsOf(service).filter(({ name }) => name.startsWith('data-'));
        expect(data.map(({ port }) => port)).toEqual(wanted);
        expect(data.map(({ targetPort }) => targetPort)).toEqual(wanted);
      }
      const [clients] = rendered.one('NetworkPolicy').spec.ingress;
      const { port, endPort } = present(clients?.ports.at(-1), 'passive ports');
      expect([port, endPort ?? port]).toEqual([first, last]);
    });

    it('leads control ports to the listeners, which the policy lets in', () => {
      const listening = config.listeners.map(({ port }) => port);
      for (const service of services) {
        const control = portsOf(service).filter(({ name }) => name.startsWith('control-'));
        expect(control.map(({ targetPort }) => targetPort)).toEqual(listening);
      }
      const [clients] = rendered.one('NetworkPolicy').spec.ingress;
      expect(clients?.ports.slice(0, -1).map(({ port }) => port)).toEqual(listening);
      expect(rendered.container.ports.map(({ containerPort }) => containerPort)).toEqual(
        expect.arrayContaining(listening),
      );
    });

    it('has names and numbers of ports once in each Service', () => {
      for (const service of services) {
        const ports = portsOf(service);
        expect(new Set(ports.map(({ name }) => name)).size).toBe(ports.length);
        expect(new Set(ports.map(({ port }) => port)).size).toBe(ports.length);
        expect(ports.every(({ name }) => /^[a-z][a-z0-9-]{0,62}$/.test(name))).toBe(true);
      }
    });

    it('selects the pods of the gateway, and no others', () => {
      const { labels } = rendered.one('StatefulSet').spec.template.metadata;
      for (const { spec } of [...services, rendered.one('Service', '-peers')]) {
        const { 'statefulset.kubernetes.io/pod-name': pod, ...selector } = spec.selector;
        expect(labels).toMatchObject(selector);
        expect(pod === undefined || /^ftp-sallyport-\d$/.test(pod)).toBe(true);
      }
    });

    it('has as many slices as there may be replicas, and the ports of a slice are what was asked for', () => {
      const { replication } = config;
      if (replication === undefined) return;
      expect(replication.count).toBeGreaterThanOrEqual(rendered.one('StatefulSet').spec.replicas);
      expect(first === last || (last - first + 1) % replication.count === 0).toBe(true);
    });
  });

  describe('several replicas behind one address', () => {
    it('find each other by the names that the headless Service gives to pods', async () => {
      const rendered = await render('metallb.yaml');
      const { peers, index, listen } = rendered.replication;
      const service = rendered.one('Service', '-peers');
      const { name } = rendered.one('StatefulSet').metadata;
      expect(index).toBe('hostname');
      expect(peers).toBe(
        `${name}-{index}.${service.metadata.name}.${RELEASE.namespace}.svc.cluster.local:${listen.port}`,
      );
      expect(service.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
      expect(rendered.one('StatefulSet').spec.serviceName).toBe(service.metadata.name);
      expect(portsOf(service).map(({ port }) => port)).toContain(listen.port);
    });

    it('are reached on the port for each other by each other alone', async () => {
      const rendered = await render('metallb.yaml');
      const { listen } = rendered.replication;
      const rules = rendered
        .one('NetworkPolicy')
        .spec.ingress.filter(({ ports }) => ports.some(({ port }) => port === listen.port));
      expect(rules).toHaveLength(1);
      expect(rules[0]?.from).toEqual([
        { podSelector: { matchLabels: rendered.one('StatefulSet').spec.selector.matchLabels } },
      ]);
    });

    it('move no port when replicas come within the slices, and nothing but the number of pods changes', async () => {
      const two = await render('gcp.yaml', { replication: { key: { existingSecret: 'key' } } });
      const three = await render('gcp.yaml', { replicas: 3, replication: { key: { existingSecret: 'key' } } });
      expect(three.one('ConfigMap')).toEqual(two.one('ConfigMap'));
      expect(three.one('Service')).toEqual(two.one('Service'));
      expect(three.one('StatefulSet').spec.template).toEqual(two.one('StatefulSet').spec.template);
    });

    it('keep their ports when slices are added at the end', async () => {
      const ports = (rendered: Rendered) => rendered.config().data.passive.ports;
      expect(ports(await render('metallb.yaml'))).toBe('30000-30009');
      expect(ports(await render('metallb.yaml', { replicas: 4 }))).toBe('30000-30019');
    });

    it('get a key that was not there, with enough characters, and cannot get another one by mistake', async () => {
      const rendered = await render('metallb.yaml');
      const secret = rendered.one('Secret', '-replication');
      const key = Buffer.from(present(secret.data['key'], 'key'), 'base64').toString();
      expect(key).toMatch(/^[A-Za-z0-9]{48}$/);
      expect(secret.immutable).toBe(true);
      const again = (await render('metallb.yaml')).one('Secret', '-replication');
      expect(again.data['key']).not.toBe(secret.data['key']);
    });

    it('take a key, or certificates, from a Secret that is there', async () => {
      const withKey = await render('gitops.yaml');
      expect(withKey.all('Secret')).toEqual([]);
      expect(withKey.volume('replication')).toMatchObject({ secret: { secretName: 'sallyport-replication' } });
      const withTls = await render('everything.yaml');
      expect(withTls.all('Secret')).toEqual([]);
      expect(withTls.volume('replication')).toMatchObject({ secret: { secretName: 'sallyport-peers' } });
      expect(withTls.replication).toMatchObject({
        tls: {
          cert: '/etc/sallyport/replication/tls.crt',
          key: '/etc/sallyport/replication/tls.key',
          ca: '/etc/sallyport/replication/ca.crt',
        },
      });
      expect(withTls.replication).not.toHaveProperty('keyFile');
    });

    it('are left out of the Service while they drain, because the others hand data connections on', async () => {
      expect((await render('metallb.yaml')).one('Service').spec.publishNotReadyAddresses).toBe(false);
    });
  });

  describe('one pod behind an address', () => {
    it('is reached while it drains, because nobody else has its sessions', async () => {
      expect((await render('single.yaml')).one('Service').spec.publishNotReadyAddresses).toBe(true);
      expect((await render('metallb.yaml', { replicas: 1 })).one('Service').spec.publishNotReadyAddresses).toBe(true);
      const each = (await render('per-replica.yaml')).one('Service', '-2');
      expect(each.spec.publishNotReadyAddresses).toBe(true);
      expect(each.spec.selector['statefulset.kubernetes.io/pod-name']).toBe('ftp-sallyport-2');
    });

    it('needs no others', async () => {
      for (const rendered of [await render('single.yaml'), await render('metallb.yaml', { replicas: 1 })]) {
        expect(rendered.config()).not.toHaveProperty('replication');
        expect(rendered.all('Secret')).toEqual([]);
        expect(rendered.all('PodDisruptionBudget')).toEqual([]);
      }
    });

    it('tells its own address', async () => {
      const rendered = await render('per-replica.yaml');
      const told = [0, 1, 2].map((index) => rendered.config(`ftp-sallyport-${index}.yaml`).data.passive.advertise);
      expect(told).toEqual([0, 1, 2].map((index) => [{ address: `ftp-${index}.example.com` }]));
      expect(rendered.container.args.at(-1)).toBe('/etc/sallyport/config/$(POD_NAME).yaml');
      expect(rendered.one('Service', '-1').metadata.annotations).toEqual({
        'external-dns.alpha.kubernetes.io/hostname': 'ftp-1.example.com,ftp.example.com',
      });
      const list = await render('per-replica.yaml', {
        exposure: { perReplica: { advertise: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] } },
      });
      expect(list.config('ftp-sallyport-2.yaml').data.passive.advertise).toEqual([{ address: '192.0.2.3' }]);
    });
  });

  describe('ports of nodes', () => {
    it('are the same numbers on the node, in the Service and, for data, in the pod', async () => {
      const service = (await render('node-port.yaml')).one('Service');
      expect(service.spec.type).toBe('NodePort');
      for (const { name, port, targetPort, nodePort } of portsOf(service)) {
        expect(nodePort).toBe(port);
        if (name.startsWith('data-')) expect(targetPort).toBe(port);
      }
      expect(portsOf(service).map(({ port }) => port)).toEqual(expect.arrayContaining([30080, 30081]));
    });
  });

  describe('the network of the nodes', () => {
    it('is used without Service, on ports that nobody else sees as his', async () => {
      const rendered = await render('host-network.yaml');
      expect(rendered.all('Service').map(({ metadata }) => metadata.name)).toEqual(['ftp-sallyport-peers']);
      expect(rendered.pod).toMatchObject({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' });
      expect(rendered.config().listeners.map(({ port }) => port)).toEqual([2121]);
      expect(rendered.config().data.passive).toEqual({ ports: '21300-21309' });
      expect(rendered.all('NetworkPolicy')).toEqual([]);
      const [spread] = rendered.pod.topologySpreadConstraints ?? [];
      expect(spread).toMatchObject({ topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'DoNotSchedule' });
    });

    it('sees nothing of the side port, which the kubelet asks on the loopback address', async () => {
      const rendered = await render('host-network.yaml');
      expect(rendered.config().admin.address).toBe('127.0.0.1');
      for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const) {
        expect(rendered.container[probe].httpGet.host).toBe('127.0.0.1');
      }
      const open = await render('host-network.yaml', { admin: { address: '::' } });
      expect(open.container.readinessProbe.httpGet).not.toHaveProperty('host');
    });
  });

  it('leads to addresses of IPv4 alone where nodes have no others', async () => {
    const config = (await render('metallb.yaml', { listenAddress: '0.0.0.0' })).config();
    expect(config.listeners.map(({ address }) => address)).toEqual(['0.0.0.0', '0.0.0.0']);
    expect([config.admin.address, config.replication?.listen.address]).toEqual(['0.0.0.0', '0.0.0.0']);
    expect((await render('metallb.yaml')).config().listeners[0]?.address).toBe('::');
  });

  describe('PROXY headers', () => {
    it('are demanded of every listener, from the balancers', async () => {
      const { listeners } = (await render('aws-nlb-proxy-protocol.yaml')).config();
      const header = { control: 'required', trusted: ['10.0.0.0/24', '10.0.1.0/24'] };
      expect(listeners.map(({ proxyProtocol }) => proxyProtocol)).toEqual([header, header]);
    });

    it('can be left out on data connections', async () => {
      const off = (await render('proxy-protocol.yaml', { proxyProtocol: { data: false } })).config();
      expect(off.listeners[0]?.proxyProtocol?.data).toBe('off');
      const on = (await render('proxy-protocol.yaml', { proxyProtocol: { data: true } })).config();
      expect(on.listeners[0]?.proxyProtocol?.data).toBe('required');
    });
  });

  describe('the Service', () => {
    it('keeps the addresses of clients', async () => {
      expect((await render('metallb.yaml')).one('Service').spec.externalTrafficPolicy).toBe('Local');
    });

    it('takes what a balancer wants to be told', async () => {
      const { metadata, spec } = (
        await render('aws-nlb.yaml', {
          exposure: {
            service: {
              labels: { team: 'edge' },
              loadBalancerSourceRanges: ['198.51.100.0/24'],
              sessionAffinity: 'ClientIP',
              ipFamilyPolicy: 'PreferDualStack',
              ipFamilies: ['IPv4', 'IPv6'],
            },
          },
        })
      ).one('Service');
      expect(metadata.labels['team']).toBe('edge');
      expect(metadata.annotations?.['service.beta.kubernetes.io/aws-load-balancer-scheme']).toBe('internet-facing');
      expect(spec).toMatchObject({
        type: 'LoadBalancer',
        loadBalancerClass: 'service.k8s.aws/nlb',
        loadBalancerSourceRanges: ['198.51.100.0/24'],
        allocateLoadBalancerNodePorts: false,
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
        ipFamilyPolicy: 'PreferDualStack',
        ipFamilies: ['IPv4', 'IPv6'],
      });
    });

    it('can be one inside of the cluster', async () => {
      const { spec } = (await render('metallb.yaml', { exposure: { service: { type: 'ClusterIP' } } })).one('Service');
      expect(spec.type).toBe('ClusterIP');
      expect(spec).not.toHaveProperty('externalTrafficPolicy');
      expect(spec).not.toHaveProperty('allocateLoadBalancerNodePorts');
    });
  });
});

function portsOf(service: KubernetesObject): readonly Port[] {
  return service.spec.ports;
}
