/**
 * What a log line looks like, and what never stands in it.
 */
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../../src/errors/errors.ts';
import { createLogger, type LoggerOptions } from '../../../src/observe/logger.ts';
import { LogLines } from '../../support/log-lines.ts';

/** Keeps what is written as text. */
class Text extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

function jsonLogger(level: LoggerOptions['level'] = 'info') {
  const log = new LogLines();
  return { log, logger: createLogger({ level, format: 'json', destination: log }) };
}

describe('the JSON log', () => {
  it('has level, time, fields and message on one flat line', () => {
    const { log, logger } = jsonLogger();
    logger.child({ session: 'abc' }).info({ event: 'transfer', bytes: 5 }, 'upload completed');
    expect(log.lines).toEqual([
      { level: 'info', time: expect.any(String), session: 'abc', event: 'transfer', bytes: 5, msg: 'upload completed' },
    ]);
    expect(log.lines[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('leaves out what is below its level', () => {
    const { log, logger } = jsonLogger('warn');
    logger.info('quiet');
    logger.warn('loud');
    expect(log.lines.map((line) => line['msg'])).toEqual(['loud']);
  });

  it('leaves out fields without a value', () => {
    const { log, logger } = jsonLogger();
    logger.info({ cause: undefined }, 'done');
    expect(log.lines[0]).not.toHaveProperty('cause');
  });

  it('tells an error with code, detail, stack and causes', () => {
    const { log, logger } = jsonLogger();
    const reason = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    logger.error({ err: new GatewayError('backend-unreachable', { detail: 'port 21', cause: reason }) }, 'no backend');
    expect(log.lines[0]?.['err']).toEqual({
      type: 'GatewayError',
      code: 'backend-unreachable',
      message: 'backend-unreachable: port 21',
      detail: 'port 21',
      stack: expect.stringContaining('logger.test.ts'),
      cause: expect.objectContaining({ type: 'Error', code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' }),
    });
  });

  it('survives an error that is its own cause', () => {
    const { log, logger } = jsonLogger();
    const error = new Error('round');
    error.cause = error;
    logger.error({ err: error }, 'round');
    expect(log.lines).toHaveLength(1);
  });

  it('hides secrets by the name of their field', () => {
    const { log, logger } = jsonLogger();
    logger.info({ password: 'hunter2', login: { password: 'hunter2', user: 'ann' } }, 'login');
    expect(log.text).not.toContain('hunter2');
    expect(log.lines[0]).toMatchObject({ password: '****', login: { password: '****', user: 'ann' } });
  });

  it.each([
    'PASS hunter2',
    'pass hunter2 "quoted" hunter2',
    'ACCT hunter2',
    'ADAT hunter2',
  ])('hides the argument of a raw command: %s', (command) => {
    const { log, logger } = jsonLogger();
    logger.info({ line: command, nested: { line: command } }, command);
    logger.error({ err: new Error(`cannot send: ${command}`) }, 'fault');
    expect(log.text).not.toContain('hunter2');
    expect(log.lines).toHaveLength(2);
    expect(log.lines[0]?.['line']).toBe(`${command.slice(0, 4)} ****`);
  });

  it('leaves words alone that only look like a command', () => {
    const { log, logger } = jsonLogger();
    logger.info({ path: '/in/PASS notes.txt', verb: 'PASS' }, 'all 3 pass now');
    expect(log.lines[0]).toMatchObject({ path: '/in/PASS notes.txt', verb: 'PASS', msg: 'all 3 pass now' });
  });
});

describe('the pretty log', () => {
  it('is one readable line, written at once', () => {
    const log = new Text();
    const logger = createLogger({ level: 'info', format: 'pretty', destination: log });
    logger.info({ event: 'transfer', bytes: 5 }, 'upload completed');
    expect(log.text).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: upload completed \{"event":"transfer","bytes":5\}\n$/);
  });

  it('shows the stack of an error and hides secrets too', () => {
    const log = new Text();
    const logger = createLogger({ level: 'info', format: 'pretty', destination: log });
    logger.error({ err: new Error('boom'), line: 'PASS hunter2' }, 'fault');
    expect(log.text).toContain('logger.test.ts');
    expect(log.text).not.toContain('hunter2');
  });
});
