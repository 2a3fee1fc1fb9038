/**
 * All that a handler may ask for. Handlers decide, the session applies: no handler touches a socket or the state.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import type { Policy } from '../config/schema.ts';
import type { Protection } from '../data/leg.ts';
import type { ErrorCode, GatewayError } from '../errors/errors.ts';
import type { Endpoint } from '../net/address.ts';
import type { LimitReached } from '../policy/limit-reached.ts';
import type { ProtectionRule } from '../policy/protection.ts';
import type { TransferAllowance } from '../policy/transfer-allowance.ts';
import type { Command } from '../wire/command.ts';
import type { Reply } from '../wire/reply.ts';
import type { DataPlan } from './data-plan.ts';
import type { Login } from './login.ts';
import type { ControlSecurity, Phase } from './phase.ts';
import type { SentCourse } from './root/course.ts';
import type { RootedSession } from './root/rooted-session.ts';
import type { Direction } from './verdict.ts';

/** A transfer that may begin. */
export interface AllowedTransfer {
  readonly allowance: TransferAllowance;
  /** How large it will be, where somebody said so. */
  readonly expectedBytes: number | undefined;
}

export type Outcome =
  | { readonly do: 'reply'; readonly reply: Reply }
  /** A rule stands against it; counted and logged under its name. */
  | {
      readonly do: 'refuse';
      readonly rule: string;
      readonly reply: Reply;
      /** Undefined where the rule is one of encryption. */
      readonly cause?: ErrorCode;
      readonly detail?: string | undefined;
    }
  /** It cannot be carried out; counted and logged, and told to the client, as the error. */
  | { readonly do: 'fail'; readonly error: GatewayError }
  /** A limit is reached; counted and logged under its name, and told to the client as the error. */
  | { readonly do: 'exceed'; readonly error: LimitReached }
  /** The backend answers; its final reply goes to the client. */
  | { readonly do: 'forward'; readonly command: Command }
  /** Reply, then TLS on the control connection. */
  | { readonly do: 'secure'; readonly reply: Reply; readonly protection: Protection }
  /** Reply, then no more TLS on the control connection. */
  | { readonly do: 'clear'; readonly reply: Reply }
  | { readonly do: 'protect'; readonly reply: Reply; readonly protection: Protection }
  /** The backend has answered USER, PASS or ACCT. */
  | { readonly do: 'login'; readonly reply: Reply; readonly login: Login }
  /** HOST: the name that counts from now on. */
  | { readonly do: 'host'; readonly reply: Reply; readonly host: string }
  /** To be told to the backend after login, because the client said it before. */
  | { readonly do: 'remember'; readonly reply: Reply; readonly command: Command }
  | { readonly do: 'plan'; readonly reply: Reply; readonly plan: DataPlan }
  | { readonly do: 'extended-only'; readonly reply: Reply }
  | ({
      readonly do: 'begin';
      readonly command: Command;
      readonly direction: Direction;
      readonly plan: DataPlan;
      /** What goes to the backend, where the client has a root. */
      readonly course: SentCourse | undefined;
    } & AllowedTransfer)
  /** The gateway itself makes a listing, with nothing in it. */
  | { readonly do: 'list-nothing'; readonly command: Command; readonly plan: DataPlan }
  /** ABOR outside a transfer: the data connection that was set up is given up. */
  | { readonly do: 'cancel'; readonly reply: Reply }
  | { readonly do: 'close'; readonly reply: Reply | null; readonly reason: ErrorCode };

/** What a handler sees of the session, and the few things that it may set going. */
export interface HandlerContext {
  /** What the client sees in place of the whole backend. */
  readonly root: RootedSession | undefined;
  readonly phase: Phase;
  readonly control: ControlSecurity;
  readonly protection: Protection;
  readonly policy: Policy;
  /** Whether a certificate is there, so that AUTH can be accepted. */
  readonly certified: boolean;
  /** After EPSV ALL (RFC 2428 §4). */
  readonly extendedOnly: boolean;
  /** The client's address is IPv6. */
  readonly family: 1 | 2;
  /** Whether anything was received behind the command in hand. */
  readonly hasUnreadInput: boolean;
  /** Whether the client's address is turned away for failed logins, which may have happened in other sessions. */
  isBanned(): Promise<boolean>;
  /**
   * A login of this user, where the routes lead it; it takes over the link of the login before, or closes it. Raises
   * `too-many-failed-logins` where too many names were given up for others.
   */
  beginLogin(user: string): Login;
  /** A login begins. Raises `too-many-logins-of-address` where its address begins too many. */
  countLogin(): Promise<void>;
  /** What a transfer may that begins now, and how large it will be where somebody said so. Raises LimitReached. */
  allowTransfer(command: Command, direction: Direction): Promise<AllowedTransfer>;
  /** The name that the client asked for in the TLS handshake (SNI). */
  readonly servername: string | undefined;
  /** Whether HOST may say this name. */
  knowsHost(host: string): boolean;
  /** Whether rules let this verb through at all in this session. */
  offers(verb: string): boolean;
  /** Whether clients may use PORT and EPRT. */
  readonly activeMode: 'allow' | 'deny';
  /** Why the gateway will not connect there, though a client asks for it; undefined when it will. */
  refuseActiveTarget(target: Endpoint): string | undefined;
  /** Leases a port and begins to set up the backend's data connection; undefined when no port is free. */
  planPassive(link: BackendLink): Promise<{ readonly plan: DataPlan; readonly port: number } | undefined>;
  /** To connect to this port of the client when the transfer begins; the backend's data connection is set up from now on. */
  planActive(link: BackendLink, port: number): DataPlan;
  /** The IPv4 address for a 227. Raises `advertised-address-unknown`. */
  advertisedAddress(): Promise<string>;
  /** A rule was not met, and is only reported. */
  reportPolicy(rule: ProtectionRule, verb: string): void;
}

/** Decides about one command that has passed the gate. GatewayErrors end the session with their reply. */
export type Handler = (command: Command, context: HandlerContext) => Outcome | Promise<Outcome>;
