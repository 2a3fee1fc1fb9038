/** Values that contradict each other end the rendering, each with its own words; typing mistakes do not pass the schema. */
import { expect, it } from 'vitest';
import { describeWithHelm, renderChart } from '../support/helm.ts';

/** What is wrong, the example that it is put into (or none), the values, and what Helm must say. */
const CONTRADICTIONS: readonly (readonly [string, string, unknown, string])[] = [
  ['no image', 'metallb.yaml', { image: { repository: null } }, 'image.repository: expected where your image is'],
  ['no backend', '', {}, 'config.backends: expected at least one FTP server'],
  ['no certificate', 'metallb.yaml', { tls: { existingSecrets: [] } }, 'tls: expected a certificate'],
  [
    'a certificate without names',
    'everything.yaml',
    { tls: { certificate: { dnsNames: [] } } },
    'tls.certificate: expected dnsNames',
  ],
  [
    'a certificate without an issuer',
    'everything.yaml',
    { tls: { certificate: { issuerRef: { name: null } } } },
    'tls.certificate: expected dnsNames (the names by which clients reach the gateway) and issuerRef.name',
  ],

  [
    'listeners in the configuration',
    'metallb.yaml',
    { config: { listeners: [{ name: 'public', port: 21 }] } },
    'config.listeners: the chart writes this key, so that the Services and the gateway agree; use listeners',
  ],
  [
    'certificates in the configuration',
    'metallb.yaml',
    { config: { tls: { certificates: [{ cert: 'a', key: 'b' }] } } },
    'config.tls.certificates: the chart writes this key',
  ],
  [
    'passive ports in the configuration',
    'metallb.yaml',
    { config: { data: { passive: { ports: '50000-50009' } } } },
    'config.data.passive: the chart writes this key',
  ],
  [
    'the address of the side port in the configuration',
    'metallb.yaml',
    { config: { admin: { address: '0.0.0.0' } } },
    'config.admin.address: the chart writes this key',
  ],
  [
    'the port of the side port in the configuration',
    'metallb.yaml',
    { config: { admin: { port: 9000 } } },
    'config.admin.port: the chart writes this key',
  ],

  [
    'fewer slices than replicas',
    'metallb.yaml',
    { replicas: 3, exposure: { passivePorts: { slices: 2 } } },
    'exposure.passivePorts.slices: found 2 for 3 replicas, expected at least 3',
  ],
  [
    'ports beyond the last one',
    'metallb.yaml',
    { exposure: { passivePorts: { first: 65530 } } },
    'exposure.passivePorts: 10 ports from 65530 on end at 65539, expected at most 65535',
  ],
  [
    'a control port in the passive range',
    'metallb.yaml',
    { listeners: [{ name: 'public', port: 30004, containerPort: 2121 }] },
    'listeners[0].port: 30004 is one of the passive ports 30000-30009',
  ],
  [
    'a control port of the pod in the passive range',
    'metallb.yaml',
    { listeners: [{ name: 'public', port: 21, containerPort: 30009 }] },
    'listeners[0].containerPort: 30009 is one of the passive ports 30000-30009',
  ],
  [
    'the same control port twice',
    'metallb.yaml',
    {
      listeners: [
        { name: 'one', port: 21, containerPort: 2121 },
        { name: 'two', port: 21, containerPort: 2122 },
      ],
    },
    'listeners[1].port: 21 is also that of listeners[0].port',
  ],
  [
    'the side port in the passive range',
    'metallb.yaml',
    { admin: { port: 30001 } },
    'admin.port: 30001 is one of the passive ports 30000-30009',
  ],
  [
    'the side port on a control port',
    'metallb.yaml',
    { admin: { port: 2121 } },
    'admin.port: 2121 is also the port of the listener public',
  ],
  [
    'the port of replicas in the passive range',
    'metallb.yaml',
    { replication: { port: 30001 } },
    'replication.port: 30001 is one of the passive ports 30000-30009',
  ],
  [
    'the port of replicas on a control port',
    'metallb.yaml',
    { replication: { port: 2990 } },
    'replication.port: 2990 is also the port of the listener public-implicit',
  ],
  [
    'the port of replicas on the side port',
    'metallb.yaml',
    { replication: { port: 9121 } },
    'replication.port: 9121 is also admin.port',
  ],
  [
    'more ports than a balancer has',
    'aws-nlb.yaml',
    { exposure: { passivePorts: { perReplica: 17 } } },
    'the Service would have 53 ports (2 of listeners, 51 passive), more than 50. A Network Load Balancer of AWS has 50 listeners',
  ],
  [
    'passive ports that are no node ports',
    'node-port.yaml',
    { exposure: { passivePorts: { first: 50000 } } },
    'exposure.passivePorts: 50000-50009 is not within the node ports 30000-32767',
  ],
  [
    'passive ports that begin as node ports and do not end so',
    'node-port.yaml',
    { exposure: { passivePorts: { first: 32760 } } },
    'exposure.passivePorts: 32760-32769 is not within the node ports 30000-32767',
  ],
  [
    'a control port without node port',
    'node-port.yaml',
    { listeners: [{ name: 'public', port: 21, containerPort: 2121 }] },
    'listeners[0].nodePort: missing; partners need a number that stays',
  ],
  [
    'a control port that is no node port',
    'node-port.yaml',
    { listeners: [{ name: 'public', port: 21, containerPort: 2121, nodePort: 2100 }] },
    'listeners[0].nodePort: 2100 is not within the node ports 30000-32767',
  ],
  [
    'a node port in the passive range',
    'node-port.yaml',
    { listeners: [{ name: 'public', port: 21, containerPort: 2121, nodePort: 30003 }] },
    'listeners[0].nodePort: 30003 is one of the passive ports 30000-30009',
  ],
  [
    'ports for root alone on the network of the nodes',
    'host-network.yaml',
    { listeners: [{ name: 'public', port: 21, containerPort: 2121 }] },
    'listeners[0].port: 21 on the network of the nodes needs root',
  ],

  [
    'several replicas alone',
    'single.yaml',
    { replicas: 2 },
    'exposure.mode: found single with 2 replicas, expected replicas: 1, or the mode shared',
  ],
  [
    'one port without the TLS session that tells whose it is',
    'gcp-internal.yaml',
    { config: { policy: { sessionReuse: 'off' } } },
    'exposure.passivePorts.onePort: only the TLS session tells whose data connection it is',
  ],
  [
    'PROXY headers from anybody',
    'metallb.yaml',
    { proxyProtocol: { enabled: true } },
    'proxyProtocol.trusted: expected the networks from which the balancer connects',
  ],
  [
    'balancers to trust that send no headers',
    'metallb.yaml',
    { proxyProtocol: { trusted: ['10.0.0.0/8'] } },
    'proxyProtocol: found trusted or data without enabled',
  ],
  [
    'headers on data connections alone',
    'metallb.yaml',
    { proxyProtocol: { data: true } },
    'proxyProtocol: found trusted or data without enabled',
  ],
  [
    'hidden addresses of clients',
    'metallb.yaml',
    { exposure: { service: { externalTrafficPolicy: 'Cluster' } } },
    'exposure.service.externalTrafficPolicy: with Cluster the gateway sees addresses of nodes',
  ],
  [
    'addresses that are told and do not count',
    'proxy-protocol.yaml',
    { config: { data: { peer: 'any' } } },
    'proxyProtocol: found together with config.data.peer: any',
  ],
  [
    'another type of Service for node ports',
    'node-port.yaml',
    { exposure: { service: { type: 'ClusterIP' } } },
    'exposure.service.type: found ClusterIP with the mode nodePort',
  ],
  [
    'a class of balancers without balancer',
    'node-port.yaml',
    { exposure: { service: { loadBalancerClass: 'example.com/balancer' } } },
    'exposure.service.loadBalancerClass: found without a Service of the type LoadBalancer',
  ],
  [
    'networks that a balancer would let in without balancer',
    'metallb.yaml',
    { exposure: { service: { type: 'ClusterIP', loadBalancerSourceRanges: ['10.0.0.0/8'] } } },
    'exposure.service.loadBalancerSourceRanges: found without a Service of the type LoadBalancer',
  ],

  [
    'nothing to tell in the reply to PASV',
    'metallb.yaml',
    { exposure: { advertise: [] } },
    'exposure.advertise: expected the address of the balancer, or a name for it',
  ],
  [
    'one address for all where each has its own',
    'per-replica.yaml',
    { exposure: { advertise: [{ address: 'ftp.example.com' }] } },
    'exposure.advertise: with the mode perReplica each replica has an address of its own',
  ],
  [
    'no address for each',
    'per-replica.yaml',
    { exposure: { perReplica: { advertise: null } } },
    'exposure.perReplica.advertise: expected what clients are told',
  ],
  [
    'the same address for each',
    'per-replica.yaml',
    { exposure: { perReplica: { advertise: 'ftp.example.com' } } },
    'exposure.perReplica.advertise: ftp.example.com would be told by all 3 replicas',
  ],
  [
    'fewer addresses than replicas',
    'per-replica.yaml',
    { exposure: { perReplica: { advertise: ['192.0.2.1', '192.0.2.2'] } } },
    'exposure.perReplica.advertise: found 2 for 3 replicas, expected one for each',
  ],
  [
    'an address for each where all have one',
    'metallb.yaml',
    { exposure: { perReplica: { advertise: 'ftp-{index}.example.com' } } },
    'exposure.perReplica.advertise: found with the mode shared',
  ],
  [
    'one address for several nodes',
    'host-network.yaml',
    { exposure: { advertise: [{ address: 'ftp.example.com' }] } },
    'exposure.advertise: ftp.example.com would be told by all 2 replicas, each of which is on a node of its own',
  ],
  [
    'no address for what stands before the nodes',
    'host-network-balanced.yaml',
    { exposure: { advertise: [] } },
    'exposure.advertise: expected the address of the balancer',
  ],

  [
    'a key and certificates among replicas',
    'gitops.yaml',
    { replication: { tls: { existingSecret: 'peers' } } },
    'replication: found key.existingSecret and tls.existingSecret, expected one of them',
  ],
  [
    'replicas that cannot know each other',
    'gitops.yaml',
    { replication: { key: { existingSecret: null } } },
    'replication.key: expected existingSecret',
  ],
  [
    'several workers in one of several replicas',
    'metallb.yaml',
    { config: { workers: 2 } },
    'config.workers: found 2, expected 1: a replica among several is one process',
  ],
  [
    'as many workers as processors in one of several replicas',
    'metallb.yaml',
    { config: { workers: 'auto' } },
    'config.workers: found auto, expected 1',
  ],

  [
    'less time than draining may take',
    'everything.yaml',
    { drain: { terminationGracePeriodSeconds: 600 } },
    'drain.terminationGracePeriodSeconds: found 600, expected at least 625: 10 of preStop, 600 of config.timeouts.drain, 15 to spare',
  ],
  [
    'a time to drain that nobody can read here',
    'metallb.yaml',
    { config: { timeouts: { drain: `\${DRAIN:-5m}` } } },
    `config.timeouts.drain: found \${DRAIN:-5m}, expected a duration as it stands`,
  ],
  [
    'a Prometheus that may not come in',
    'everything.yaml',
    { networkPolicy: { monitoring: [] } },
    'networkPolicy.monitoring: expected where Prometheus is',
  ],
  [
    'a Prometheus that cannot come to a loopback address',
    'host-network.yaml',
    { serviceMonitor: { enabled: true } },
    'admin.address: on the network of the nodes the side port listens on 127.0.0.1',
  ],
  [
    'a Prometheus without the token',
    'everything.yaml',
    { config: { admin: { readTokenFile: '/etc/sallyport/credentials/tokens/read' } } },
    'serviceMonitor.authorization.secret: expected the Secret with the token',
  ],
  [
    'a test that sends no PROXY header',
    'proxy-protocol.yaml',
    { test: { credentials: { secret: 'login' } } },
    'test.host: expected the outer address of the balancer',
  ],
  [
    'a test without anything to connect to',
    'host-network.yaml',
    { test: { credentials: { secret: 'login' } } },
    'test.host: expected an address of a node or of the balancer',
  ],
];

