/** Messages between replicas: what was written is read, and nothing else is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Answer,
  MalformedMessage,
  portsIn,
  type Question,
  readAnswer,
  readQuestion,
  writeMessage,
} from '../../../src/replication/messages.ts';

const HEX32 = 'ab'.repeat(16);
const HEX64 = 'cd'.repeat(32);
const WHO = {
  version: 1,
  index: 2,
  count: 3,
  instance: HEX32,
  revision: 4,
  ports: '50000-50001, 50004',
  range: '50000-50009',
};

const QUESTIONS: readonly Question[] = [
  { type: 'hello', ...WHO },
  { type: 'ask', id: 1, port: 50_000, address: '2001:db8::1', clientPort: 0 },
  { type: 'contest', id: 2, port: 50_000, address: '192.0.2.1' },
  { type: 'recognise', id: 3, port: 1, address: '192.0.2.1', clientPort: 5, names: [HEX32], sessionId: '' },
  { type: 'announce', id: 9, revision: 5, ports: '50000', range: '50000-50009' },
  { type: 'done', id: 2, closed: false },
  { type: 'request', id: 4, address: '', distinct: true },
  { type: 'withdraw', id: 4 },
  { type: 'ended', connection: HEX32, bytes: 12_345 },
  { type: 'ended', connection: HEX32, bytes: null },
  { type: 'progress', connection: HEX32, bytes: 0 },
  { type: 'delivered', connection: HEX32, whole: false },
  { type: 'ping' },
];
const ANSWERS: readonly Answer[] = [
  { type: 'welcome', ...WHO },
  { type: 'refused', cause: 'replication-index-taken' },
  { type: 'answer', id: 1, here: 1, able: 0, proof: false, ghost: true, token: HEX64 },
  { type: 'recognised', id: 3, token: null },
  { type: 'granted', id: 4 },
  { type: 'announce', revision: 5, ports: '', range: '50000' },
  { type: 'noted', id: 9 },
  { type: 'goodbye', ghosts: ['50000 192.0.2.1', '50000 2001:db8::1', '50000'] },
  { type: 'goodbye', ghosts: null },
  { type: 'pong' },
];

describe('a message', () => {
  it.each(QUESTIONS.map((each) => [each.type, each] as const))('%s is read as it was written', (_type, message) => {
    expect(readQuestion(writeMessage(message).trimEnd())).toEqual(message);
  });

  it.each(ANSWERS.map((each) => [each.type, each] as const))('%s is read as it was written', (_type, message) => {
    expect(readAnswer(writeMessage(message).trimEnd())).toEqual(message);
  });

  it('has exactly its fields, each of its kind', () => {
    for (const message of QUESTIONS) {
      const line = (changed: object) => () => readQuestion(JSON.stringify(changed));
      expect(line({ ...message, more: 1 })).toThrow(MalformedMessage);
      for (const key of Object.keys(message)) {
        const { [key as 'type']: _left, ...less } = message;
        expect(line(less), `${message.type} without ${key}`).toThrow(MalformedMessage);
        for (const wrong of [null, {}, [{}], -1, 1.5, 'x'.repeat(100), '\u0000', Number.MAX_VALUE]) {
          // How many bytes, or that it was broken off.
          if (wrong === null && message.type === 'ended' && key === 'bytes') continue;
          expect(line({ ...message, [key]: wrong }), `${message.type} with ${key}: ${JSON.stringify(wrong)}`).toThrow(
            MalformedMessage,
          );
        }
      }
    }
  });

  it.each([
    '',
    'null',
    '[]',
    '"ping"',
    '{',
    '{"type":"__proto__"}',
    '{"type":"toString"}',
    '{"type":["ping"]}',
    'ping',
  ])('%j is none', (line) => {
    expect(() => readQuestion(line)).toThrow(MalformedMessage);
    expect(() => readAnswer(line)).toThrow(MalformedMessage);
  });

  it('of the other direction is none', () => {
    for (const question of QUESTIONS) expect(() => readAnswer(JSON.stringify(question))).toThrow(MalformedMessage);
    for (const answer of ANSWERS) expect(() => readQuestion(JSON.stringify(answer))).toThrow(MalformedMessage);
  });

  it('is never anything but a message or a refusal, whatever comes', () => {
    const attempt = (line: string) => {
      try {
        return readQuestion(line).type;
      } catch (error) {
        if (error instanceof MalformedMessage) return 'refused';
        throw error;
      }
    };
    fc.assert(fc.property(fc.string(), (line) => attempt(line) === 'refused'));
    fc.assert(fc.property(fc.json(), (line) => attempt(line) === 'refused'));
  });
});

describe('ports', () => {
  it.each([
    ['', []],
    ['50000', [50_000]],
    ['1-3, 65535', [1, 2, 3, 65_535]],
  ])('%j are %j', (text, ports) => {
    expect([...portsIn(text)]).toEqual(ports);
  });

  it.each(['0', '3-1', '65536', '1-70000', '2, 1', '1-3, 3', '5, 5', '1-65535, 1-65535'])('%j are none', (text) => {
    expect(() => portsIn(text)).toThrow(MalformedMessage);
  });
});
