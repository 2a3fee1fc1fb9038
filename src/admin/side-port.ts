/**
 * Serves the routes of the table over HTTP or HTTPS, to those who may take them. Knows nothing of FTP; asks the gateway through
 * operations.
 */
import { readFile } from 'node:fs/promises';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type AdminConfig, readTokens } from '../config/admin.ts';
import { canonicalAddress } from '../net/address.ts';
import { asLatin1, describeFault } from '../observe/log-text.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { writeEvent } from '../observe/write-event.ts';
import { printable } from '../wire/redact.ts';
import { Access, type Credentials, type Denial, type Right } from './access.ts';
import { Connections } from './connections.ts';
import { DENIALS } from './denials.ts';
import type { GuessLimit } from './guess-limit.ts';
import { Unanswered } from './joint-operations.ts';
import { answersOf } from './openapi.ts';
import type { Operations } from './operations.ts';
import type { Answer, Asked, Route } from './route.ts';
import { ROUTES } from './routes.ts';

export interface SidePortOptions {
  readonly operations: Operations;
  readonly logger: Logger;
  /** Where denials are counted. */
  readonly metrics: Pick<Metrics, 'sidePortDenied'>;
}

/** A server that is listening. */
export interface SidePort {
  readonly address: string;
  /** The real port. */
  readonly port: number;
  /** Takes these tokens and certificates. Throws, with everything as it was, where a certificate cannot be used. */
  adopt(settings: Settings): void;
  /** Listens no more, at once; answers the requests that run, for a few seconds. Resolves when all connections are closed. */
  retire(): Promise<void>;
  /** Listens no more and ends all connections. Resolves when they are closed. */
  close(): Promise<void>;
}

/** A configuration, and what its files said when it was read. */
export interface Settings {
  readonly config: AdminConfig;
  readonly material: Material;
}

/** What is in the files of a configuration. */
export interface Material {
  readonly read: string | null;
  readonly write: string | null;
  readonly tls: { readonly cert: string; readonly key: string; readonly ca?: string } | undefined;
}

/** How long a request, and a TLS handshake, may take (milliseconds). */
const REQUEST_TIMEOUT = 10_000;
/** Orders have no body; what comes anyway is dropped. */
const BODY_LIMIT = 65_536;

/** For how long a connection is kept on which nothing is asked (milliseconds). */
const KEEP_ALIVE = 5000;
/** For how long requests are still answered after a move (milliseconds). */
const GRACE = 5000;

/** Traces of a proxy that asks for somebody else: RFC 7239 §4, RFC 9110 §7.6.3, and what was in use before. */
const PROXY_HEADERS = /^(?:forwarded|via|x-real-ip|x-forwarded(?:-.*)?)$/;

/** A page may have the style of its own house and nothing else; nobody may frame it; nothing is kept. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Denials that somebody should look at. */
const SUSPICIOUS: ReadonlySet<Denial> = new Set<Denial>([
  'wrong-token',
  'read-only-token',
  'foreign-host',
  'forwarded',
]);

/** Reads the files that a configuration names. Rejects with an Error that names the file that cannot be used. */
export async function readMaterial(config: AdminConfig): Promise<Material> {
  const { cert, key, clientCa } = config.tls;
  const tokens = await readTokens(config);
  if (cert === null || key === null) return { ...tokens, tls: undefined };
  const [certText, keyText] = await Promise.all([readFile(cert, 'utf8'), readFile(key, 'utf8')]);
  const ca = clientCa === null ? {} : { ca: await readFile(clientCa, 'utf8') };
  return { ...tokens, tls: { cert: certText, key: keyText, ...ca } };
}

/** Resolves when it is bound; rejects with the error of the socket where it cannot be, or of OpenSSL for a certificate. */
export async function openSidePort(
  { config, material }: Settings,
  options: SidePortOptions,
  guesses: GuessLimit,
): Promise<SidePort> {
  let access = accessOf(config, material, guesses);
  let authorities = material.tls?.ca;
  let state: 'open' | 'retired' = 'open';
  const app = newServer(material);
  const connections = new Connections(app.server);
  app.addHook('onRequest', async (_request, answer) => void answer.headers(HEADERS));
  app.addHook('onSend', async ({ socket }, answer) => {
    if (state === 'retired' || !connections.isTrusted(socket)) answer.header('connection', 'close');
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, body, done) => {
    body.resume();
    done(null);
  });
  const judge = (right: Right, request: FastifyRequest) => access.judge(right, shownBy(request, connections));
  for (const route of ROUTES) addRoute(app, route, options, (request) => judge(route.right, request));
  addErrorAnswers(app, options.logger);
  try {
    await app.listen({ host: config.address, port: config.port });
  } catch (error) {
    await app.close();
    throw error;
  }
  const [bound] = app.addresses();
  const { address, port } = typeof bound === 'object' ? bound : config;
  writeEvent(options.logger, 'side-port-listening', `side port on ${address}, port ${port}`, { address, port });

  let ended: Promise<void> | undefined;
  /** Frees the port at once, which fastify would do later. */
  const listenNoMore = (): Promise<void> => {
    state = 'retired';
    ended ??= new Promise((resolve) => app.server.close(() => resolve()));
    return ended;
  };
  return {
    address,
    port,
    adopt({ config: next, material: fresh }) {
      if (fresh.tls !== undefined) takeCertificate(app, fresh.tls);
      access = accessOf(next, fresh, guesses);
      if (fresh.tls?.ca !== authorities) connections.distrust();
      authorities = fresh.tls?.ca;
    },
    async retire() {
      const done = listenNoMore();
      connections.endQuiet();
      const timer = setTimeout(() => connections.endAll(), GRACE);
      await done;
      clearTimeout(timer);
      await app.close();
    },
    async close() {
      const done = listenNoMore();
      connections.endAll();
      await done;
      await app.close();
    },
  };
}

