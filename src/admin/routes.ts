/**
 * Every route of the side port in one table: what is served, the OpenAPI document and `docs/side-port.md` all come from it.
 */

import * as shapes from './answers.ts';
import { apiPage } from './api-page.ts';
import { errorsPage } from './errors-page.ts';
import { LIMITS } from './limit-answers.ts';
import { openApiDocument } from './openapi.ts';
import type { Operations } from './operations.ts';
import { REPLICAS } from './replica-answers.ts';
import type { Answer, Asked, Route } from './route.ts';
import * as shape from './shape.ts';
import { REFRESHES, statusPage } from './status-page.ts';
import { STYLESHEET } from './stylesheet.ts';

const HTML = 'text/html; charset=utf-8';

const SESSION_ID = { in: 'path', shape: shape.text('Id of the session.', { maxLength: 64 }) } as const;
const BACKEND_NAME = { in: 'path', shape: shape.text('Name of the backend.', { maxLength: 64 }) } as const;
const UNANSWERED = {
  meaning: 'No worker answered that could know; an order may still be carried out.',
  shape: shapes.REFUSAL,
};
const NOT_FOUND = { meaning: 'There is no such thing.', shape: shapes.REFUSAL };

/** The table. */
export const ROUTES: readonly Route[] = [
  page('/', 'status', 'The status page', 'Server-rendered, without scripts; it asks for itself again by `refresh`.', {
    parameters: {
      refresh: {
        in: 'query',
        shape: shape.text('Seconds until it asks for itself again, or `off`.', { enum: REFRESHES, default: '5' }),
      },
    },
    answer: async ({ operations, parameters }) => html(await statusPage(operations, String(parameters['refresh']))),
  }),
  {
    method: 'GET',
    path: '/healthz',
    right: 'open',
    id: 'health',
    summary: 'Whether the process is alive',
    answers: { 200: { meaning: 'It is.', shape: shapes.HEALTH } },
    answer: () => json({ status: 'ok' }),
  },
  {
    method: 'GET',
    path: '/readyz',
    right: 'open',
    id: 'readiness',
    summary: 'Whether clients can be served',
    description: 'With several workers: whether at least one of them can serve.',
    answers: {
      200: { meaning: 'They can.', shape: shapes.READINESS },
      503: { meaning: 'They cannot.', shape: shapes.READINESS },
    },
    answer: async ({ operations }) => {
      const readiness = await operations.readiness();
      return json(readiness, readiness.ready ? 200 : 503);
    },
  },
  {
    method: 'GET',
    path: '/metrics',
    right: 'metrics',
    id: 'metrics',
    summary: 'All metrics, in the Prometheus text format',
    answers: { 200: { meaning: 'See metrics.md.', mediaType: 'text/plain' } },
    answer: async ({ operations: { metrics } }) => ({
      status: 200,
      body: await metrics.render(),
      type: metrics.contentType,
    }),
  },
  {
    ...reading('/sessions', 'listSessions', 'Sessions that are open', shapes.SESSIONS, ({ operations, parameters }) =>
      operations.sessions(Number(parameters['limit'])),
    ),
    parameters: {
      limit: {
        in: 'query',
        shape: shape.count('How many are listed at most.', { minimum: 1, maximum: 10_000, default: 1000 }),
      },
    },
  },
  {
    method: 'GET',
    path: '/sessions/{id}',
    right: 'read',
    id: 'getSession',
    summary: 'One session',
    parameters: { id: SESSION_ID },
    answers: { 200: { meaning: 'The session.', shape: shapes.SESSION }, 404: NOT_FOUND, 503: UNANSWERED },
    answer: async ({ operations, parameters }) => {
      const found = await operations.session(String(parameters['id']));
      return found === undefined ? notFound('session') : json(found);
    },
  },
  order('DELETE', '/sessions/{id}', 'end-session', {
    id: 'endSession',
    summary: 'End a session',
    description:
      'The client is told 421. A transfer that runs is cut as aborted, so that nobody takes it for complete.',
    parameters: { id: SESSION_ID },
    carryOut: ({ operations, parameters }) => operations.endSession(String(parameters['id'])),
    missing: 'session',
  }),
  reading('/backends', 'listBackends', 'All backends', shapes.BACKENDS, ({ operations }) => operations.backends()),
  order('POST', '/backends/{name}/drain', 'drain-backend', {
    id: 'drainBackend',
    summary: 'Keep new sessions away from a backend',
    description:
      'Sessions that it has go on. It holds until it is taken back or the gateway is started again, also across a reload.',
    parameters: { name: BACKEND_NAME },
    carryOut: ({ operations, parameters }) => operations.drainBackend(String(parameters['name'])),
    missing: 'backend',
  }),
  order('POST', '/backends/{name}/undrain', 'undrain-backend', {
    id: 'undrainBackend',
    summary: 'Let new sessions come to a backend again',
    parameters: { name: BACKEND_NAME },
    carryOut: ({ operations, parameters }) => operations.undrainBackend(String(parameters['name'])),
    missing: 'backend',
  }),
  reading('/passive-ports', 'passivePorts', 'The passive range', shapes.PASSIVE_PORTS, ({ operations }) =>
    operations.passivePorts(),
  ),
  reading('/replicas', 'replicas', 'Other replicas behind the same address', REPLICAS, ({ operations }) =>
    operations.replicas(),
  ),
  reading(
    '/certificates',
    'certificates',
    'Certificates that clients are shown',
    shapes.CERTIFICATES,
    ({ operations }) => operations.certificates(),
  ),
  reading(
    '/failures',
    'failures',
    'The last failures, and how often each cause was',
    shapes.FAILURES,
    ({ operations }) => operations.failures(),
  ),
  reading(
    '/config',
    'configuration',
    'The configuration in force, without its secrets',
    shapes.CONFIGURATION,
    ({ operations }) => operations.config(),
  ),
  reading('/limits', 'limits', 'How much is used of what is limited', LIMITS, ({ operations }) => operations.limits()),
  reading('/bans', 'listBans', 'Addresses that are turned away for failed logins', shapes.BANS, ({ operations }) => ({
    bans: operations.bans(),
  })),
  order('DELETE', '/bans/{address}', 'lift-ban', {
    id: 'liftBan',
    summary: 'Lift a ban',
    parameters: {
      address: {
        in: 'path',
        shape: shape.text('As the list has it; the slash of a network as `%2F`.', { maxLength: 64 }),
      },
    },
    carryOut: ({ operations, parameters }) => {
      const address = String(parameters['address']);
      return operations.liftBan(address) ? { done: `${address} is not banned any more`, silentWorkers: [] } : undefined;
    },
    missing: 'ban',
  }),
  {
    method: 'POST',
    path: '/-/reload',
    right: 'write',
    id: 'reload',
    summary: 'Read configuration and certificates again',
    description: 'All of it or nothing: a configuration with anything wrong changes nothing. The same as SIGHUP.',
    answers: {
      200: { meaning: 'It is in force.', shape: shapes.RELOAD },
      422: { meaning: 'It is wrong; everything stays as it was.', shape: shapes.RELOAD },
    },
    action: 'reload',
    answer: async ({ operations }) => {
      const outcome = await operations.reload();
      return json(outcome, outcome.outcome === 'applied' ? 200 : 422);
    },
  },
  {
    method: 'POST',
    path: '/-/drain',
    right: 'write',
    id: 'drain',
    summary: 'Take no more clients, and let those that are there finish',
    description:
      'Sessions end as soon as no transfer of theirs runs; after `timeouts.drain` transfers are cut. The process goes on, with `draining` in `/readyz`, until it is told to end.',
    answers: { 202: { meaning: 'It has begun.', shape: shapes.DONE } },
    action: 'drain',
    answer: async ({ operations }) => {
      await operations.drain();
      return json({ done: 'draining', silentWorkers: [] }, 202);
    },
  },
  {
    method: 'GET',
    path: '/openapi.json',
    right: 'read',
    id: 'openApi',
    summary: 'This interface as an OpenAPI 3.1 document',
    answers: { 200: { meaning: 'The document.', shape: shape.anyObject('OpenApi', 'OpenAPI 3.1.') } },
    answer: ({ operations }) => json(openApiDocument(ROUTES, operations.about.version)),
  },
  page('/api', 'apiPage', 'This interface as a page', undefined, {
    answer: ({ operations }) => html(apiPage(ROUTES, operations.about.version)),
  }),
  page('/errors', 'errorsPage', 'What the codes of failures mean, as a page', undefined, {
    answer: ({ operations }) => html(errorsPage(operations.about.version)),
  }),
  {
    method: 'GET',
    path: '/style.css',
    right: 'open',
    id: 'stylesheet',
    summary: 'The style of the pages',
    answers: { 200: { meaning: 'The stylesheet.', mediaType: 'text/css' } },
    answer: () => ({ status: 200, body: STYLESHEET, type: 'text/css; charset=utf-8' }),
  },
];

