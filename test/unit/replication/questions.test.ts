/** What was asked of another replica, and is not answered yet. */
import { describe, expect, it } from 'vitest';
import type { Question } from '../../../src/replication/messages.ts';
import { MOST_UNANSWERED, Questions } from '../../../src/replication/questions.ts';

function asking() {
  const questions = new Questions();
  const said: Question[] = [];
  const connection = { send: (question: Question) => void said.push(question) };
  const ask = (signal = new AbortController().signal) => {
    const id = questions.newId();
    const question = {
      type: 'recognise',
      id,
      port: 1,
      address: '192.0.2.1',
      clientPort: 1,
      names: [],
      sessionId: '',
    } as const;
    return { id, answer: questions.ask(connection, question, 'recognised', signal) };
  };
  return { questions, said, ask };
}

describe('questions to a replica that is slow', () => {
  it('are not asked without bound, also where nobody waits for the answers any more', async () => {
    const { questions, said, ask } = asking();
    const leaving = new AbortController();
    const asked = Array.from({ length: MOST_UNANSWERED }, () => ask(leaving.signal));
    leaving.abort();
    expect(await Promise.all(asked.map(({ answer }) => answer))).toEqual(asked.map(() => undefined));
    expect(await ask().answer).toBeUndefined();
    expect(said.length).toBe(MOST_UNANSWERED);
    // Late, but read: there is room for one more.
    questions.answered({ type: 'recognised', id: asked[0]?.id ?? 0, token: null });
    const next = ask();
    expect(said.length).toBe(MOST_UNANSWERED + 1);
    questions.answered({ type: 'recognised', id: next.id, token: null });
    expect(await next.answer).toEqual({ type: 'recognised', id: next.id, token: null });
  });

  it('are free again over a new connection', async () => {
    const { questions, said, ask } = asking();
    const asked = Array.from({ length: MOST_UNANSWERED }, () => ask());
    questions.lost();
    await Promise.all(asked.map(({ answer }) => answer));
    const next = ask();
    expect(said.length).toBe(MOST_UNANSWERED + 1);
    questions.lost();
    expect(await next.answer).toBeUndefined();
  });
});
