/**
 * The TLS side of one control session: its own ticket keys, whose name is readable in every ClientHello that resumes, and
 * its own store of TLS 1.2 session ids. Whoever resumes with them is the client of this session: nobody else can. The
 * certificate of a session never changes (FileZilla pins it).
 */
import { randomBytes } from 'node:crypto';
import { Server } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { ClientHello } from '../wire/client-hello.ts';
import type { ClientCertificate } from './facts.ts';

/** Version number of TLS 1.2 in a ClientHello. */
const TLS_1_2 = 0x0303;
/** Ticket keys of Node: 16 bytes of name, 32 of secrets. */
const TICKET_KEYS_LENGTH = 48;
const KEY_NAME_LENGTH = 16;
/** Of the name of a key: the number of the replica, where there are several. */
const REPLICA_LENGTH = 2;
/** TLS sessions that are kept for clients without tickets; each full handshake makes one. */
const MAX_STORED_SESSIONS = 4;

/** The number of the replica whose session a ticket key with this name belongs to; any number where it is not one of several. */
export function replicaOfKey(name: Buffer): number {
  return name.readUIntBE(0, REPLICA_LENGTH);
}

/** Variants of a context for one certificate. */
export type ContextVariant =
  /** Tickets with these keys. */
  | { readonly kind: 'resumable'; readonly ticketKeys: Buffer }
  /** At most TLS 1.2 and no tickets: an uploader that never reads cannot lose its last bytes (design: TLS 1.3 tickets). */
  | { readonly kind: 'ticketless' };

/** The certificates of one name, from which contexts are made. */
export interface CertificateSource {
  /** Makes or finds a context. `ticketless` is undefined where TLS 1.2 is not allowed. */
  context(variant: ContextVariant): SecureContext | undefined;
}

/** How to pick certificates by server name. */
export interface CertificateChoice {
  /** For a name; the first certificate where none matches or no name was sent. */
  forName(servername: string | undefined): CertificateSource;
}

/** What a handshake of this session is made with. */
export interface TlsOffer {
  readonly secureContext: SecureContext;
  readonly selectByName: ((servername: string) => SecureContext) | undefined;
  /** Where Node asks for stored sessions. */
  readonly store: Server | undefined;
  /** Whether the client is asked for its certificate. Judging what it shows is up to the caller. */
  readonly asksCertificate: boolean;
}

/** The live sessions of a gateway by what their clients show: names of ticket keys, and session ids (hexadecimal). */
export type SessionKeys = Map<string, SessionTls>;

export interface SessionTlsOptions {
  readonly choice: CertificateChoice;
  /** Whether the client is asked for a certificate on its control connection. */
  readonly asksCertificate: boolean;
  /** Address of the client. */
  readonly address: string;
  readonly sessions: SessionKeys;
  /** Which of several replicas the session is on: other ones can read it from the name of its ticket key. */
  readonly replica?: number | undefined;
}

export class SessionTls {
  readonly #sessions: SessionKeys;
  readonly #choice: CertificateChoice;
  readonly #ticketKeys = randomBytes(TICKET_KEYS_LENGTH);
  readonly #stored = new Map<string, Buffer>();
  /** Never listens: Node emits `newSession` and `resumeSession` on it. */
  readonly #store = new Server();
  readonly #resumable = new Map<CertificateSource, SecureContext>();
  readonly #asksCertificate: boolean;
  readonly #address: string;
  #client: ClientCertificate | undefined;
  #certificate: CertificateSource;
  #mixedUp = false;
  #servername: string | undefined;

