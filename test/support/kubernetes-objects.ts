/**
 * Objects of Kubernetes as far as tests look into them, and finding one among many. Whether they are what Kubernetes knows is found out with its own
 * schemas.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';

/** A port of a Service, of a container or of a rule. */
export interface Port {
  readonly name: string;
  readonly port: number;
  readonly targetPort: number;
  readonly nodePort?: number;
  readonly containerPort: number;
  readonly endPort?: number;
}

/** One rule of a NetworkPolicy. */
export interface PolicyRule {
  readonly ports: readonly Port[];
  readonly from: readonly { readonly podSelector?: { readonly matchLabels: Labels } }[];
}

/** The spec of a pod. */
export interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes: readonly Volume[];
  readonly topologySpreadConstraints: readonly { readonly topologyKey: string }[] | null;
  readonly terminationGracePeriodSeconds: number;
  readonly automountServiceAccountToken: boolean;
  readonly serviceAccountName: string;
  readonly securityContext: unknown;
}

/** A volume: of a ConfigMap or a Secret. */
export interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly secretName: string };
}

/** A container. */
export interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly envFrom: unknown;
  readonly ports: readonly Port[];
  readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly securityContext: unknown;
  readonly resources: { readonly limits: Labels };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly: boolean }[];
}

interface Probe {
  readonly httpGet: { readonly host?: string; readonly scheme: string };
}

type Labels = Readonly<Record<string, string>>;

/** The spec of any kind that the chart makes; a kind has only some of these keys. */
export interface Spec {
  readonly ports: readonly Port[];
  readonly selector: Labels & { readonly matchLabels: Labels };
  readonly type: string;
  readonly publishNotReadyAddresses: boolean;
  readonly externalTrafficPolicy: string;
  readonly ingress: readonly PolicyRule[];
  readonly egress: readonly PolicyRule[];
  readonly policyTypes: readonly string[];
  readonly replicas: number;
  readonly serviceName: string;
  readonly maxUnavailable: unknown;
  readonly template: { readonly metadata: { readonly labels: Labels }; readonly spec: PodSpec };
  readonly endpoints: readonly { readonly relabelings: unknown }[];
  readonly containers: readonly Container[];
}

/** An object of Kubernetes. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Labels; readonly annotations?: Labels };
  readonly spec: Spec;
  readonly data: Labels;
  readonly immutable?: boolean;
  readonly automountServiceAccountToken?: boolean;
}

/** The configuration of the gateway as it is written. */
export interface WrittenConfig {
  readonly listeners: readonly {
    readonly address: string;
    readonly port: number;
    readonly proxyProtocol?: { readonly data?: string };
  }[];
  readonly data: { readonly passive: { readonly ports: string; readonly advertise?: unknown } };
  readonly admin: { readonly address: string };
  readonly tls: { readonly certificates: readonly { readonly cert: string }[] };
  readonly replication?: {
    readonly index: number | string;
    readonly count: number;
    readonly peers: string;
    readonly listen: { readonly address: string; readonly port: number };
  };
}

/** The objects of one rendering. */
export class Rendered {
  readonly objects: readonly KubernetesObject[];
  readonly #release: string;

  /** `release`: the name of the release, with which their names begin. */
  constructor(objects: readonly KubernetesObject[], release: string) {
    this.objects = objects;
    this.#release = release;
  }

  /** All of one kind. */
  all(kind: string): readonly KubernetesObject[] {
    return this.objects.filter((object) => object.kind === kind);
  }

  /** The one of that kind with that end of its name; throws an Error when there is none. */
  one(kind: string, suffix = ''): KubernetesObject {
    const wanted = `${this.#release}-sallyport${suffix}`;
    return present(
      this.all(kind).find(({ metadata }) => metadata.name === wanted),
      `${kind} ${wanted}`,
    );
  }

  /** The configuration of the gateway, or one of them. */
  config(file = 'sallyport.yaml'): WrittenConfig {
    return parse(present(this.one('ConfigMap').data[file], file)) as WrittenConfig;
  }

  /** How replicas find each other. */
  get replication(): NonNullable<WrittenConfig['replication']> {
    return present(this.config().replication, 'replication');
  }

  /** What the pods of the gateway are. */
  get pod(): PodSpec {
    return this.one('StatefulSet').spec.template.spec;
  }

  /** The gateway's container. */
  get container(): Container {
    return present(this.pod.containers[0], 'container');
  }

  /** A volume of the gateway's pods. */
  volume(name: string): Volume {
    return present(
      this.pod.volumes.find((volume) => volume.name === name),
      `volume ${name}`,
    );
  }
}

/** A value that must be there; throws an Error when it is not. */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`no ${what}`);
  return value;
}

/** What a Secret of the chart has, in clear. */
export function decoded(secret: KubernetesObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(secret.data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]),
  );
}

/** How the folders of a pod are written. */
export interface PodFolders {
  /** Stands for `/` of the pod. */
  readonly root: string;
  /** Name of its configuration: `sallyport.yaml`, or that of a replica. */
  readonly file: string;
  /** What a Secret has. */
  readonly secretOf: (name: string) => Readonly<Record<string, string>>;
  /** What is done to the text of each file. */
  readonly change?: ((text: string) => string) | undefined;
}

/** Writes the folders of the gateway's pod, with the files of its volumes and no others; resolves with the path of its configuration. */
export async function writePodFolders(rendered: Rendered, folders: PodFolders): Promise<string> {
  const { root, file, secretOf, change = (text) => text } = folders;
  const { volumeMounts, args } = rendered.container;
  for (const { name, mountPath } of volumeMounts) {
    const { secret } = rendered.volume(name);
    const data = secret === undefined ? rendered.one('ConfigMap').data : secretOf(secret.secretName);
    await mkdir(join(root, mountPath), { recursive: true });
    for (const [key, text] of Object.entries(data)) {
      const here = change(text.replaceAll('/etc/sallyport/', `${root}/etc/sallyport/`));
      await writeFile(join(root, mountPath, key), here, { mode: 0o600 });
    }
  }
  const path = join(root, present(args.at(-1), 'argument').replace('$(POD_NAME)', file.replace('.yaml', '')));
  if (!path.endsWith(file)) throw new Error(`${path} is not ${file}`);
  return path;
}
