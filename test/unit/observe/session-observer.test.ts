/**
 * Log and metrics of one session, side by side: what an operator can read off them.
 */
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../../src/errors/errors.ts';
import { EVENTS, SESSION_FIELDS } from '../../../src/observe/log-table.ts';
import { CUT_UPLOAD, logIn, observe, TLS, UPLOAD } from './observed-session.ts';

describe('a transfer', () => {
  it('that failed tells its cause and all its circumstances in one line', async () => {
    const { log, observer, samples } = observe();
    logIn(observer);
    observer.transferFinished(CUT_UPLOAD);
    expect(log.lines.at(-1)).toEqual({
      level: 'warn',
      time: expect.any(String),
      event: 'transfer',
      session: 's1',
      listener: 'public',
      client: '198.51.100.7:40000',
      user: 'ann',
      verb: 'STOR',
      direction: 'upload',
      path: '/in/report.csv',
      backend: 'legacy',
      outcome: 'failed',
      cause: 'client-data-truncated',
      detail: 'FIN after 65536 bytes',
      reply: 426,
      bytes: 65536,
      milliseconds: 1235,
      clientDataPeer: '198.51.100.7:40001',
      clientDataLocal: '192.0.2.1:50003',
      clientDataProtection: 'private',
      clientDataTls: 'TLSv1.3',
      clientDataCipher: 'TLS_AES_256_GCM_SHA384',
      clientDataResumed: true,
      backendDataPeer: '[2001:db8::20]:2020',
      backendDataLocal: '[2001:db8::1]:33000',
      backendDataProtection: 'clear',
      msg: "upload failed: The client's upload ended by FIN without TLS close_notify: it may have been cut.",
    });
    expect(await samples()).toEqual(
      expect.arrayContaining([
        'sallyport_transfers_total{direction="upload",backend="legacy",outcome="failed"} 1',
        'sallyport_transfer_failures_total{direction="upload",backend="legacy",cause="client-data-truncated"} 1',
        'sallyport_transfer_bytes_total{direction="upload",backend="legacy"} 65536',
        'sallyport_data_connection_failures_total{side="client",cause="client-data-truncated"} 1',
        'sallyport_tls_handshakes_total{side="client",channel="data",version="TLSv1.3",resumed="true"} 1',
      ]),
    );
  });

  it('that completed has neither cause nor detail, and is no warning', async () => {
    const { log, observer, samples } = observe();
    observer.transferFinished(UPLOAD);
    expect(log.lines[0]).toMatchObject({ level: 'info', outcome: 'completed', reply: 226, msg: 'upload completed' });
    expect(log.lines[0]).not.toHaveProperty('cause');
    expect(log.lines[0]).not.toHaveProperty('detail');
    expect((await samples()).filter((line) => line.includes('failure') && !line.endsWith(' 0'))).toEqual([]);
  });

  it('without any data connection still has its line', () => {
    const { log, observer } = observe();
    observer.transferFinished({
      ...CUT_UPLOAD,
      outcome: 'refused',
      cause: 'backend-refused',
      client: undefined,
      backendLeg: undefined,
    });
    expect(log.lines[0]).toMatchObject({ level: 'info', outcome: 'refused', cause: 'backend-refused' });
    expect(Object.keys(log.lines[0] ?? {}).filter((name) => /Data/.test(name))).toEqual([]);
  });

  it.each([
    ['client-data-tls-timeout', 'client', 1],
    ['client-data-timeout', 'client', 0],
    ['backend-data-refused', 'backend', 0],
  ] as const)('counts %s as a failure of the data connection of the %s', async (cause, side, tlsFailures) => {
    const { observer, samples } = observe();
    observer.transferFinished({ ...CUT_UPLOAD, cause, client: undefined });
    const lines = await samples();
    expect(lines).toContain(`sallyport_data_connection_failures_total{side="${side}",cause="${cause}"} 1`);
    expect(lines.filter((line) => line.startsWith('sallyport_tls_handshake_failures'))).toHaveLength(tlsFailures);
  });

  it('that an abort or a lost control connection ended is no failure of a data connection', async () => {
    const { observer, samples } = observe();
    observer.transferFinished({ ...CUT_UPLOAD, outcome: 'aborted', cause: 'client-aborted' });
    expect((await samples()).filter((line) => line.startsWith('sallyport_data_connection_failures'))).toEqual([]);
  });
});

