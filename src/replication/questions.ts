/**
 * What was asked over a link, and is not answered yet. Each question has a number of its own, over all connections of the link.
 */
import type { Connection } from './dial-replica.ts';
import type { Answer, Of, Question } from './messages.ts';

/** For an answer (milliseconds): whoever waits for it is a client. */
export const ANSWER = 3000;
/**
 * Questions about data connections that may be unanswered at a time, also where nobody waits for the answer any more: whoever scans ports
 * must not fill the connection to a replica that is slow.
 */
export const MOST_UNANSWERED = 1024;

/** Who is asked. */
type Listener = Pick<Connection, 'send'>;

export class Questions {
  readonly #open = new Map<number, (answer: Answer | undefined) => void>();
  readonly #unanswered = new Set<number>();
  #lastId = 0;

  newId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** The answer of one type; undefined where none comes in time or before the signal fires, or another one, or where too much is asked. */
  async ask<T extends 'answer' | 'recognised'>(
    connection: Listener,
    question: Of<Question, 'ask' | 'recognise'>,
    type: T,
    signal: AbortSignal,
  ): Promise<Of<Answer, T> | undefined> {
    if (signal.aborted || this.#unanswered.size >= MOST_UNANSWERED) return undefined;
    this.#unanswered.add(question.id);
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(ANSWER)]);
    const answer = await this.#answered(connection, question, inTime);
    return answer?.type === type ? (answer as Of<Answer, T>) : undefined;
  }

  /** Whether a turn is granted before the signal fires. */
  async isGranted(connection: Listener, request: Of<Question, 'request'>, signal: AbortSignal): Promise<boolean> {
    return (await this.#answered(connection, request, signal))?.type === 'granted';
  }

  /** Tells which ports we have, and waits until that is noted. */
  async announce(connection: Listener, announcement: Of<Question, 'announce'>): Promise<void> {
    await this.#answered(connection, announcement, AbortSignal.timeout(ANSWER));
  }

  /** An answer has come. */
  answered(answer: Of<Answer, 'answer' | 'recognised' | 'granted' | 'noted'>): void {
    this.#unanswered.delete(answer.id);
    this.#open.get(answer.id)?.(answer);
  }

  /** The connection is over: nothing is answered any more. */
  lost(): void {
    this.#unanswered.clear();
    for (const settle of [...this.#open.values()]) settle(undefined);
  }

  #answered(
    connection: Listener,
    question: Of<Question, 'ask' | 'recognise' | 'request' | 'announce'>,
    signal: AbortSignal,
  ): Promise<Answer | undefined> {
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined) => {
        signal.removeEventListener('abort', onAbort);
        this.#open.delete(question.id);
        resolve(answer);
      };
      const onAbort = () => settle(undefined);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#open.set(question.id, settle);
      connection.send(question);
    });
  }
}
