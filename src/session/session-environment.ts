/**
 * What all sessions of a gateway share.
 */
import type { AccessTable } from '../access/rules.ts';
import type { BackendRoutes } from '../backends/backend-routes.ts';
import type { Config } from '../config/schema.ts';
import type { AdvertisedAddress } from '../data/advertise.ts';
import type { PassivePool } from '../data/passive-pool.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import type { SpareBuffers } from '../net/read-buffers.ts';
import type { Audit } from '../observe/audit/audit.ts';
import type { RecentFailures } from '../observe/recent-failures.ts';
import type { SessionPlaces } from '../policy/admissions.ts';
import type { BackendPlaces } from '../policy/backend-admissions.ts';
import type { DecisionHook } from '../policy/decision-hook.ts';
import type { LimitsInForce } from '../policy/limits-in-force.ts';
import type { ServerContexts } from '../tls/contexts.ts';
import type { LoginPace } from './login-pace.ts';

/** Everything that sessions share; none of it is changed by a session. */
export interface SessionEnvironment {
  readonly config: Config;
  readonly contexts: ServerContexts | undefined;
  readonly routes: BackendRoutes;
  /** Who may do what with which files. */
  readonly access: AccessTable;
  /** Who decides about logins; undefined where only routes do. */
  readonly decisionHook: DecisionHook | undefined;
  readonly backendPlaces: BackendPlaces;
  /** What is limited, and who counts it. */
  readonly limits: LimitsInForce;
  readonly pace: LoginPace;
  readonly passivePool: PassivePool;
  readonly advertised: AdvertisedAddress;
  readonly sockets: OpenSockets;
  /** What data connections to backends are read into. */
  readonly spareBuffers: SpareBuffers;
  /** Where what sessions do is recorded. */
  readonly audit: Audit;
  /** What did not work for clients. */
  readonly failures: RecentFailures;
  /** Who counts sessions and failed logins. */
  readonly places: SessionPlaces;
  /** Whether the gateway listens on this port, on whatever address. */
  readonly listensOn: (port: number) => boolean;
  /** Somebody connected to a data port who was not expected there. */
  readonly onUnclaimed: (port: number, address: string) => void;
}
