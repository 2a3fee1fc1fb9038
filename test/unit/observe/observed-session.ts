/**
 * An observed session with its log lines and samples, and the facts of a transfer, for the tests of the observer.
 */
import { createLogger } from '../../../src/observe/logger.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { type LegFacts, SessionObserver, type TransferRecord } from '../../../src/observe/session-observer.ts';
import type { TlsFacts } from '../../../src/tls/facts.ts';
import { LogLines } from '../../support/log-lines.ts';

export const TLS: TlsFacts = {
  version: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  resumed: false,
  servername: 'ftp.example.com',
  protocol: 'ftp',
};

const CLIENT_LEG: LegFacts = {
  peer: { address: '198.51.100.7', port: 40001 },
  local: { address: '192.0.2.1', port: 50003 },
  protection: 'private',
  tls: { ...TLS, resumed: true },
};

const BACKEND_LEG: LegFacts = {
  peer: { address: '2001:db8::20', port: 2020 },
  local: { address: '2001:db8::1', port: 33000 },
  protection: 'clear',
  tls: undefined,
};

/** An upload that was cut by FIN. */
export const CUT_UPLOAD: TransferRecord = {
  verb: 'STOR',
  direction: 'upload',
  touched: { path: '/in/report.csv', argument: '/in/report.csv', directory: 'known' },
  restart: undefined,
  type: 'image',
  backend: 'legacy',
  bytes: 65536,
  milliseconds: 1234.5678,
  outcome: 'failed',
  cause: 'client-data-truncated',
  detail: 'FIN after 65536 bytes',
  reply: 426,
  backendReply: 226,
  ends: { client: 'fin', backend: undefined },
  sha256: undefined,
  client: CLIENT_LEG,
  backendLeg: BACKEND_LEG,
};

/** An upload that went well. */
export const UPLOAD: TransferRecord = {
  ...CUT_UPLOAD,
  outcome: 'completed',
  cause: undefined,
  detail: undefined,
  reply: 226,
};

/** A session of 198.51.100.7 on the listener `public`, observed at level debug. */
export function observe() {
  const log = new LogLines();
  const metrics = new Metrics({ version: '1' });
  const logger = createLogger({ level: 'debug', format: 'json', destination: log });
  const observer = new SessionObserver(logger, metrics, {
    id: 's1',
    listener: 'public',
    mode: 'explicit',
    client: { address: '198.51.100.7', port: 40000 },
    local: { address: '192.0.2.1', port: 21 },
    proxy: undefined,
  });
  /** Our own samples that are not 0. */
  const samples = async (): Promise<readonly string[]> =>
    (await metrics.render()).split('\n').filter((line) => /^sallyport_(?!build_info|.*_bucket)/.test(line));
  return { log, observer, samples };
}

/** Logs in at the backend `legacy`. */
export function logIn(observer: SessionObserver, user = 'ann'): void {
  observer.loginFinished({ backend: 'legacy', user, outcome: 'accepted', reply: 230, cause: undefined });
}
