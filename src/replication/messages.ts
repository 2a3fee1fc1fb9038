/**
 * What replicas say to each other: one JSON object in a line. Every field is checked, and what is not in the tables is refused. Pure;
 * knows no connection.
 */
import { isIP } from 'node:net';

/** Version of the protocol; replicas of two versions do not talk. */
export const VERSION = 1;
/** The longest line, in bytes. */
export const LONGEST_LINE = 16_384;

/** Places that are told at the end. */
export const MOST_GHOSTS = 200;

/** A line is no message. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

type Reader<T> = (value: unknown) => T;

function fail(): never {
  throw new MalformedMessage('a field that is missing or wrong');
}

const whole =
  (minimum: number, maximum: number): Reader<number> =>
  (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= minimum && value <= maximum ? value : fail();

const text =
  (pattern: RegExp): Reader<string> =>
  (value) =>
    typeof value === 'string' && pattern.test(value) ? value : fail();

const yesOrNo: Reader<boolean> = (value) => (typeof value === 'boolean' ? value : fail());

const orNull =
  <T>(read: Reader<T>): Reader<T | null> =>
  (value) =>
    value === null ? null : read(value);

const listOf =
  <T>(read: Reader<T>, most: number): Reader<readonly T[]> =>
  (value) =>
    Array.isArray(value) && value.length <= most ? value.map(read) : fail();

const address: Reader<string> = (value) =>
  typeof value === 'string' && isIP(value) !== 0 && !value.includes('%') ? value : fail();

const id = whole(0, Number.MAX_SAFE_INTEGER);
const port = whole(1, 65_535);
const index = whole(0, 65_535);
const many = whole(0, 1_000_000);
const token = text(/^[\da-f]{64}$/);
const connection = text(/^[\da-f]{32}$/);

/** Ports in the words of `portsText`. */
const ports = text(/^(|\d{1,5}(-\d{1,5})?(, \d{1,5}(-\d{1,5})?){0,999})$/);

/** Who speaks, and which ports its sessions have. */
const INTRODUCTION = {
  version: whole(0, 1_000_000),
  index,
  count: whole(1, 65_535),
  /** Drawn at its start: tells two with one index apart. */
  instance: text(/^[\da-f]{32}$/),
  /** How often its ports have changed: of two things that it has said, that with the higher number counts. */
  revision: id,
  ports,
  range: ports,
};

/** What is said by the replica that has connected, by type. */
const QUESTIONS = {
  hello: INTRODUCTION,
  /** Its ports have changed; waits until that is {@link ANSWERS noted}. */
  announce: { id, revision: id, ports, range: ports },
  /** A connection has come: who waits for it? */
  ask: { id, port, address, clientPort: whole(0, 65_535) },
  /** It may be for several replicas: who waits must prove by TLS that it is his, and may count on it until `done`. */
  contest: { id, port, address },
  /** It shows these TLS sessions: whose is it? */
  recognise: {
    id,
    port,
    address,
    clientPort: whole(0, 65_535),
    names: listOf(text(/^[\da-f]{32}$/), 16),
    sessionId: text(/^([\da-f]{2}){0,32}$/),
  },
  /** It is known whose it is. `closed`: it was nobody's, and so it may have been that of one who waits there. */
  done: { id, closed: yesOrNo },
  /** A session wants to wait on the port that all share; for a client of this address, or of any (empty). */
  request: { id, address: text(/^[\da-f.:]{0,45}$/), distinct: yesOrNo },
  /** It waits no longer, or wants to no longer. */
  withdraw: { id },
  /** The client of a connection that was handed over has ended its direction behind so many bytes; null: it was broken off. */
  ended: { connection, bytes: orNull(id) },
  /** So many of the bytes that came for that client were handed on to it. */
  progress: { connection, bytes: id },
  /** All that came for that client was handed on to it, or was lost. */
  delivered: { connection, whole: yesOrNo },
  ping: {},
} as const;

/** What is said to the replica that has connected, by type. */
const ANSWERS = {
  welcome: INTRODUCTION,
  refused: { cause: text(/^[a-z-]{1,64}$/) },
  answer: { id, here: many, able: many, proof: yesOrNo, ghost: yesOrNo, token: orNull(token) },
  recognised: { id, token: orNull(token) },
  /** The session may wait there. */
  granted: { id },
  /** Its ports have changed. */
  announce: { revision: id, ports, range: ports },
  /** It is known from here on which ports the other one has. */
  noted: { id },
  /** It ends, and its sessions with it. Connections may still come that they have given up: there, or anywhere where these are too many. */
  goodbye: { ghosts: orNull(listOf(text(/^\d{1,5}( [\da-f.:]{1,45})?$/), MOST_GHOSTS)) },
  pong: {},
} as const;

type Fields = Readonly<Record<string, Reader<unknown>>>;
type Table = Readonly<Record<string, Fields>>;
type MessageOf<T extends Table> = {
  [K in keyof T]: { readonly type: K } & { readonly [F in keyof T[K]]: ReturnType<T[K][F]> };
}[keyof T];

/** One of {@link QUESTIONS}. */
export type Question = MessageOf<typeof QUESTIONS>;
/** One of {@link ANSWERS}. */
export type Answer = MessageOf<typeof ANSWERS>;
/** A message of one type. */
export type Of<M extends { readonly type: string }, T extends M['type']> = Extract<M, { readonly type: T }>;
/** Who a replica says it is. */
export type Introduction = Omit<Of<Question, 'hello'>, 'type'>;

/** Reads a line of the replica that has connected. Throws {@link MalformedMessage}. */
export function readQuestion(line: string): Question {
  return read(QUESTIONS, line) as Question;
}

/** Reads a line to the replica that has connected. Throws {@link MalformedMessage}. */
export function readAnswer(line: string): Answer {
  return read(ANSWERS, line) as Answer;
}

/** A message as a line, with its end. */
export function writeMessage(message: Question | Answer): string {
  return `${JSON.stringify(message)}\n`;
}

function read(table: Table, line: string): object {
  const given = parse(line);
  const { type } = given;
  const fields = typeof type === 'string' && Object.hasOwn(table, type) ? table[type] : undefined;
  if (fields === undefined) throw new MalformedMessage('an unknown type');
  if (Object.keys(given).length !== Object.keys(fields).length + 1)
    throw new MalformedMessage('a field too many or few');
  const entries = Object.entries(fields).map(([name, readField]) => [name, readField(given[name])]);
  return { type, ...Object.fromEntries(entries) };
}

function parse(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Told below.
  }
  throw new MalformedMessage('no JSON object');
}

/** The ports of a text that was read, ascending and each once. Throws {@link MalformedMessage} where they are none. */
export function portsIn(given: string): ReadonlySet<number> {
  const found = new Set<number>();
  let before = 0;
  for (const part of given === '' ? [] : given.split(', ')) {
    const [first = 0, last = first] = part.split('-').map(Number);
    // One who repeats ports could make a short line very long.
    if (first <= before || last < first || last > 65_535) throw new MalformedMessage('ports that are none');
    for (let each = first; each <= last; each += 1) found.add(each);
    before = last;
  }
  return found;
}
