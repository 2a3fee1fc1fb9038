/** The description of the side port for programs. */
import { describe, expect, it } from 'vitest';
import { openApiDocument } from '../../../src/admin/openapi.ts';
import { ROUTES } from '../../../src/admin/routes.ts';

const document = openApiDocument(ROUTES, '1.2.3') as unknown as {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
};

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, object>>;
  readonly security: readonly object[];
}

const operations = Object.values(document.paths).flatMap((path) => Object.values(path));

describe('the OpenAPI document', () => {
  it('has every route once', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info.version).toBe('1.2.3');
    const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(listed.toSorted()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).toSorted());
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(ROUTES.length);
  });

  it('names every parameter of a path', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters } of Object.values(methods)) {
        expect(parameters.filter((each) => each.in === 'path').map(({ name }) => name)).toEqual(named);
      }
    }
  });

  it('refers to schemas that are there, and to all of them', () => {
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
    expect([...new Set(references)].toSorted()).toEqual(Object.keys(document.components.schemas).toSorted());
  });

  it('demands the token of orders, and of nothing that is open', () => {
    const byRight = (right: string) => ROUTES.filter((route) => route.right === right).map(({ id }) => id);
    const securityOf = (id: string) => operations.find(({ operationId }) => operationId === id)?.security;
    for (const id of byRight('write')) expect(JSON.stringify(securityOf(id)?.[0])).toBe('{"token":[]}');
    for (const id of byRight('open')) expect(securityOf(id)).toEqual([]);
    expect(byRight('open')).toEqual(['health', 'readiness', 'stylesheet']);
  });

  it('makes every order one that is logged', () => {
    for (const { method, right, action } of ROUTES) {
      expect([right === 'write', action !== undefined]).toEqual([method !== 'GET', method !== 'GET']);
    }
  });
});
