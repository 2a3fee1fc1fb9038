/**
 * The values of the Helm chart: the single source of their types and meanings. `values.schema.json` and the chart's README are printed from it,
 * the part `config` from the schema of the configuration. Defaults stand in the chart's `values.yaml`.
 */
import { z } from 'zod';
import { configurationJsonSchema } from '../src/config/document.ts';

type JsonSchema = Record<string, unknown>;

/** What the chart writes about a listener itself; the rest of the configuration's keys are `listeners[].options`. */
const OWN_LISTENER_KEYS = ['name', 'address', 'port', 'mode', 'proxyProtocol'];

/** A mapping with these keys and no others, none of which is needed. */
function section(meaning: string, keys: z.ZodRawShape) {
  return z.strictObject(keys).partial().describe(meaning);
}

function text(meaning: string) {
  return z.string().min(1).describe(meaning);
}

function textOrNull(meaning: string) {
  return z.string().min(1).nullable().describe(meaning);
}

function flag(meaning: string) {
  return z.boolean().describe(meaning);
}

function whole(meaning: string, least = 0, most = 65_535) {
  return z.int().min(least).max(most).describe(meaning);
}

function wholeOrNull(meaning: string, least: number, most = 65_535) {
  return z.int().min(least).max(most).nullable().describe(meaning);
}

function port(meaning: string) {
  return whole(meaning, 1);
}

function texts(meaning: string) {
  return z.array(z.string().min(1)).describe(meaning);
}

function labels(meaning: string) {
  return z.record(z.string(), z.string()).describe(meaning);
}

/** What Kubernetes itself knows and checks. */
function object(meaning: string) {
  return z.record(z.string(), z.unknown()).describe(meaning);
}

function objects(meaning: string) {
  return z.array(z.record(z.string(), z.unknown())).describe(meaning);
}

const ADVERTISE_RULE = z.strictObject({
  clients: z.string().nullable().optional().describe('Network of the clients it is for; without it every client.'),
  address: text('What they are told in the reply to PASV; a name is resolved when it is needed.'),
});

const LISTENER = z.strictObject({
  name: text('Label in logs and metrics; unique.'),
  port: port('What clients connect to: the port of the Service, or of the node with the mode `hostNetwork`.'),
  containerPort: whole('What the gateway listens on in its pod: from 1024 on, because it is not root.', 1024),
  mode: z
    .enum(['explicit', 'implicit'])
    .optional()
    .describe('`explicit`: AUTH TLS. `implicit`: TLS from the first byte.'),
  nodePort: wholeOrNull('What clients connect to with the mode `nodePort`.', 1).optional(),
  options: object(
    'Further keys of a listener in the configuration, such as `policy` and `clientCertificates`.',
  ).optional(),
});

const EXPOSURE = section('How clients reach the gateway.', {
  mode: z
    .enum(['shared', 'perReplica', 'single', 'hostNetwork', 'nodePort'])
    .describe(
      '`shared`: one Service for all replicas, which hand data connections on to each other. `perReplica`: a Service and an address for each. `single`: one replica. `hostNetwork`: on the addresses of the nodes. `nodePort`: one Service, whose ports are the same numbers on the nodes, in the Service and in the pods.',
    ),
  passivePorts: section('Data ports, the same numbers outside and inside.', {
    first: whole(
      'The first one. Those below 32768 are not taken for outgoing connections; from 30000 on they can be node ports.',
      1024,
    ),
    perReplica: whole(
      'How many each replica hands out: as many as one client address sets up data connections at once with one replica.',
      1,
      1000,
    ),
    slices: wholeOrNull(
      'Into how many slices the range is cut; null: as many as `replicas`. Take the greatest number of replicas that you expect: then scaling moves no port.',
      1,
      256,
    ),
    onePort: flag(
      'One port for all replicas, the first one. The TLS session tells whose data connection it is, so clients should resume it.',
    ),
  }),
  advertise: z
    .array(ADVERTISE_RULE)
    .describe('What PASV tells clients; the first that matches. Needed wherever a Service stands before the gateway.'),
  perReplica: section('With the mode `perReplica`.', {
    advertise: z
      .union([z.string().min(1), z.array(z.string().min(1))])
      .nullable()
      .describe(
        'What PASV tells: a name with `{index}` in it, or a list with one address for each replica. `{index}` is replaced in annotations of the Services, too.',
      ),
  }),
  nodePort: section('With the mode `nodePort`: `--service-node-port-range` of the cluster.', {
    first: port('The first node port.'),
    last: port('The last node port.'),
  }),
  hostNetwork: section('With the mode `hostNetwork`.', {
    balanced: flag(
      'One address leads to all nodes (a balancer of yours, a floating address): replicas then hand data connections on to each other.',
    ),
    unprivilegedPorts: flag('The nodes let everybody bind ports below 1024 (`net.ipv4.ip_unprivileged_port_start`).'),
  }),
  service: section('The Service of clients, or all of them with the mode `perReplica`.', {
    type: z.enum(['LoadBalancer', 'ClusterIP']).describe('`ClusterIP`: for clients or a balancer inside the cluster.'),
    annotations: labels('What the balancer needs to be told.'),
    labels: labels('More labels.'),
    loadBalancerClass: textOrNull('Which controller makes the balancer.'),
    loadBalancerSourceRanges: texts('Networks that may connect, where the balancer can keep others out.'),
    externalTrafficPolicy: z
      .enum(['Local', 'Cluster'])
      .describe(
        '`Local` keeps the addresses of clients. `Cluster` needs the PROXY protocol, or `config.data.peer: any`.',
      ),
    allocateNodePorts: flag('false where the balancer leads to pods without node ports.'),
    sessionAffinity: z
      .enum(['None', 'ClientIP'])
      .describe(
        '`ClientIP` saves handing on, where the network keeps it for all ports together; nothing relies on it.',
      ),
    sessionAffinitySeconds: whole('How long it is kept.', 1, 86_400),
    ipFamilyPolicy: z
      .enum(['SingleStack', 'PreferDualStack', 'RequireDualStack'])
      .nullable()
      .describe('IPv4, IPv6 or both; null leaves it to the cluster.'),
    ipFamilies: z.array(z.enum(['IPv4', 'IPv6'])).describe('Which families, in their order.'),
    maxPorts: whole(
      'More ports than that in one Service are refused: a Network Load Balancer of AWS has 50 listeners.',
      1,
    ),
  }),
});

