/**
 * What was asked over a link, and is not answered yet. Each question has a number of its own, over all connections of the link.
 */
import type { Connection } from './dial-replica.ts';
import type { Answer, Of, Question } from './messages.ts';

/** For an answer (milliseconds): whoever waits for it is a client. */
export const ANSWER = 3000;

export class Questions {
  readonly #open = new Map<number, (answer: Answer | undefined) => void>();
  #lastId = 0;

  newId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** The answer of one type; undefined where none comes in time, or another one. */
  async ask<T extends 'answer' | 'recognised'>(
    connection: Connection,
    question: Of<Question, 'ask' | 'recognise'>,
    type: T,
  ): Promise<Of<Answer, T> | undefined> {
    const answer = await this.#answered(connection, question, AbortSignal.timeout(ANSWER));
    return answer?.type === type ? (answer as Of<Answer, T>) : undefined;
  }

  /** Whether a turn is granted before the signal fires. */
  async isGranted(connection: Connection, request: Of<Question, 'request'>, signal: AbortSignal): Promise<boolean> {
    return (await this.#answered(connection, request, signal))?.type === 'granted';
  }

  /** An answer has come. */
  answered(answer: Of<Answer, 'answer' | 'recognised' | 'granted'>): void {
    this.#open.get(answer.id)?.(answer);
  }

  /** The connection is over: nothing is answered any more. */
  lost(): void {
    for (const settle of [...this.#open.values()]) settle(undefined);
  }

  #answered(
    connection: Connection,
    question: Of<Question, 'ask' | 'recognise' | 'request'>,
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
