/**
 * The part of the configuration about several replicas behind one address: types, schema, defaults, and the rules about several keys.
 * Pure, except that the name of the host may say which replica this is, and for reading the key. What replicas say to each
 * other is in `src/replication`.
 */
import { hostname } from 'node:os';
import { z } from 'zod';
import { value } from './field-facts.ts';
import type { PortRange } from './fields.ts';
import * as field from './fields.ts';
import type { ConfigProblem } from './problem.ts';
import { readSecret } from './secret-file.ts';
import { fileOrNull, SECRET } from './text-fields.ts';

/** How replicas find and trust each other. */
export interface ReplicationConfig {
  /** From 0; `hostname`: the number at the end of the name of this host. See {@link replicaIndex}. */
  readonly index: number | 'hostname';
  /** 1: there are no others. */
  readonly count: number;
  /** Where each listens, in order; or one text for all with `{index}` in it. See {@link peerPlace}. */
  readonly peers: string | readonly string[] | null;
  readonly listen: { readonly address: string; readonly port: number };
  /** What all know and nobody else; or the file with it. */
  readonly key: string | null;
  readonly keyFile: string | null;
  /** Paths of PEM files, in place of the key. */
  readonly tls: { readonly cert: string | null; readonly key: string | null; readonly ca: string | null };
}

/** Where a replica listens for the others. */
export interface PeerPlace {
  readonly host: string;
  readonly port: number;
}

/** Each has a link to each other one. */
const MOST_REPLICAS = 256;
/** Shorter keys can be guessed. */
const SHORTEST_KEY = 32;
const KEY_EXPECTED = `a key of at least ${SHORTEST_KEY} printable ASCII characters, or null`;
const INDEX_EXPECTED = `a whole number from 0 to ${MOST_REPLICAS - 1}, or hostname`;
const PEERS_EXPECTED =
  'a text such as "sallyport-{index}.sallyport-headless:7946", a list of such places without {index}, or null';

const INDEX = z.union(
  [
    z
      .int({ error: INDEX_EXPECTED, abort: true })
      .min(0, { error: INDEX_EXPECTED })
      .max(MOST_REPLICAS - 1, { error: INDEX_EXPECTED }),
    z
      .string({ error: INDEX_EXPECTED })
      .regex(/^\d{1,3}$/, { error: INDEX_EXPECTED })
      .transform(Number)
      .refine((index) => index < MOST_REPLICAS, { error: INDEX_EXPECTED }),
    z.literal('hostname', { error: INDEX_EXPECTED }),
  ],
  { error: INDEX_EXPECTED },
);

const PLACE = z
  .string({ error: PEERS_EXPECTED })
  .refine((text) => placeIn(text) !== undefined, { error: PEERS_EXPECTED });

/** The section as a person writes it. */
export const REPLICATION = field.section(
  'Several replicas behind one address: whichever gets a data connection hands it to the one that has its session.',
  {
    index: value(INDEX, 'number | hostname', {
      meaning:
        'Which of them this one is, from 0. `hostname`: the number at the end of the name of this host, as pods of a StatefulSet have it.',
      default: 0,
    }),
    count: field.count({
      meaning:
        'How many there are; with 1 there are no others, and the rest of this section means nothing. Each picks passive ports from a slice of its own of `data.passive.ports`; a range of one port is shared by all. Limits and bans are those of each replica by itself.',
      default: 1,
      maximum: MOST_REPLICAS,
    }),
    peers: value(
      z.union([PLACE, z.array(PLACE, { error: PEERS_EXPECTED })], { error: PEERS_EXPECTED }).nullable(),
      'text, list of texts or null',
      {
        meaning:
          'Where they listen for each other: `host:port` with `{index}` in it, such as `sallyport-{index}.sallyport-headless:7946`, or a list with a `host:port` for each, in order.',
        default: null,
      },
    ),
    listen: field.section('Where this one listens for the others; no place for clients.', {
      address: field.address({ meaning: 'Address to listen on.', default: '::' }),
      port: field.port({ meaning: 'Port to listen on; 0 is any free port.', default: 7946, anyFree: true }),
    }),
    key: value(
      z
        .string({ error: KEY_EXPECTED })
        .regex(/^[ -~]+$/, { error: KEY_EXPECTED })
        .min(SHORTEST_KEY, { error: KEY_EXPECTED })
        .nullable(),
      SECRET,
      {
        meaning:
          'What all of them know and nobody else, by which they trust each other (TLS-PSK). This, `keyFile` or `tls`.',
        default: null,
      },
    ),
    keyFile: fileOrNull({
      meaning: 'File with that key in its first line. Relative to the folder of this configuration.',
      default: null,
    }),
    tls: field.section(
      'Mutual TLS in place of a key: each shows a certificate for the host name by which `peers` calls it.',
      {
        cert: field.pathOrNull({
          meaning: 'PEM file: the certificate of this one, for clients and servers, then its intermediates.',
          default: null,
        }),
        key: field.pathOrNull({ meaning: 'PEM file: its private key.', default: null }),
        ca: field.pathOrNull({ meaning: 'PEM file: authorities whose certificates the others have.', default: null }),
      },
    ),
  },
);

/** Which replica this is; undefined where it is to be the number in the name of the host, and that has none. */
export function replicaIndex({ index }: Pick<ReplicationConfig, 'index'>, host = hostname()): number | undefined {
  if (index !== 'hostname') return index;
  const [, number] = /(\d{1,3})$/.exec(host.split('.', 1)[0] ?? '') ?? [];
  return number === undefined ? undefined : Number(number);
}

