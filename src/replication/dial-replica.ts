/**
 * Connects to another replica and says who we are.
 */
import type { PeerPlace } from '../config/replication.ts';
import { asGatewayError, ERRORS, type ErrorCode, GatewayError } from '../errors/errors.ts';
import { dial } from '../net/dial.ts';
import { Channel } from './channel.ts';
import type { LinkEnvironment } from './link-environment.ts';
import { type Answer, type Introduction, type Of, type Question, readAnswer } from './messages.ts';

/** For a connection, a handshake and a welcome (milliseconds, each). */
const PATIENCE = 5000;

/** A connection to another replica, our end. */
export type Connection = Channel<Answer, Question>;

/** Connects, with TLS. The connection is closed when the signal fires. Raises GatewayError. */
export async function dialReplica(
  environment: Pick<LinkEnvironment, 'tls' | 'sockets' | 'keepAlive' | 'signal'> & { readonly place: PeerPlace },
): Promise<Connection> {
  const { place, tls, sockets, keepAlive, signal } = environment;
  const codes = { failed: 'replication-unreachable', timeout: 'replication-timeout' } as const;
  const raw = await dial({ ...place, timeout: PATIENCE, keepAlive, signal, sockets, codes });
  const socket = await tls().connect(raw, place.host, { timeout: PATIENCE, signal });
  const connection: Connection = new Channel({ socket, read: readAnswer });
  const onAbort = () => connection.close(asGatewayError(signal.reason, 'shutting-down'));
  signal.addEventListener('abort', onAbort, { once: true });
  void connection.ended.then(() => signal.removeEventListener('abort', onAbort));
  return connection;
}

/** Says who we are, and hears who the other is, or that it does not want us. Raises GatewayError. */
export async function greet(connection: Connection, own: Introduction): Promise<Of<Answer, 'welcome' | 'refused'>> {
  connection.send({ type: 'hello', ...own });
  const answer = await connection.first(PATIENCE);
  if (answer.type === 'welcome' || answer.type === 'refused') return answer;
  throw new GatewayError('replication-protocol', { detail: `${answer.type} for a welcome` });
}

/** What another replica says is shown only where we know the word. */
export function codeOf(cause: string): ErrorCode {
  const known = Object.keys(ERRORS).find((code): code is ErrorCode => code === cause);
  return known?.startsWith('replication-') ? known : 'replication-protocol';
}