function accessOf({ address, tls }: AdminConfig, { read, write }: Material, guesses: GuessLimit): Access {
  return new Access({ address, readToken: read, writeToken: write, certificates: tls.clientCa !== null }, guesses);
}

function newServer({ tls }: Material): FastifyInstance {
  const common = {
    logger: false,
    forceCloseConnections: true,
    requestTimeout: REQUEST_TIMEOUT,
    keepAliveTimeout: KEEP_ALIVE,
    bodyLimit: BODY_LIMIT,
  } as const;
  if (tls === undefined) return fastify(common);
  // Health checks come without a certificate; each route asks whether there was one.
  const asked = { requestCert: tls.ca !== undefined, rejectUnauthorized: false };
  const https = { ...tls, ...asked, handshakeTimeout: REQUEST_TIMEOUT };
  return fastify({ ...common, https }) as unknown as FastifyInstance;
}

function takeCertificate(app: FastifyInstance, tls: NonNullable<Material['tls']>): void {
  const server = app.server as { setSecureContext?(options: object): void };
  // Brings other keys for tickets too: a session that is resumed would say again that its certificate was good.
  server.setSecureContext?.(tls);
}

type Judge = (request: FastifyRequest) => Denial | undefined;

function addRoute(app: FastifyInstance, route: Route, options: SidePortOptions, judge: Judge): void {
  const { operations } = options;
  const answers = Object.entries(answersOf(route)).flatMap(([status, kind]) =>
    'shape' in kind ? [[status, kind.shape.schema]] : [],
  );
  app.route({
    method: route.method,
    url: route.path.replace(/\{(\w+)\}/g, ':$1'),
    schema: { ...requestSchemas(route), response: Object.fromEntries(answers) },
    onRequest: async (request, answer) => deny(request, answer, judge, options),
    handler: async (request, answer) => {
      const parameters = { ...(request.params as object), ...(request.query as object) };
      const { status, body, type } = await answerOf(route, { operations, parameters });
      if (route.action !== undefined) noteOrder(request, route, status, options.logger);
      if (type !== undefined) answer.type(type);
      return answer.code(status).send(body);
    },
  });
}

/** An order that nobody has answered is noted as well: it may still be carried out. */
async function answerOf(route: Route, asked: Asked): Promise<Answer> {
  try {
    return await route.answer(asked);
  } catch (error) {
    if (error instanceof Unanswered) return { status: 503, body: { error: error.message } };
    throw error;
  }
}

/** The parameters of a route as fastify wants them. */
function requestSchemas({ parameters = {} }: Route): Readonly<Record<string, object>> {
  const of = (place: 'path' | 'query') => {
    const entries = Object.entries(parameters).filter(([, each]) => each.in === place);
    const properties = Object.fromEntries(entries.map(([name, { shape }]) => [name, shape.schema]));
    return { type: 'object', properties };
  };
  return { params: of('path'), querystring: of('query') };
}

function shownBy({ headers, socket }: FastifyRequest, connections: Connections): Credentials {
  const { host, authorization } = headers;
  return {
    address: canonicalAddress(socket.remoteAddress ?? ''),
    host,
    authorization,
    certified: isCertified(socket) && connections.isTrusted(socket),
    forwarded: Object.keys(headers).some((name) => PROXY_HEADERS.test(name)),
  };
}

/** Answers a request that is not allowed. */
async function deny(
  request: FastifyRequest,
  answer: FastifyReply,
  judge: Judge,
  { logger, metrics }: SidePortOptions,
): Promise<FastifyReply | undefined> {
  const address = canonicalAddress(request.socket.remoteAddress ?? '');
  const denial = judge(request);
  if (denial === undefined) return undefined;
  metrics.sidePortDenied(denial);
  const fields = { address, problem: denial, request: requestText(request) };
  writeEvent(logger, 'side-port-denied', 'a request was denied', fields, SUSPICIOUS.has(denial) ? 'warn' : 'debug');
  const { status, error, headers } = DENIALS[denial];
  return answer.code(status).headers(headers).send({ error });
}

/** Whether it came with a valid certificate. That nothing stands against one does not mean that there is one: look for it as well. */
function isCertified(socket: object): boolean {
  if (!('authorized' in socket) || socket.authorized !== true) return false;
  return 'getPeerX509Certificate' in socket && typeof socket.getPeerX509Certificate === 'function'
    ? socket.getPeerX509Certificate() !== undefined
    : false;
}

function noteOrder(request: FastifyRequest, { action }: Route, status: number, logger: Logger): void {
  const address = canonicalAddress(request.socket.remoteAddress ?? '');
  const fields = { address, action, request: requestText(request), status };
  writeEvent(logger, 'operator-order', `an operator gave an order: ${action}`, fields);
}

/** Method and path; what stands behind the question mark is left out. */
function requestText({ method, url }: FastifyRequest): string {
  return printable(asLatin1(`${method} ${url.split('?', 1)[0]}`));
}

function addErrorAnswers(app: FastifyInstance, logger: Logger): void {
  const paths = [...new Set(ROUTES.map(({ path }) => path))];
  app.setNotFoundHandler((_request, answer) => answer.code(404).send({ error: 'not found', paths }));
  app.setErrorHandler((error: FastifyError, _request, answer) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return answer.code(status).send({ error: error.message });
    const { detail, stack } = describeFault(error);
    writeEvent(logger, 'side-port-fault', 'the side port could not answer', { detail, stack });
    return answer.code(500).send({ error: 'internal error' });
  });
}
