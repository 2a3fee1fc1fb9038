/**
 * Puts a login together from what is known when USER comes: the route, the client's certificate, and the operator's service
 * where one decides.
 */
import { isUtf8 as isUtf8Bytes } from 'node:buffer';
import type { Backend } from '../backends/backend.ts';
import type { BackendLink } from '../backends/backend-link.ts';
import type { BackendRoute } from '../backends/backend-routes.ts';
import type { Allowance, UserLimits } from '../config/decision.ts';
import type { ListenerConfig } from '../config/schema.ts';
import { asGatewayError, type GatewayError } from '../errors/errors.ts';
import type { SessionObserver } from '../observe/session-observer.ts';
import { judgeUser } from '../policy/certificate-user.ts';
import type { DecisionHook, Question } from '../policy/decision-hook.ts';
import { LimitReached } from '../policy/limit-reached.ts';
import { SessionLimits } from '../policy/session-limits.ts';
import { loginByCertificate } from './certificate-login.ts';
import { DecidedLogin } from './decided-login.ts';
import { LimitedLogin } from './limited-login.ts';
import { type Login, UnroutedLogin } from './login.ts';
import { RootedLogin } from './root/rooted-login.ts';
import { RoutedLogin } from './routed-login.ts';
import type { SessionEnvironment } from './session-environment.ts';
import type { Standing } from './standing.ts';

export interface NewLoginOptions {
  readonly user: string;
  /** Address of the client. */
  readonly address: string;
  readonly environment: SessionEnvironment;
  readonly listener: ListenerConfig;
  readonly standing: Standing;
  readonly observer: SessionObserver;
  /** When the connection was accepted (`performance.now()`). */
  readonly acceptedAt: number;
  /** Fires when the session ends. */
  readonly signal: AbortSignal;
  /** The link of an earlier login. */
  readonly before: BackendLink | undefined;
  /** Dials, with this much patience (milliseconds). Raises GatewayError. */
  readonly open: (backend: Backend, patience: number) => Promise<BackendLink>;
}

/** The login of a client that has said this name; nobody was asked yet. */
export function newLogin(options: NewLoginOptions): Login {
  const { user, listener, environment, standing, before } = options;
  const { decisionHook, routes } = environment;
  const route = routes.find({ ...clientFacts(options), user });
  const verdict = judgeUser(listener.clientCertificates.user, standing.clientCertificate, user);
  if (decisionHook === undefined || verdict === 'mismatch') return certified(options, route, undefined, before);
  return decided(options, route, decisionHook, verdict === 'authorized');
}

/** As a question or a route sees the client. */
function clientFacts({ address, listener, standing }: NewLoginOptions) {
  const { host, clientCertificate, tls } = standing;
  return { listener: listener.name, servername: tls?.servername, host, address, clientCertificate };
}

function certified(
  options: NewLoginOptions,
  route: BackendRoute | undefined,
  decided: UserLimits = {},
  before?: BackendLink,
): Login {
  const { user, listener, standing } = options;
  const { user: byCertificate } = listener.clientCertificates;
  return loginByCertificate(routed(options, route, decided, before), {
    verdict: judgeUser(byCertificate, standing.clientCertificate, user),
    certified: standing.clientCertificate !== undefined,
    needed: byCertificate.from === 'none' ? 'required' : byCertificate.password,
  });
}

function routed(
  options: NewLoginOptions,
  route: BackendRoute | undefined,
  decided: UserLimits,
  before: BackendLink | undefined,
): Login {
  const { user, address, environment, observer, acceptedAt, signal, open } = options;
  const { routes, pace, config, decisionHook, limits } = environment;
  if (route === undefined) return new UnroutedLogin(user, pace, signal);
  const goesOn = before?.lost.aborted === false && route.choice.backends.includes(before.backend);
  const { timeouts } = config;
  const onFailed = (backend: string, { code, reply }: GatewayError) =>
    observer.loginFinished({ backend, user, outcome: 'failed', reply: reply?.[0], cause: code });
  const login = new RoutedLogin({
    ...{ route, pace, signal, open, link: goesOn ? before : undefined, whom: { address, user } },
    ...{ deadline: acceptedAt + timeouts.login, finalReply: timeouts.finalReply },
    uniform: routes.mayMiss || decisionHook !== undefined,
    onBroken: ({ name }, { code, detail }) => observer.backendFailed(name, code, detail),
    onFailed,
  });
  return limited(
    options,
    route.root === undefined ? login : new RootedLogin({ login, root: route.root, onFailed }),
    new SessionLimits(limits, { address, user, route: route.config, decided }),
  );
}

function limited({ user, observer, signal }: NewLoginOptions, login: Login, limits: SessionLimits): Login {
  const onRefused = (error: unknown): void => {
    const { code, reply } = asGatewayError(error, 'internal-error');
    observer.loginFinished({ backend: login.backend, user, outcome: 'failed', reply: reply?.[0], cause: code });
    if (error instanceof LimitReached) observer.limits.reached(error, 'PASS');
  };
  return new LimitedLogin({ login, limits, signal, onRefused });
}

/** A certificate that stands for the password leaves nothing to wait for. */
function decided(
  options: NewLoginOptions,
  route: BackendRoute | undefined,
  hook: DecisionHook,
  authorized: boolean,
): Login {
  const { user, environment, observer, signal } = options;
  return new DecidedLogin({
    user,
    asks: hook.wantsPassword && !authorized ? 'at PASS' : 'at USER',
    onFailure: hook.failsOpen ? 'route' : 'deny',
    // Two names that look the same to the service would be one.
    ask: (password) =>
      isUtf8(user)
        ? hook.ask(question(options, password), signal)
        : Promise.resolve({ decision: 'deny', reply: undefined }),
    lead: async (decision) => certified(options, await destination(environment, route, decision), decision?.limits),
    pace: environment.pace,
    signal,
    onHookFailed: (code, detail) => observer.decisionFailed(code, detail),
  });
}

async function destination(
  { routes }: SessionEnvironment,
  route: BackendRoute | undefined,
  decision: Allowance | undefined,
): Promise<BackendRoute | undefined> {
  return decision === undefined ? route : routes.decided(route, decision);
}

function question(options: NewLoginOptions, password: string | undefined): Question {
  const { user, standing, observer } = options;
  const { clientCertificate, host, servername, ...facts } = clientFacts(options);
  return {
    session: observer.session,
    ...facts,
    servername: servername ?? null,
    host: host ?? null,
    user: asText(user),
    ...(password !== undefined && { password: asText(password) }),
    secure: standing.control === 'secure',
    clientCertificate:
      clientCertificate === undefined
        ? null
        : {
            subject: clientCertificate.subject,
            subjectAltNames: clientCertificate.subjectAltNames,
            fingerprint: clientCertificate.fingerprint256,
          },
  };
}

function isUtf8(bytes: string): boolean {
  return isUtf8Bytes(Buffer.from(bytes, 'latin1'));
}

/** Bytes that were kept as Latin-1, as text: UTF-8 where they are that. */
function asText(bytes: string): string {
  return isUtf8(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
}