/** Where a replica is found; undefined where nothing says it. */
export function peerPlace({ peers }: Pick<ReplicationConfig, 'peers'>, index: number): PeerPlace | undefined {
  const text = typeof peers === 'string' ? peers : peers?.[index];
  return text === undefined ? undefined : placeIn(text.replaceAll('{index}', String(index)));
}

/** `host:port`; a literal IPv6 address stands in brackets. */
function placeIn(text: string): PeerPlace | undefined {
  const [, literal, name, port] = /^(?:\[([\da-f:.]+)\]|([\w.{}-]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = literal ?? name;
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined;
  return { host, port: Number(port) };
}

/** What the rules look at beside the section. */
interface Surroundings {
  readonly replication: ReplicationConfig;
  readonly workers: number | 'auto';
  readonly data: { readonly passive: { readonly ports: PortRange } };
}

/** Keys that contradict each other. Nothing where there is one replica. */
export function replicationErrors(config: Surroundings): ConfigProblem[] {
  const { replication, workers } = config;
  if (replication.count === 1) return [];
  return [
    ...wrongIndex(replication),
    ...wrongPeers(replication),
    ...wrongTrust(replication),
    ...tooFewPorts(config),
    ...(workers === 1
      ? []
      : [
          {
            path: 'workers',
            message: `found ${workers}, expected 1 with several replicas: more replicas, not more processes, take more clients`,
            related: ['replication.count'],
          },
        ]),
  ];
}

function wrongIndex(replication: ReplicationConfig): ConfigProblem[] {
  const { index, count } = replication;
  const related = ['replication.count'];
  const found = replicaIndex(replication);
  if (found === undefined) {
    const message = `found hostname, but the name of this host (${hostname()}) does not end in a number; expected one as in sallyport-2`;
    return [{ path: 'replication.index', message, related }];
  }
  if (found < count) return [];
  const where = index === 'hostname' ? ` in the name of this host (${hostname()})` : '';
  const message = `found ${found}${where}, expected a number from 0 to ${count - 1}: replication.count is ${count}`;
  return [{ path: 'replication.index', message, related }];
}

function wrongPeers({ peers, count }: ReplicationConfig): ConfigProblem[] {
  const path = 'replication.peers';
  if (peers === null)
    return [{ path, message: 'missing, but with several replicas each must know where the others are' }];
  if (typeof peers === 'string') {
    if (peers.includes('{index}')) return [];
    return [
      { path, message: `found "${peers}", expected {index} in it, in whose place the number of each replica stands` },
    ];
  }
  if (peers.length !== count) {
    const message = `found ${peers.length} places, expected one for each of ${count} replicas`;
    return [{ path, message, related: ['replication.count'] }];
  }
  const template = peers.findIndex((place) => place.includes('{'));
  if (template >= 0) {
    return [{ path: `${path}[${template}]`, message: 'found {index} in a list, expected a host and a port' }];
  }
  const again = peers.findIndex((place, index) => peers.indexOf(place) < index);
  if (again < 0) return [];
  return [
    { path: `${path}[${again}]`, message: `found "${peers[again]}" a second time, expected a place for each replica` },
  ];
}

function wrongTrust({ key, keyFile, tls }: ReplicationConfig): ConfigProblem[] {
  const path = 'replication';
  const given = Object.entries(tls).filter(([, file]) => file !== null);
  const ways = [
    ...(key === null ? [] : ['key']),
    ...(keyFile === null ? [] : ['keyFile']),
    ...(given.length === 0 ? [] : ['tls']),
  ];
  if (ways.length === 0) {
    return [{ path, message: 'nothing by which replicas trust each other; expected key, keyFile or tls' }];
  }
  if (ways.length > 1) {
    const related = ways.map((way) => `${path}.${way}`);
    return [{ path, message: `found ${ways.join(' and ')}, expected one of key, keyFile and tls`, related }];
  }
  if (given.length === 0) return [];
  return Object.entries(tls).flatMap(([name, file]) =>
    file === null ? [{ path: `${path}.tls.${name}`, message: 'missing, expected all of cert, key and ca' }] : [],
  );
}

function tooFewPorts({ replication: { count }, data }: Surroundings): ConfigProblem[] {
  const { first, last } = data.passive.ports;
  const size = last - first + 1;
  if (size === 1 || size >= count) return [];
  const message = `found ${count}, expected at most ${size}: each replica needs a passive port of its own, and data.passive.ports (${first}-${last}) has ${size}; a single port is shared by all`;
  return [{ path: 'replication.count', message, related: ['data.passive.ports'] }];
}

/** The key that replicas share; undefined where certificates are in its place. Rejects with an Error that names the file. */
export async function readReplicationKey({ key, keyFile }: ReplicationConfig): Promise<string | undefined> {
  if (keyFile === null) return key ?? undefined;
  const read = await readSecret(keyFile);
  if (read.length >= SHORTEST_KEY) return read;
  throw new Error(`${keyFile}: found ${read.length} characters in the first line, expected at least ${SHORTEST_KEY}`);
}

/** The section with its files resolved by `resolve`. */
export function withReplicationPaths(
  replication: ReplicationConfig,
  resolve: (path: string) => string,
): ReplicationConfig {
  const at = (path: string | null) => path && resolve(path);
  const { cert, key, ca } = replication.tls;
  return { ...replication, keyFile: at(replication.keyFile), tls: { cert: at(cert), key: at(key), ca: at(ca) } };
}
