/**
 * What one route of the side port is: who may take it, what it takes and answers, and what it does. Pure types.
 */
import type { Right } from './access.ts';
import type { Operations } from './operations.ts';
import type { Shape } from './shape.ts';

/** What an order does, for the log. */
export type Action = 'end-session' | 'drain-backend' | 'undrain-backend' | 'lift-ban' | 'reload' | 'drain';

/** One value in the path or behind the question mark. */
export interface Parameter {
  readonly in: 'path' | 'query';
  readonly shape: Shape<string> | Shape<number>;
}

/** One possible answer: JSON of a shape, or text of a media type. */
export type AnswerKind =
  | { readonly meaning: string; readonly shape: Shape<unknown> }
  | { readonly meaning: string; readonly mediaType: string };

/** What a request asks with. */
export interface Asked {
  readonly operations: Operations;
  /** Valid by the shapes of the route; those with a default are there. */
  readonly parameters: Readonly<Record<string, string | number | undefined>>;
}

/** What is answered. `type` where it is no JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly type?: string;
}

/** One route. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly right: Right;
  /** Name in the OpenAPI document. */
  readonly id: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** More about it. */
  readonly description?: string;
  readonly parameters?: Readonly<Record<string, Parameter>>;
  readonly answers: Readonly<Record<number, AnswerKind>>;
  /** Of an order. */
  readonly action?: Action;
  answer(asked: Asked): Promise<Answer> | Answer;
}
