/**
 * The routes as an OpenAPI 3.1 document. Pure.
 */

import type { Right } from './access.ts';
import { REFUSAL } from './answers.ts';
import type { AnswerKind, Parameter, Route } from './route.ts';
import type { JsonSchema } from './shape.ts';

type Json = Readonly<Record<string, unknown>>;

const DESCRIPTION =
  'The side port of Sallyport: what runs, and orders of operators. Reading is open on a loopback address, else it needs ' +
  '`admin.readToken` or a certificate of `admin.tls.clientCa`; orders always need `admin.writeToken`.';

/** What each right demands where the side port is protected. An empty list: nothing. */
const SECURITY: Readonly<Record<Right, readonly Json[]>> = {
  open: [],
  metrics: [{}, { token: [] }, { password: [] }, { certificate: [] }],
  read: [{}, { token: [] }, { password: [] }, { certificate: [] }],
  write: [{ token: [] }, { token: [], certificate: [] }],
};

/** The statuses with which every protected route may answer as well. */
export const REFUSALS: Readonly<Record<number, string>> = {
  400: 'A parameter is wrong.',
  401: 'A token is needed, or this one is wrong.',
  403: 'Not allowed; `error` says why.',
  429: 'Too many wrong tokens from this host, and one more.',
};

/** The document. Schemas with a name are components. */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const components = new Map<string, Json>();
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route, components) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Sallyport side port', version, description: DESCRIPTION, license: { name: 'MIT' } },
    paths,
    components: {
      schemas: Object.fromEntries([...components].sort(([a], [b]) => a.localeCompare(b))),
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        password: { type: 'http', scheme: 'basic', description: 'Any name; the token as password. For reading only.' },
        certificate: { type: 'mutualTLS' },
      },
    },
  };
}

/** All answers of a route, refusals included. */
export function answersOf({ right, answers }: Route): Readonly<Record<number, AnswerKind>> {
  if (right === 'open') return answers;
  const refusals = Object.entries(REFUSALS).map(([status, meaning]) => [status, { meaning, shape: REFUSAL }]);
  return { ...Object.fromEntries(refusals), ...answers };
}

function operation(route: Route, components: Map<string, Json>): Json {
  const { id, summary, description, parameters = {}, right } = route;
  const responses = Object.entries(answersOf(route)).map(([status, kind]) => [status, response(kind, components)]);
  return {
    operationId: id,
    summary,
    ...(description !== undefined && { description }),
    parameters: Object.entries(parameters).map(([name, parameter]) => parameterObject(name, parameter)),
    responses: Object.fromEntries(responses),
    security: SECURITY[right],
  };
}

function parameterObject(name: string, { in: place, shape }: Parameter): Json {
  const { description, ...schema } = shape.schema;
  return { name, in: place, required: place === 'path', description, schema };
}

function response(kind: AnswerKind, components: Map<string, Json>): Json {
  const content =
    'shape' in kind
      ? { 'application/json': { schema: referenced(kind.shape.schema, components) } }
      : { [kind.mediaType]: { schema: { type: 'string' } } };
  return { description: kind.meaning, content };
}

/** The schema with references in place of schemas with names, which become components. */
function referenced(schema: JsonSchema, components: Map<string, Json>): Json {
  const { title, type } = schema;
  if (title === undefined) return withParts(schema, components);
  if (!components.has(title)) {
    components.set(title, {});
    components.set(title, withParts({ ...schema, type: 'object' }, components));
  }
  const reference = { $ref: `#/components/schemas/${title}` };
  return Array.isArray(type) && type.includes('null') ? { oneOf: [reference, { type: 'null' }] } : reference;
}

function withParts({ properties, items, ...rest }: JsonSchema, components: Map<string, Json>): Json {
  const parts = Object.entries(properties ?? {}).map(([key, each]) => [key, referenced(each, components)]);
  return {
    ...rest,
    ...(properties !== undefined && { properties: Object.fromEntries(parts) }),
    ...(items !== undefined && { items: referenced(items, components) }),
  };
}
