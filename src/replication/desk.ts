/**
 * Answers what other replicas ask about the sessions here.
 */
import type { Arrivals, Claim } from '../data/arrivals.ts';
import type { ClientHello } from '../wire/client-hello.ts';
import { type Answer, MOST_GHOSTS, type Of, type Question } from './messages.ts';
import type { Tokens } from './tokens.ts';
import type { TurnTaking } from './turn-taking.ts';

/** What is asked about the sessions of this replica. */
export interface Desk {
  ask(question: Of<Question, 'ask'>): Omit<Of<Answer, 'answer'>, 'type' | 'id'>;
  /** Returns what ends the contest; `closed`: the connection was nobody's. */
  contest(question: Of<Question, 'contest'>): (closed: boolean) => void;
  /** The token for it, in hexadecimal. */
  recognise(question: Of<Question, 'recognise'>): string | null;
  /** A session there wants a turn on the port that all share. Returns what gives it back. */
  turn(question: Of<Question, 'request'>, grant: () => void): () => void;
  /** Where connections may still come that sessions here have given up; null where these are too many to tell. */
  ghosts(): readonly string[] | null;
  /** What is said of a connection that was handed over. */
  ends(message: Of<Question, 'ended' | 'progress' | 'delivered'>): void;
}

export interface DeskOptions {
  readonly arrivals: Arrivals;
  readonly tokens: Tokens;
  readonly turns: TurnTaking;
  /** Whether a connection may be for a session of a replica that is gone, and has told nobody of it. */
  readonly isHaunted: (port: number, place: string) => boolean;
  readonly ends: Desk['ends'];
}

/** Answers from what waits here. Whoever is meant by a connection is held by a token, so that nobody else gets it. */
export function makeDesk({ arrivals, tokens, turns, isHaunted, ends }: DeskOptions): Desk {
  const tokenFor = ({ port, address, clientPort }: Of<Question, 'ask' | 'recognise'>, claim: Claim | undefined) =>
    claim ? tokens.issue({ port, client: { address, port: clientPort }, claim }).toString('hex') : null;
  return {
    ask(question) {
      const { port, address } = question;
      const { claim, ...prospect } = arrivals.prospect(port, address, isHaunted(port, arrivals.place(port, address)));
      return { ...prospect, token: tokenFor(question, claim) };
    },
    contest: ({ port, address }) => arrivals.contest(port, address),
    recognise: (question) => tokenFor(question, arrivals.recognise(question.port, helloOf(question))),
    turn: ({ address, distinct }, grant) => turns.request(address, distinct, grant),
    ghosts() {
      // A zone means something on this host only.
      const ghosts = arrivals.ghosts.places().filter((place) => !place.includes('%'));
      return ghosts.length > MOST_GHOSTS ? null : ghosts;
    },
    ends,
  };
}

/** A hello that shows these TLS sessions, and nothing else: sessions are known by nothing else. */
function helloOf({ names, sessionId }: Pick<Of<Question, 'recognise'>, 'names' | 'sessionId'>): ClientHello {
  return {
    alpn: [],
    servername: undefined,
    versions: [],
    sessionId: Buffer.from(sessionId, 'hex'),
    ticket: undefined,
    identities: [],
    ticketKeyNames: names.map((name) => Buffer.from(name, 'hex')),
  };
}
