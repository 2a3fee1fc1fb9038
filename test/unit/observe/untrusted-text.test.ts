/**
 * What clients and backends say, as it reaches log and metrics: readable, harmless, and never a secret.
 */
import { describe, expect, it } from 'vitest';
import { CUT_UPLOAD, logIn, observe, TLS } from './observed-session.ts';

describe('what clients and backends say', () => {
  it('is shown as UTF-8 and cannot forge lines or steer a terminal', () => {
    const { log, observer } = observe();
    const name = Buffer.from('Grüße\x1b[2J\u202ecod.exe', 'utf8').toString('latin1');
    observer.transferFinished({
      ...CUT_UPLOAD,
      touched: { ...CUT_UPLOAD.touched, argument: name },
      detail: 'said "550 \x07"',
    });
    logIn(observer, 'ann\x1b[2J\xff');
    expect(log.lines[0]).toMatchObject({ path: 'Grüße\\x1b[2J\\u202ecod.exe', detail: 'said "550 \\x07"' });
    expect(log.lines[1]).toMatchObject({ user: 'ann\\x1b[2J\\xff' });
    expect(log.text).not.toMatch(/[\x00-\x09\x0b-\x1f\u202e]/);
  });

  it('keeps other characters of our own details', () => {
    const { log, observer } = observe();
    observer.backendFailed('legacy', 'backend-unreachable', 'connect … → refused');
    expect(log.lines[0]?.['detail']).toBe('connect … → refused');
  });

  it('never reaches a label', async () => {
    const { observer, samples } = observe();
    observer.started();
    observer.command('XSECRET', false);
    logIn(observer, 'ann-secret');
    observer.command('XSECRET', false);
    observer.malformedCommand('malformed-verb', 'excerpt-secret');
    observer.tlsEstablished('control', { ...TLS, servername: 'name-secret' });
    observer.unsolicitedReply('legacy', '220 text-secret');
    const touched = { ...CUT_UPLOAD.touched, argument: '/path-secret' };
    observer.transferFinished({ ...CUT_UPLOAD, touched });
    observer.ended('client-closed', 'detail-secret');
    const text = (await samples()).join('\n');
    expect(text).not.toMatch(/secret|198\.51|192\.0\.2|2001:db8/i);
    expect(text).toContain('sallyport_commands_total{verb="other"} 2');
  });
});

describe('secrets', () => {
  it.each([
    'PASS hunter2\0',
    'pass hunter2\r',
    '\xff\xf1PASS hunter2\0',
    'P\0ASS hunter2',
    ' ACCT hunter2',
    'ADAT hunter2\0',
  ])('are hidden in a malformed line: %j', (line) => {
    const { log, observer } = observe();
    observer.malformedCommand('control-character', line);
    expect(log.lines[0]).toMatchObject({ event: 'malformed-command', problem: 'control-character', excerpt: '****' });
    expect(log.text).not.toContain('hunter2');
  });

  it('are not shown as an unknown command before login, as a password with a line end in it would be', () => {
    const { log, observer } = observe();
    observer.command('PASS', true);
    observer.command('HUNTER', false);
    logIn(observer);
    observer.command('XCRC', false);
    const verbs = log.lines.filter((line) => line['event'] === 'command').map((line) => line['verb']);
    expect(verbs).toEqual(['PASS', 'other', 'XCRC']);
  });

  it('stay out while other malformed lines are shown', () => {
    const { log, observer } = observe();
    observer.malformedCommand('malformed-verb', '\x16\x03\x01 GET');
    expect(log.lines[0]).toMatchObject({ excerpt: '\\x16\\x03\\x01 GET' });
  });
});
