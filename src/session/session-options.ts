/**
 * What a session begins with.
 */
import type { ListenerConfig } from '../config/schema.ts';
import type { ClientConnection } from '../control/client-channel.ts';
import type { SessionObserver } from '../observe/session-observer.ts';
import type { SessionTls } from '../tls/session-tls.ts';
import type { SessionEnvironment } from './session-environment.ts';

export interface SessionOptions {
  readonly connection: ClientConnection;
  readonly listener: ListenerConfig;
  /** TLS in force already: on an implicit listener. */
  readonly tls: SessionTls | undefined;
  /** When the connection was accepted (`performance.now()`): the time for the login counts from there. */
  readonly acceptedAt: number;
  readonly environment: SessionEnvironment;
  readonly observer: SessionObserver;
}
