/**
 * Data connections that show the TLS session of one client, which anybody can who has seen it pass: it is readable in each
 * ClientHello. Only the handshake proves who can use it. All are let through to that; the first that resumes the session is
 * the client's, the others are closed.
 */
import type { Arrived } from '../data/passive-pool.ts';
import type { SecureSocket } from '../tls/upgrade.ts';

/** Connections in one contest; the oldest makes way for one more, since the client's handshake takes milliseconds. */
const MAX_CONTENDERS = 8;

export interface ContestOptions {
  /** The handshake; rejects, with the connection closed, when it fails. */
  readonly secure: (arrived: Arrived) => Promise<SecureSocket>;
  /** Called once. */
  readonly onProven: (arrived: Arrived, secure: SecureSocket) => void;
  /** A handshake has finished, and the session was not resumed. Closes the connection. */
  readonly onImpostor: (arrived: Arrived) => void;
}

export class Contest {
  readonly #options: ContestOptions;
  readonly #contenders = new Set<Arrived>();
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
    const [oldest] = this.#contenders;
    if (oldest !== undefined && this.#contenders.size === MAX_CONTENDERS) this.#drop(oldest);
    this.#contenders.add(arrived);
    this.#options.secure(arrived).then(
      (secure) => this.#judge(arrived, secure),
      () => this.#contenders.delete(arrived),
    );
  }

  /** Closes all who have not proven themselves, and lets nobody in any more. Idempotent. */
  end(): void {
    this.#over = true;
    for (const each of [...this.#contenders]) this.#drop(each);
  }

  #judge(arrived: Arrived, secure: SecureSocket): void {
    const known = this.#contenders.delete(arrived);
    if (known && secure.socket.isSessionReused()) {
      this.end();
      this.#options.onProven(arrived, secure);
      return;
    }
    secure.socket.destroy();
    if (known) this.#options.onImpostor(arrived);
    else arrived.socket.destroy();
  }

  #drop(contender: Arrived): void {
    this.#contenders.delete(contender);
    contender.socket.destroy();
  }
}