const CREDENTIAL_VARIABLE = z.strictObject({
  name: text(`Name of the variable; \`\${NAME}\` in \`config\`.`),
  secret: text('Name of the Secret.'),
  key: text('Key in it.'),
});

const CREDENTIAL_FOLDER = z.strictObject({
  secret: text('Name of the Secret.'),
  folder: text('Name of the folder below /etc/sallyport/credentials; without it that of the Secret.').optional(),
});

const EGRESS_RULE = z.strictObject({
  cidr: text('Network of backends.'),
  ports: z
    .array(
      z.strictObject({
        port: port('A port, or the first one.'),
        endPort: wholeOrNull('The last one.', 1).optional(),
      }),
    )
    .min(1)
    .describe('Their control ports, and their own passive range.'),
});

const VALUES = section('Values of the chart.', {
  nameOverride: textOrNull('Name of the application, in place of that of the chart.'),
  fullnameOverride: textOrNull('Name of everything, in place of release and chart.'),
  clusterDomain: text('Domain of the cluster; replicas find each other by names in it.'),
  listenAddress: text(
    'Address on which pods listen: `::` is every one of both families; `0.0.0.0` where nodes have no IPv6 at all.',
  ),
  image: section('The image of the gateway; build it from `deploy/docker/Dockerfile`.', {
    repository: textOrNull('Where it is. Needed: none is published.'),
    tag: textOrNull('Its tag; null is the version of the application.'),
    digest: textOrNull('Its digest, in place of a tag: `sha256:…`.'),
    pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).describe('When it is pulled.'),
    pullSecrets: texts('Names of Secrets for the registry.'),
  }),
  replicas: whole('Pods of the gateway.', 1, 256),
  listeners: z.array(LISTENER).min(1).describe('Control ports.'),
  exposure: EXPOSURE,
  proxyProtocol: section('PROXY headers before all connections of clients, sent by the balancer.', {
    enabled: flag('Every connection must begin with one.'),
    trusted: texts('Networks from which balancers connect, as the gateway sees them.'),
    data: z.boolean().nullable().describe('Whether data connections have headers, too; null: as control connections.'),
  }),
  replication: section('How replicas hand data connections on to each other.', {
    port: port('What they listen on for each other.'),
    key: section('The key by which they know each other.', {
      existingSecret: textOrNull('Secret that has it: at least 32 characters.'),
      secretKey: text('Key in that Secret, or in the one that is made.'),
      generate: flag(
        'Make one at the first installation and keep it. Only where helm itself installs into the cluster: tools that only render must be given a Secret.',
      ),
    }),
    tls: section('Certificates in place of the key.', {
      existingSecret: textOrNull('Secret with tls.crt, tls.key and ca.crt, as cert-manager makes them.'),
    }),
  }),
  tls: section('Certificates that clients see; changes are taken over without a restart.', {
    existingSecrets: texts('Secrets with tls.crt and tls.key; several for several names.'),
    certificate: section('A Certificate of cert-manager.', {
      enabled: flag('Ask cert-manager for one.'),
      dnsNames: texts('Names by which clients reach the gateway.'),
      issuerRef: section('Who signs it.', {
        name: textOrNull('Name of the issuer.'),
        kind: text('Issuer or ClusterIssuer.'),
        group: text('Its API group.'),
      }),
      duration: textOrNull('How long it is valid, such as `2160h`; null is the default of cert-manager.'),
      renewBefore: textOrNull('How long before its end it is renewed.'),
      privateKey: object('As in cert-manager.'),
    }),
  }),
  config: z
    .unknown()
    .describe(
      'The configuration of the gateway (docs/configuration.md) without what the chart writes: `listeners`, `tls.certificates`, `data.passive`, `replication`, `admin.address` and `admin.port`. Write "off" and "on" in quotes: Helm takes them for false and true.',
    ),
  credentials: section('Secrets for passwords and tokens in `config`.', {
    env: z.array(CREDENTIAL_VARIABLE).describe('As variables: read at the start of a pod.'),
    files: z
      .array(CREDENTIAL_FOLDER)
      .describe('As files in /etc/sallyport/credentials, for keys such as `passwordFile`: changes are taken over.'),
  }),
  admin: section('The side port: health, metrics, orders.', {
    address: textOrNull('Address to listen on; null is `listenAddress`, with the mode `hostNetwork` 127.0.0.1.'),
    port: port('Port to listen on.'),
  }),
  drain: section('How a pod ends.', {
    preStopSeconds: whole('For balancers to learn of it, before the gateway drains.', 0, 3600),
    terminationGracePeriodSeconds: wholeOrNull(
      'When it is killed; null: preStopSeconds, `config.timeouts.drain` and 15 seconds.',
      1,
      1_000_000,
    ),
  }),
  networkPolicy: section('Who may connect to what.', {
    enabled: flag('Make one.'),
    clients: objects('Peers that may use the control and data ports; empty: everybody.'),
    monitoring: objects('Peers that may use the side port; empty: nobody but the node.'),
    egress: section('Where the gateway may connect to.', {
      enabled: flag('Limit it: to DNS, other replicas and what follows.'),
      backends: z.array(EGRESS_RULE).describe('Backends: their control ports and passive ranges.'),
      extra: objects('More rules, as in a NetworkPolicy.'),
    }),
  }),
  podDisruptionBudget: section('How many pods may be evicted at once.', {
    enabled: flag('Make one, where there are several replicas.'),
    maxUnavailable: z.union([z.int().min(1), z.string().regex(/^\d+%$/)]).describe('That many, or a percentage.'),
  }),
  serviceAccount: section('The account of the pods; it has no token.', {
    create: flag('Make one.'),
    name: textOrNull('Its name.'),
    annotations: labels('Its annotations.'),
  }),
  serviceMonitor: section('For the Prometheus Operator.', {
    enabled: flag('Make one.'),
    labels: labels('More labels.'),
    interval: text('How often is asked.'),
    authorization: section('Where `config.admin` asks for a token.', {
      secret: textOrNull('Secret that has it.'),
      key: text('Key in it.'),
    }),
    tlsConfig: object('Where the side port speaks HTTPS.'),
  }),
  prometheusRule: section('The alerts of docs/alerts.md, for the Prometheus Operator.', {
    enabled: flag('Make them.'),
    labels: labels('More labels.'),
  }),
  dashboard: section('A ConfigMap with the dashboard, for the sidecar of Grafana.', {
    enabled: flag('Make one.'),
    labels: labels('By which the sidecar finds it.'),
    annotations: labels('Such as its folder.'),
  }),
  test: section('`helm test`: uploads, downloads and compares.', {
    image: text('An image with curl.'),
    host: textOrNull('Where it connects to; null is the Service.'),
    name: textOrNull('Name that the certificate has; null: the first of the certificate, or of `exposure.advertise`.'),
    folder: z.string().describe('Folder on the FTP server in which it may write.'),
    transfers: whole('How many times. With several replicas take some more than there are.', 1, 1000),
    credentials: section('A user of the FTP server.', {
      secret: textOrNull('Secret that has name and password; null: no test.'),
      userKey: text('Key of the name.'),
      passwordKey: text('Key of the password.'),
    }),
    ca: section('The authority of the certificate, where the image does not know it.', {
      secret: textOrNull('Secret that has it; null is the first one of `tls`.'),
      key: text('Key in it.'),
    }),
  }),
  resources: object('Of a pod; docs/scaling.md says how much.'),
  podAnnotations: labels('More annotations of pods.'),
  podLabels: labels('More labels of pods.'),
  nodeSelector: labels('Nodes for the pods.'),
  tolerations: objects('Taints that they tolerate.'),
  affinity: object('Where they want to be.'),
  topologySpreadConstraints: z
    .array(z.record(z.string(), z.unknown()))
    .nullable()
    .describe('How they are spread; null: over nodes and zones.'),
  priorityClassName: textOrNull('Their priority.'),
  minReadySeconds: whole('How long a pod must be ready before an update goes on.', 0, 3600),
  updateStrategy: object('Of the StatefulSet.'),
  extraEnv: objects('More variables.'),
  extraEnvFrom: objects('More sources of variables.'),
  extraVolumes: objects('More volumes, such as one for `config.audit.file`.'),
  extraVolumeMounts: objects('Where they are mounted.'),
});