function json(body: unknown, status = 200): Answer {
  return { status, body };
}

function html(body: { toString(): string }): Answer {
  return { status: 200, body: body.toString(), type: HTML };
}

function notFound(what: string): Answer {
  return json({ error: `no such ${what}` }, 404);
}

/** A page for people. */
function page(
  path: string,
  id: string,
  summary: string,
  description: string | undefined,
  rest: Pick<Route, 'parameters' | 'answer'>,
): Route {
  return {
    ...{ method: 'GET', path, right: 'read', id, summary },
    ...(description !== undefined && { description }),
    answers: { 200: { meaning: 'The page.', mediaType: 'text/html' } },
    ...rest,
  };
}

/** A question that is always answered by the same shape. */
function reading<T>(
  path: string,
  id: string,
  summary: string,
  answered: shape.Shape<T>,
  ask: (asked: Asked) => T | Promise<T>,
): Route {
  return {
    ...{ method: 'GET', path, right: 'read', id, summary },
    answers: { 200: { meaning: answered.schema.description ?? summary, shape: answered } },
    answer: async (asked) => json(await ask(asked)),
  };
}

interface Order extends Pick<Route, 'id' | 'summary' | 'description' | 'parameters'> {
  /** Undefined where what it is about does not exist. */
  readonly carryOut: (asked: Asked) => ReturnType<Operations['endSession']> | shapes.DoneShown | undefined;
  /** What it is about. */
  readonly missing: 'session' | 'backend' | 'ban';
}

/** An order about something that may not be there. */
function order(
  method: 'POST' | 'DELETE',
  path: string,
  action: NonNullable<Route['action']>,
  { carryOut, missing, ...rest }: Order,
): Route {
  return {
    ...{ method, path, right: 'write', action, ...rest },
    answers: {
      200: { meaning: 'It was done.', shape: shapes.DONE },
      404: NOT_FOUND,
      ...(missing !== 'ban' && { 503: UNANSWERED }),
    },
    answer: async (asked) => {
      const done = await carryOut(asked);
      return done === undefined ? notFound(missing) : json(done);
    },
  };
}
