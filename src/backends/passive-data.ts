/**
 * Opens a data connection to a backend: EPSV, or PASV where the backend has no EPSV, which is remembered. The address in
 * a 227 is ignored: data goes where control goes (a hostile backend must not lead us elsewhere).
 */
import type { TimeoutsConfig } from '../config/schema.ts';
import type { DataLeg } from '../data/leg.ts';
import { GatewayError } from '../errors/errors.ts';
import { dial } from '../net/dial.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import { ReadBuffers, type SpareBuffers } from '../net/read-buffers.ts';
import type { LegFacts } from '../observe/session-observer.ts';
import type { BackendTlsSession } from '../tls/backend-session.ts';
import { parseExtendedPassive, parsePassive } from '../wire/host-port.ts';
import { type Reply, serializeReply } from '../wire/reply.ts';
import { BackendConnection } from './backend-connection.ts';
import type { BackendData, Start } from './backend-data.ts';
import type { BackendLink, Turn } from './backend-link.ts';
import { within } from './within.ts';

/** A backend that says nothing to EPSV for this long is asked for PASV instead (milliseconds). */
const EPSV_SILENCE = 10_000;
/** Data ports below this belong to other services (RFC 2577 §3). */
const FIRST_DATA_PORT = 1024;

const EPSV = { verb: 'EPSV', argument: undefined };
const PASV = { verb: 'PASV', argument: undefined };

export interface PassiveDataOptions {
  readonly timeouts: TimeoutsConfig;
  readonly signal: AbortSignal;
  readonly sockets: OpenSockets;
  readonly spareBuffers: SpareBuffers;
  /** In place of the TLS of the link. */
  readonly tls?: BackendTlsSession;
}

/** Connected by the gateway, to the port that the backend named; begun by the constructor. */
export class PassiveBackendData implements BackendData {
  readonly #connecting: Promise<BackendConnection>;
  readonly #start = Promise.withResolvers<Start>();
  #connection: BackendConnection | undefined;

  constructor(link: BackendLink, options: PassiveDataOptions) {
    this.#connecting = connect(link, options, this.#start.promise).then((connection) => {
      this.#connection = connection;
      return connection;
    });
    this.#connecting.catch(() => {});
    // In clear nobody waits for it.
    this.#start.promise.catch(() => {});
  }

  get connection(): LegFacts | undefined {
    return this.#connection?.facts;
  }

  get leg(): DataLeg | undefined {
    return this.#connection?.leg;
  }

  /** Connected: vsftpd, ProFTPD and Pure-FTPd accept before they say 150. */
  async prepared(): Promise<void> {
    await this.#connecting;
  }

  begin(start: Promise<Start>): void {
    this.#start.resolve(start);
  }

  async open(): Promise<DataLeg> {
    return (await this.#connecting).opened;
  }

  reset(): void {
    this.#connection?.reset();
  }

  dispose(): void {
    // quirk: wu-ftpd and embedded servers cannot take a second PASV before the first was connected, so the dial goes on.
    this.#connecting.then(
      (connection) => connection.close(),
      () => {},
    );
  }
}

/** Asks for a passive port and connects to it. Raises GatewayError. */
async function connect(
  link: BackendLink,
  options: PassiveDataOptions,
  start: Promise<Start>,
): Promise<BackendConnection> {
  const { timeouts, signal, sockets } = options;
  const port = await requestPort(link, timeouts.finalReply);
  const tls = options.tls ?? link.tls;
  // TLS reads the socket itself.
  const buffers = tls === undefined ? new ReadBuffers(options.spareBuffers) : undefined;
  const raw = await dial({
    host: link.peer.address,
    port,
    localAddress: link.backend.config.sourceAddress ?? undefined,
    timeout: timeouts.backendDataConnect,
    keepAlive: timeouts.keepalive,
    signal,
    sockets,
    ...(buffers && { buffers }),
    codes: { failed: 'backend-data-refused', timeout: 'backend-data-timeout' },
  });
  return new BackendConnection({ raw, tls, start, timeout: timeouts.tlsHandshake, ...(buffers && { buffers }) });
}

async function requestPort(link: BackendLink, timeout: number): Promise<number> {
  const { backend } = link;
  const turn = await link.takeTurn();
  try {
    if (backend.passiveCommand === 'PASV') return portOf(await turn.final(turn.send(PASV)));
    const answer = await askForEpsv(turn, Math.min(EPSV_SILENCE, timeout), backend.mayFallBack);
    if (answer.code === 229 || !backend.mayFallBack) return portOf(answer);
    const passive = answer.code === 227 ? answer : await turn.final(turn.send(PASV));
    const port = portOf(passive);
    backend.lacksEpsv();
    return port;
  } catch (error) {
    // quirk: servers that hang up on EPSV; the next session must not run into it again.
    if (link.lost.aborted && link.lastVerb === 'EPSV' && backend.mayFallBack) backend.lacksEpsv();
    throw error;
  } finally {
    turn.end();
  }
}

/** The answer to EPSV; after long silence the answer to PASV, which a backend without EPSV may give in its place. */
async function askForEpsv(turn: Turn, silence: number, mayFallBack: boolean): Promise<Reply> {
  const epsv = turn.send(EPSV);
  if (!mayFallBack) return turn.final(epsv);
  const answer = await within(epsv.final, silence);
  if (answer !== undefined) return answer;
  const pasv = turn.send(PASV);
  const first = await turn.final(epsv);
  if (first.code !== 227) return turn.final(pasv);
  turn.drop(pasv);
  return first;
}

/** The port in a 229 or 227. Raises `backend-data-setup-failed`. */
function portOf(reply: Reply): number {
  const text = reply.lines.at(-1) ?? '';
  const port =
    reply.code === 229 ? parseExtendedPassive(text) : reply.code === 227 ? parsePassive(text)?.port : undefined;
  if (port === undefined || port < FIRST_DATA_PORT) {
    throw new GatewayError('backend-data-setup-failed', { detail: serializeReply(reply).trimEnd() });
  }
  return port;
}
