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
import { Access, type Credentials, type Denial } from './access.ts';
import { DENIALS } from './denials.ts';
import type { GuessLimit } from './guess-limit.ts';
import { answersOf } from './openapi.ts';
import type { Operations } from './operations.ts';
import type { Route } from './route.ts';
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
  /** Takes the tokens and certificates of this configuration. Rejects where a file cannot be used. */
  adopt(config: AdminConfig): Promise<void>;
  close(): Promise<void>;
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

/** More are closed: the descriptors of the process are for clients of the gateway. */
const MAX_CONNECTIONS = 256;

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
const SUSPICIOUS: ReadonlySet<Denial> = new Set<Denial>(['wrong-token', 'read-only-token', 'foreign-host']);

/** Reads the files that a configuration names. Rejects with an Error that names the file that cannot be used. */
export async function readMaterial(config: AdminConfig): Promise<Material> {
  const { cert, key, clientCa } = config.tls;
  const tokens = await readTokens(config);
  if (cert === null || key === null) return { ...tokens, tls: undefined };
  const [certText, keyText] = await Promise.all([readFile(cert, 'utf8'), readFile(key, 'utf8')]);
  const ca = clientCa === null ? {} : { ca: await readFile(clientCa, 'utf8') };
  return { ...tokens, tls: { cert: certText, key: keyText, ...ca } };
}

/** Resolves when it is bound; rejects with the error of the socket where it cannot be, or of a file. */
export async function openSidePort(
  config: AdminConfig,
  options: SidePortOptions,
  guesses: GuessLimit,
): Promise<SidePort> {
  const material = await readMaterial(config);
  let access = accessOf(config, material, guesses);
  const app = newServer(material);
  app.addHook('onRequest', async (_request, answer) => void answer.headers(HEADERS));
  app.server.maxConnections = MAX_CONNECTIONS;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, body, done) => {
    body.resume();
    done(null);
  });
  for (const route of ROUTES) addRoute(app, route, options, (shown) => access.judge(route.right, shown));
  addErrorAnswers(app, options.logger);
  await app.listen({ host: config.address, port: config.port });
  const [bound] = app.addresses();
  const { address, port } = typeof bound === 'object' ? bound : config;
  writeEvent(options.logger, 'side-port-listening', `side port on ${address}, port ${port}`, { address, port });
  return {
    address,
    port,
    async adopt(next) {
      const fresh = await readMaterial(next);
      if (fresh.tls !== undefined) takeCertificate(app, fresh.tls);
      access = accessOf(next, fresh, guesses);
    },
    close: () => app.close(),
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
  server.setSecureContext?.(tls);
}

type Judge = (shown: Credentials) => Denial | undefined;

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
      const { status, body, type } = await route.answer({ operations, parameters });
      if (route.action !== undefined) noteOrder(request, route, status, options.logger);
      if (type !== undefined) answer.type(type);
      return answer.code(status).send(body);
    },
  });
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

/** Answers a request that is not allowed. */
async function deny(
  request: FastifyRequest,
  answer: FastifyReply,
  judge: Judge,
  { logger, metrics }: SidePortOptions,
): Promise<FastifyReply | undefined> {
  const { host, authorization } = request.headers;
  const address = canonicalAddress(request.socket.remoteAddress ?? '');
  const denial = judge({ address, host, authorization, certified: isCertified(request.socket) });
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
