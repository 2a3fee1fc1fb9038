/**
 * Data connections that show the TLS session of one client, which anybody can who has seen it pass: it is readable in each
 * ClientHello. Only the handshake proves who can use it. All are let through to that; the first that resumes the session is
 * the client's, the others are closed.
 */
import type { Arrived } from '../data/arrivals.ts';
import type { SecureSocket } from '../tls/upgrade.ts';

/** Connections in one contest; for one more, one of those makes way that come from the address with the most. */
const MAX_CONTENDERS = 8;

export interface ContestOptions {
  /** The handshake; rejects, with the connection closed, when it fails or the signal fires. */
  readonly secure: (arrived: Arrived, signal: AbortSignal) => Promise<SecureSocket>;
  /** Called once. */
  readonly onProven: (arrived: Arrived, secure: SecureSocket) => void;
  /** It could not prove itself, or had no time to. Closes the connection. */
  readonly onImpostor: (arrived: Arrived) => void;
}

export class Contest {
  readonly #options: ContestOptions;
  readonly #contenders = new Map<Arrived, AbortController>();
  #over = false;

  constructor(options: ContestOptions) {
    this.#options = options;
  }

  /** Lets one more connection prove itself. */
  add(arrived: Arrived): void {
    if (this.#over) {
      arrived.socket.destroy();
      return;
    }
    if (this.#contenders.size === MAX_CONTENDERS) this.#makeWay();
    const leaving = new AbortController();
    this.#contenders.set(arrived, leaving);
    this.#options.secure(arrived, leaving.signal).then(
      (secure) => this.#judge(arrived, secure),
      () => {
        arrived.socket.destroy();
        this.#lose(arrived);
      },
    );
  }

  /** Closes all who have not proven themselves, and lets nobody in any more. Idempotent. */
  end(): void {
    this.#over = true;
    for (const leaving of this.#contenders.values()) leaving.abort();
    this.#contenders.clear();
  }

  #judge(arrived: Arrived, secure: SecureSocket): void {
    if (this.#contenders.has(arrived) && secure.socket.isSessionReused()) {
      this.#contenders.delete(arrived);
      this.end();
      this.#options.onProven(arrived, secure);
      return;
    }
    secure.socket.destroy();
    arrived.socket.destroy();
    this.#lose(arrived);
  }

  /** The client's own connection is hardly ever one of many from its address. */
  #makeWay(): void {
    const byAddress = Map.groupBy(this.#contenders.keys(), ({ peer }) => peer.address);
    const [most] = [...byAddress.values()].sort((one, other) => other.length - one.length);
    const [oldest] = most ?? [];
    if (oldest === undefined) return;
    this.#contenders.get(oldest)?.abort();
    this.#lose(oldest);
  }

  #lose(contender: Arrived): void {
    if (this.#contenders.delete(contender)) this.#options.onImpostor(contender);
  }
}