/** JSON Schema (draft-07, which every Helm 3 knows) of the values. */
export function helmValuesSchema(): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(VALUES, { target: 'draft-7', io: 'input' }) as JsonSchema;
  const { $schema: __, required: ___, ...config } = configurationJsonSchema();
  const properties = { ...propertiesOf(schema) };
  properties['config'] = { ...config, description: properties['config']?.['description'] };
  const options = itemOf(propertiesOf(config)['listeners']);
  const free = Object.entries(propertiesOf(options)).filter(([key]) => !OWN_LISTENER_KEYS.includes(key));
  const listener = itemOf(properties['listeners']);
  properties['listeners'] = {
    ...properties['listeners'],
    items: {
      ...listener,
      properties: {
        ...propertiesOf(listener),
        options: {
          description: propertiesOf(listener)['options']?.['description'],
          type: 'object',
          properties: Object.fromEntries(free),
          additionalProperties: false,
        },
      },
    },
  };
  // Helm takes a value away where somebody writes null. Lists and free maps may be; templates read the keys of sections.
  const required = Object.keys(properties).filter((key) => key === 'listeners' || properties[key]?.['properties']);
  // Helm hands a chart these as well.
  properties['global'] = { type: 'object' };
  return { $schema: 'http://json-schema.org/draft-07/schema#', ...schema, properties, required };
}