/** Values that the schema does not know, and where it says so. */
const MISTAKES: readonly (readonly [string, unknown, RegExp])[] = [
  ['a value that is not there', { replica: 3 }, /at '': additional properties 'replica' not allowed/],
  ['one deep inside', { exposure: { passivePorts: { frist: 1 } } }, /at '\/exposure\/passivePorts'.*'frist'/],
  [
    'a mode that is not there',
    { exposure: { mode: 'Shared' } },
    /at '\/exposure\/mode': value must be one of 'shared'/,
  ],
  ['a number as text', { replicas: '3' }, /at '\/replicas': got string, want integer/],
  ['a section that was taken away', { config: null }, /at '': missing property 'config'/],
  ['no replicas', { replicas: 0 }, /at '\/replicas': minimum/],
  ['a port for root', { exposure: { passivePorts: { first: 500 } } }, /at '\/exposure\/passivePorts\/first': minimum/],
  ['a key of the configuration', { config: { polcy: {} } }, /at '\/config': additional properties 'polcy'/],
  [
    'a key inside of the configuration',
    { config: { policy: { requireTLS: 'off' } } },
    /at '\/config\/policy': additional properties 'requireTLS'/,
  ],
  [
    'off without quotes',
    { config: { policy: { sessionReuse: false } } },
    /'\/config\/policy\/sessionReuse': got boolean/,
  ],
  [
    'what the chart writes about a listener',
    { listeners: [{ name: 'public', port: 21, containerPort: 2121, options: { port: 22 } }] },
    /at '\/listeners\/0\/options': additional properties 'port'/,
  ],
];

