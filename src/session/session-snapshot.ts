/**
 * A session as it is at one moment, as plain data for people who look. Texts that a peer had a hand in are printable. Changes nothing.
 */
import { formatEndpoint } from '../net/address.ts';
import { shown } from '../observe/record-fields.ts';
import type { LegFacts, SessionObserver } from '../observe/session-observer.ts';
import type { TlsFacts } from '../tls/facts.ts';
import { linkOf, type Phase, type RunningTransfer } from './phase.ts';

/** TLS of a connection. */
export interface TlsSnapshot {
  readonly version: string;
  readonly cipher: string;
  readonly resumed: boolean;
  readonly servername: string | null;
  /** Subject. */
  readonly clientCertificate: string | null;
}

/** A data connection. */
export interface LegSnapshot {
  readonly peer: string;
  readonly protection: 'clear' | 'private';
  readonly tls: TlsSnapshot | null;
}

/** A transfer that runs. */
export interface TransferSnapshot {
  readonly verb: string;
  readonly path: string | null;
  readonly direction: 'upload' | 'download' | 'list';
  /** ISO 8601. */
  readonly since: string;
  readonly milliseconds: number;
  readonly bytes: number;
  readonly expectedBytes: number | null;
  readonly bytesPerSecond: number;
  readonly clientData: LegSnapshot | null;
  readonly backendData: LegSnapshot | null;
}

/** A session. */
export interface SessionSnapshot {
  readonly id: string;
  /** ISO 8601. */
  readonly since: string;
  readonly seconds: number;
  readonly listener: string;
  readonly mode: 'explicit' | 'implicit';
  readonly client: string;
  readonly local: string;
  readonly proxy: string | null;
  readonly user: string | null;
  readonly backend: string | null;
  readonly phase: Phase['name'];
  readonly tls: TlsSnapshot | null;
  /** TLS was given up on the control connection (CCC). */
  readonly cleared: boolean;
  readonly commands: number;
  readonly transfers: number;
  readonly failedTransfers: number;
  readonly bytesUploaded: number;
  readonly bytesDownloaded: number;
  readonly transfer: TransferSnapshot | null;
}

/** The session that these are the parts of. */
export function sessionSnapshot(phase: Phase, observer: SessionObserver): SessionSnapshot {
  const { facts, totals, user } = observer.account;
  const { milliseconds, ...counts } = totals;
  const { id, listener, mode, client, local, proxy } = facts;
  return {
    ...{ id, listener, mode },
    since: ago(milliseconds),
    seconds: Math.floor(milliseconds / 1000),
    client: formatEndpoint(client),
    local: formatEndpoint(local),
    proxy: proxy === undefined ? null : formatEndpoint(proxy),
    user: shown(user) ?? null,
    backend: linkOf(phase)?.backend.name ?? null,
    phase: phase.name,
    tls: tlsSnapshot(observer.tls),
    cleared: observer.tls?.cleared ?? false,
    ...counts,
    transfer: phase.name === 'transferring' ? transferSnapshot(phase.transfer) : null,
  };
}

function transferSnapshot(transfer: RunningTransfer): TransferSnapshot {
  const { command, direction, bytes, expectedBytes: expected, milliseconds } = transfer.progress;
  const { client, backend } = transfer.legs;
  return {
    verb: command.verb,
    path: shown(command.argument) ?? null,
    direction,
    since: ago(milliseconds),
    milliseconds: Math.round(milliseconds),
    bytes,
    // Who has more than was said has shown that it was wrong.
    expectedBytes: expected === undefined || expected < bytes ? null : expected,
    bytesPerSecond: milliseconds < 1 ? 0 : Math.round((1000 * bytes) / milliseconds),
    clientData: legSnapshot(client),
    backendData: legSnapshot(backend),
  };
}

function legSnapshot(leg: LegFacts | undefined): LegSnapshot | null {
  if (leg === undefined) return null;
  return { peer: formatEndpoint(leg.peer), protection: leg.protection, tls: tlsSnapshot(leg.tls) };
}

function tlsSnapshot(facts: TlsFacts | undefined): TlsSnapshot | null {
  if (facts === undefined) return null;
  const { version, cipher, resumed, servername, clientCertificate } = facts;
  return {
    ...{ version, cipher, resumed },
    servername: shown(servername) ?? null,
    clientCertificate: shown(clientCertificate?.subject) ?? null,
  };
}

function ago(milliseconds: number): string {
  return new Date(Date.now() - milliseconds).toISOString();
}