describe('a session', () => {
  it('has a first line, a login line with the TLS facts, and a last line with its totals', async () => {
    const { log, observer, samples } = observe();
    observer.started();
    observer.tlsEstablished('control', TLS);
    observer.command('USER', true);
    observer.command('PASS', true);
    logIn(observer);
    observer.transferFinished(UPLOAD);
    observer.transferFinished({ ...UPLOAD, verb: 'RETR', direction: 'download', bytes: 10 });
    observer.transferFinished({ ...CUT_UPLOAD, bytes: 1 });
    expect(await samples()).toContain('sallyport_sessions_active{listener="public"} 1');
    observer.ended('client-quit', undefined);
    expect(log.lines[0]).toMatchObject({ event: 'session-started', mode: 'explicit', local: '192.0.2.1:21' });
    const login = log.lines.find((line) => line['event'] === 'login');
    expect(login).toMatchObject({ user: 'ann', outcome: 'accepted', reply: 230, tls: 'TLSv1.3', resumed: false });
    expect(log.lines.at(-1)).toMatchObject({
      event: 'session-ended',
      level: 'info',
      outcome: 'client-quit',
      milliseconds: expect.any(Number),
      user: 'ann',
      backend: 'legacy',
      commands: 2,
      transfers: 3,
      failedTransfers: 1,
      bytesUploaded: 65537,
      bytesDownloaded: 10,
      tls: 'TLSv1.3',
    });
    const lines = await samples();
    expect(lines).toContain('sallyport_sessions_active{listener="public"} 0');
    expect(lines).toContain('sallyport_sessions_total{listener="public",outcome="client-quit"} 1');
    expect(lines).toContain('sallyport_logins_total{backend="legacy",outcome="accepted"} 1');
  });

  it('ends once: the first reason counts', async () => {
    const { log, observer, samples } = observe();
    observer.started();
    observer.ended('client-closed', 'read ECONNRESET');
    observer.ended('shutting-down', undefined);
    expect(log.lines.map((line) => line['outcome'])).toEqual([undefined, 'client-closed']);
    const lines = await samples();
    expect(lines).toContain('sallyport_sessions_active{listener="public"} 0');
    expect(lines.filter((line) => line.startsWith('sallyport_sessions_total'))).toHaveLength(1);
  });

  it('that never started counts as ended and not as active', async () => {
    const { observer, samples } = observe();
    observer.ended('too-many-sessions', undefined);
    const lines = await samples();
    expect(lines).toContain('sallyport_sessions_total{listener="public",outcome="too-many-sessions"} 1');
    expect(lines.filter((line) => line.startsWith('sallyport_sessions_active'))).toEqual([]);
  });

  it('that a fault ends leaves the stack and those of its causes', async () => {
    const { log, observer, samples } = observe();
    observer.fault(new TypeError('outer', { cause: new GatewayError('backend-closed', { detail: 'inner' }) }));
    expect(log.lines[0]).toMatchObject({ level: 'error', event: 'fault', cause: 'internal-error', detail: 'outer' });
    expect(log.lines[0]?.['stack']).toMatch(
      /TypeError: outer\n.*session-observer\.test[\s\S]*caused by: .*backend-closed/,
    );
    expect(await samples()).toContain('sallyport_internal_errors_total 1');
  });

  it('survives whatever is thrown', () => {
    const { log, observer } = observe();
    for (const thrown of ['text', undefined, null, { a: 1 }]) observer.fault(thrown);
    expect(log.lines.map((line) => line['cause'])).toEqual(Array(4).fill('internal-error'));
  });
});