  constructor({ choice, asksCertificate, address, sessions, replica }: SessionTlsOptions) {
    if (replica !== undefined) this.#ticketKeys.writeUIntBE(replica, 0, REPLICA_LENGTH);
    this.#choice = choice;
    this.#sessions = sessions;
    sessions.set(this.#keyName, this);
    this.#asksCertificate = asksCertificate;
    this.#address = address;
    this.#certificate = choice.forName(undefined);
    this.#store.on('newSession', (id: Buffer, data: Buffer, done: () => void) => {
      this.#keep(id.toString('hex'), data);
      done();
    });
    this.#store.on('resumeSession', (id: Buffer, done: (error: null, data: Buffer | null) => void) => {
      done(null, this.#stored.get(id.toString('hex')) ?? null);
    });
  }

  /** The name that the client asked for on its control connection (SNI). */
  get servername(): string | undefined {
    return this.#servername;
  }

  /** Whether the client was seen to show the TLS session of one of its control connections in place of another's. */
  get mixedUp(): boolean {
    return this.#mixedUp;
  }

  /** The valid certificate that the client showed on its control connection. */
  get clientCertificate(): ClientCertificate | undefined {
    return this.#client;
  }

  /** The client is the owner of this certificate: from now on its data connections are asked for it too. */
  identify(certificate: ClientCertificate): void {
    this.#client = certificate;
  }

  /**
   * Looks at a hello of this session's client: one that shows another live session of its address keeps one cache for several.
   * A hello proves nothing, so that of another address must not say anything about a session.
   */
  notice(hello: ClientHello): void {
    for (const shown of [...hello.ticketKeyNames, hello.sessionId]) {
      const owner = this.#sessions.get(shown.toString('hex'));
      if (owner === undefined || owner === this || owner.#address !== this.#address) continue;
      this.#mixedUp = true;
      owner.#mixedUp = true;
    }
  }

  /** Forgets the keys, when the session is over. */
  dispose(): void {
    for (const key of [this.#keyName, ...this.#stored.keys()]) this.#sessions.delete(key);
  }

  get #keyName(): string {
    return this.#ticketKeys.toString('hex', 0, KEY_NAME_LENGTH);
  }

  /** For the control connection: the certificate by the name that the client sends, kept from then on. */
  get control(): TlsOffer {
    return {
      secureContext: this.#context(this.#certificate),
      selectByName: (servername) => {
        this.#servername = servername;
        this.#certificate = this.#choice.forName(servername);
        return this.#context(this.#certificate);
      },
      store: this.#store,
      asksCertificate: this.#asksCertificate,
    };
  }

  /**
   * For a data connection: a client that resumes gets what the control connection has. One that does not, and takes TLS
   * 1.2, gets that without tickets. `off`: it cannot resume, whatever it shows.
   */
  data(hello: ClientHello, resumption: 'on' | 'off'): TlsOffer {
    this.notice(hello);
    const resumes = resumption === 'on' && this.recognises(hello);
    const common = { selectByName: undefined, asksCertificate: this.#client !== undefined };
    const ticketless =
      !resumes && hello.versions.includes(TLS_1_2) ? this.#certificate.context({ kind: 'ticketless' }) : undefined;
    if (ticketless !== undefined) return { ...common, secureContext: ticketless, store: undefined };
    if (resumption === 'on') {
      return { ...common, secureContext: this.#context(this.#certificate), store: this.#store };
    }
    const ticketKeys = randomBytes(TICKET_KEYS_LENGTH);
    const foreign = this.#certificate.context({ kind: 'resumable', ticketKeys });
    return { ...common, secureContext: foreign ?? this.#context(this.#certificate), store: undefined };
  }

  /** Whether the hello shows a ticket or a session id of this session. Only the finished handshake proves it. */
  recognises(hello: ClientHello): boolean {
    const name = this.#ticketKeys.subarray(0, KEY_NAME_LENGTH);
    if (hello.ticketKeyNames.some((each) => each.equals(name))) return true;
    return hello.ticketKeyNames.length === 0 && this.#stored.has(hello.sessionId.toString('hex'));
  }

  #context(certificate: CertificateSource): SecureContext {
    const known = this.#resumable.get(certificate);
    if (known !== undefined) return known;
    const made = certificate.context({ kind: 'resumable', ticketKeys: this.#ticketKeys });
    if (made === undefined) throw new Error('a resumable context can always be made');
    this.#resumable.set(certificate, made);
    return made;
  }

  #keep(id: string, data: Buffer): void {
    this.#stored.set(id, data);
    this.#sessions.set(id, this);
    const [oldest] = this.#stored.keys();
    if (this.#stored.size <= MAX_STORED_SESSIONS || oldest === undefined) return;
    this.#stored.delete(oldest);
    this.#sessions.delete(oldest);
  }
}