/** The file `values.schema.json`, with short lists in one line as the formatter of this repository wants them. */
export function helmValuesSchemaText(): string {
  const text = JSON.stringify(helmValuesSchema(), undefined, 2);
  const shorter = text.replace(/^( *(?:"[$\w]+": )?)\[\s+([^[\]{}]*?)\s+\](,?)$/gm, (whole, key, items, comma) => {
    const line = `${key}[${items.replaceAll(/\s+/g, ' ')}]${comma}`;
    return line.length <= 120 ? line : whole;
  });
  return `${shorter}\n`;
}

/** The chart's README (Markdown): every value with type, default and meaning. `defaults` is what `values.yaml` says. */
export function helmValuesMarkdown(defaults: unknown): string {
  const rows = Object.entries(propertiesOf(helmValuesSchema())).flatMap(([key, schema]) =>
    key === 'global' ? [] : rowsOf(key, schema, childOf(defaults, key)),
  );
  return [
    '# Helm chart of Sallyport',
    '',
    'How to use it: [docs/kubernetes.md](../../docs/kubernetes.md). Examples: [helm/examples](../examples). Values that contradict each other are refused when',
    'the chart is rendered. Printed from `scripts/helm-values.ts` and `values.yaml` by `npm run documents`.',
    '',
    '| value | type | default | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function rowsOf(path: string, schema: JsonSchema, fallback: unknown): readonly string[] {
  const item = itemOf(schema);
  const keys =
    path === 'config' || path.endsWith('.options') ? {} : propertiesOf(schema['type'] === 'array' ? item : schema);
  const meaning = String(schema['description'] ?? '').replaceAll('|', '\\|');
  const leaf = Object.keys(keys).length === 0;
  const written =
    fallback === undefined || (!leaf && schema['type'] !== 'array') ? '' : `\`${JSON.stringify(fallback)}\``;
  const listed = path === 'listeners' ? 'see `values.yaml`' : written;
  const prefix = schema['type'] === 'array' ? `${path}[]` : path;
  return [
    `| \`${path}\` | ${typeOf(schema)} | ${listed} | ${meaning} |`,
    ...Object.entries(keys).flatMap(([key, child]) =>
      rowsOf(`${prefix}.${key}`, child, schema['type'] === 'array' ? undefined : childOf(fallback, key)),
    ),
  ];
}

function typeOf(schema: JsonSchema): string {
  const { type, anyOf, enum: words } = schema;
  if (Array.isArray(words)) return words.join(' \\| ');
  if (Array.isArray(anyOf)) return [...new Set(anyOf.map((each) => typeOf(each as JsonSchema)))].join(' or ');
  if (type === 'array') return 'list';
  if (type === 'object') return 'mapping';
  return Array.isArray(type) ? type.join(' or ') : String(type ?? 'any');
}

function propertiesOf(schema: JsonSchema | undefined): Record<string, JsonSchema> {
  return (schema?.['properties'] ?? {}) as Record<string, JsonSchema>;
}

function itemOf(schema: JsonSchema | undefined): JsonSchema {
  return (schema?.['items'] ?? {}) as JsonSchema;
}

function childOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