it('every event has its documented name, level and fields, and a sample that agrees', async () => {
  const { log, observer, samples } = observe();
  observer.started();
  observer.tlsFailed('control', 'tls-handshake-failed', 'wrong version number');
  observer.tlsEstablished('control', TLS);
  observer.controlCleared();
  observer.command('NOOP', true);
  observer.malformedCommand('malformed-verb', '...');
  observer.policy('requireTls', 'enforce', 'USER');
  observer.policy('requireProtP', 'report', 'STOR');
  observer.backendConnected('legacy', 12.3);
  observer.backendFailed('legacy', 'backend-unreachable', 'ECONNREFUSED');
  logIn(observer);
  observer.loginFinished({ backend: 'legacy', user: 'bob', outcome: 'refused', reply: 530, cause: undefined });
  observer.addressBanned();
  observer.decisionFailed('decision-hook-failed', 'ECONNREFUSED');
  observer.dataConnectionFailed('client', 'client-data-timeout', undefined);
  const claim = { limit: 'transfers', scope: 'user' } as const;
  const full = { code: 'too-many-transfers', detail: 'limits.perUser.transfers', claim } as const;
  observer.limits.reached(full, 'STOR', { cause: 'too-many-transfers', reply: 450, touched: undefined });
  observer.limits.commandHeldBack(12.3);
  observer.limits.commandHeldBack(45.6);
  observer.limits.bandwidthWaited([
    { claim: { way: 'up', scope: 'user' }, milliseconds: 1500 },
    { claim: { way: 'up', scope: 'total' }, milliseconds: 0 },
  ]);
  observer.transferFinished({ ...CUT_UPLOAD, heldBack: 1500 });
  observer.uncleanUpload();
  observer.uncleanDownload('legacy');
  observer.unsolicitedReply('legacy', '220 hello');
  observer.fault(new Error('boom'));
  observer.ended('client-quit', undefined);

  const always = ['level', 'time', 'event', 'msg', ...SESSION_FIELDS];
  for (const line of log.lines) {
    const event = EVENTS[line['event'] as keyof typeof EVENTS];
    expect(Object.keys(line).filter((name) => ![...always, ...event.fields].includes(name))).toEqual([]);
    expect(event.levels).toContain(line['level']);
    expect(line).toMatchObject({ session: 's1', listener: 'public', client: '198.51.100.7:40000' });
    for (const value of Object.values(line)) expect(typeof value).toMatch(/^(?:string|number|boolean)$/);
  }
  const told = new Set(log.lines.map((line) => line['event']));
  const ofSessions = Object.entries(EVENTS).filter(([, { session }]) => session);
  expect(ofSessions.map(([name]) => name).filter((name) => !told.has(name))).toEqual([]);
  expect(log.lines.filter(({ event }) => event === 'limit-reached')).toMatchObject([
    {
      limit: 'transfers',
      scope: 'user',
      verb: 'STOR',
      cause: 'too-many-transfers',
      detail: 'limits.perUser.transfers',
    },
    { limit: 'commandRate', scope: 'session', delay: 12 },
  ]);
  expect(log.lines.filter(({ event }) => event === 'transfer')).toMatchObject([{ heldBack: 1500 }]);
  const all = await samples();
  expect(all.filter((line) => line.startsWith('sallyport_bandwidth_wait_seconds_total'))).toHaveLength(1);
  expect(all).toEqual(
    expect.arrayContaining([
      'sallyport_limits_reached_total{limit="transfers",scope="user"} 1',
      'sallyport_limits_reached_total{limit="commandRate",scope="session"} 2',
      'sallyport_bandwidth_wait_seconds_total{direction="up",scope="user"} 1.5',
      'sallyport_tls_handshake_failures_total{side="client",reason="tls-handshake-failed"} 1',
      'sallyport_policy_denials_total{rule="requireTls",mode="enforce"} 1',
      'sallyport_policy_denials_total{rule="requireProtP",mode="report"} 1',
      'sallyport_backend_connect_seconds_sum{backend="legacy"} 0.0123',
      'sallyport_backend_failures_total{backend="legacy",cause="backend-unreachable"} 1',
      'sallyport_logins_total{backend="legacy",outcome="refused"} 1',
      'sallyport_data_connection_failures_total{side="client",cause="client-data-timeout"} 1',
      'sallyport_decision_failures_total 1',
      'sallyport_unclean_uploads_total{listener="public"} 1',
      'sallyport_unsolicited_replies_total{backend="legacy"} 1',
      'sallyport_malformed_commands_total{problem="malformed-verb"} 1',
    ]),
  );
});
