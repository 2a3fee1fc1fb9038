/**
 * The side port: health, readiness, metrics and bans over HTTP. Knows nothing of FTP; asks the gateway through functions.
 */
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { describeFault } from '../observe/log-text.ts';
import type { Logger } from '../observe/logger.ts';
import { writeEvent } from '../observe/write-event.ts';

/** Whether the gateway can serve clients, and if not, why. */
export interface Readiness {
  readonly ready: boolean;
  /** One sentence each; empty where ready. */
  readonly reasons: readonly string[];
}

/** Where the text of the metrics comes from. */
export interface MetricsSource {
  /** Everything in the Prometheus text format, read now. */
  render(): Promise<string>;
  /** Its media type. */
  readonly contentType: string;
}

/** An address that is turned away for failed logins. */
export interface BanShown {
  readonly address: string;
  readonly until: Date;
  readonly failures: number;
}

/** What the side port is made of. */
export interface AdminOptions {
  /** Literal address to listen on. */
  readonly address: string;
  /** 0 is any free port. */
  readonly port: number;
  readonly metrics: MetricsSource;
  readonly readiness: () => Readiness | Promise<Readiness>;
  readonly bans: () => readonly BanShown[];
  readonly logger: Logger;
}

/** A side port that is listening. */
export interface Admin {
  readonly address: string;
  /** The real port. */
  readonly port: number;
  /** Stops listening and ends kept-alive connections. Resolves when all are closed. */
  close(): Promise<void>;
}

/** How long the headers of a request may take, in milliseconds. */
const REQUEST_TIMEOUT = 10_000;

/** Opens the side port. Resolves when it is bound; rejects with the error of the socket where it cannot be. */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const app = fastify({ logger: false, forceCloseConnections: true, requestTimeout: REQUEST_TIMEOUT });
  addRoutes(app, options);
  addErrorAnswers(app, options.logger);
  await app.listen({ host: options.address, port: options.port });
  const [bound] = app.addresses();
  const { address, port } = typeof bound === 'object' ? bound : options;
  writeEvent(options.logger, 'side-port-listening', `side port on ${address}, port ${port}`, { address, port });
  return { address, port, close: () => app.close() };
}

function addRoutes(app: FastifyInstance, { metrics, readiness, bans }: AdminOptions): void {
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, answer) => {
    const { ready, reasons } = await readiness();
    return answer.code(ready ? 200 : 503).send({ ready, reasons });
  });
  app.get('/bans', () => ({
    bans: bans().map(({ address, until, failures }) => ({ address, until: until.toISOString(), failures })),
  }));
  app.get('/metrics', async (_request, answer) => {
    const text = await metrics.render();
    return answer.type(metrics.contentType).send(text);
  });
}

function addErrorAnswers(app: FastifyInstance, logger: Logger): void {
  app.setNotFoundHandler((_request, answer) =>
    answer.code(404).send({ error: 'not found', paths: ['/healthz', '/readyz', '/metrics', '/bans'] }),
  );
  app.setErrorHandler((error: FastifyError, _request, answer) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return answer.code(status).send({ error: error.message });
    const { detail, stack } = describeFault(error);
    writeEvent(logger, 'side-port-fault', 'the side port could not answer', { detail, stack });
    return answer.code(500).send({ error: 'internal error' });
  });
}