await describeWithHelm('values that are refused', (tools) => {
  it.each(CONTRADICTIONS)('%s', async (_, file, values, text) => {
    const rendering = renderChart(tools, { files: file === '' ? [] : [file], values });
    await expect(rendering).rejects.toThrow(text);
    await expect(rendering).rejects.toThrow(/These values cannot work:\n {2}- /);
  });

  it.each(MISTAKES)('not in the schema: %s', async (_, values, text) => {
    await expect(renderChart(tools, { files: ['metallb.yaml'], values })).rejects.toThrow(text);
  });

  it('all that is wrong is told at once', async () => {
    const error = await renderChart(tools, {}).catch((reason: Error) => reason.message);
    const lines = String(error).match(/^ {2}- /gm);
    expect(lines).toHaveLength(4);
  });

  it('what is allowed elsewhere passes', async () => {
    const allowed: (readonly [string, unknown])[] = [
      [
        'metallb.yaml',
        { exposure: { service: { externalTrafficPolicy: 'Cluster' } }, config: { data: { peer: 'any' } } },
      ],
      ['aws-nlb.yaml', { exposure: { passivePorts: { perReplica: 17 }, service: { maxPorts: 100 } } }],
      ['metallb.yaml', { exposure: { service: { type: 'ClusterIP' } } }],
      ['metallb.yaml', { replicas: 1, config: { workers: 2 } }],
      ['host-network.yaml', { replicas: 1, exposure: { advertise: [{ address: 'ftp.example.com' }] } }],
      ['per-replica.yaml', { exposure: { perReplica: { advertise: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] } } }],
      ['node-port.yaml', { exposure: { passivePorts: { first: 20000 }, nodePort: { first: 20000 } } }],
      ['everything.yaml', { drain: { terminationGracePeriodSeconds: 625 } }],
    ];
    // As in a file of values in which all lines below the key are comments.
    const empty = [
      'tolerations',
      'nodeSelector',
      'affinity',
      'resources',
      'podAnnotations',
      'extraEnv',
      'updateStrategy',
    ];
    allowed.push(['metallb.yaml', Object.fromEntries(empty.map((key) => [key, null]))]);
    for (const [file, values] of allowed) await renderChart(tools, { files: [file], values });
  });
});
