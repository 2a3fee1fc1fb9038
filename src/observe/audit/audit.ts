/**
 * The audit log of one process, and its xferlog: opened, opened anew and changed while sessions run. Says in the log and in the metrics
 * when records cannot be written, and whether transfers must wait for that. Knows nothing of sessions.
 */
import type { AuditConfig } from '../../config/audit.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import { writeEvent } from '../write-event.ts';
import { AppendLog } from './append-log.ts';
import { type AuditKind, type AuditRecord, auditLine, type SessionKind, type SessionOf } from './audit-table.ts';
import { type XferlogEntry, xferlogLine } from './xferlog.ts';

const FILES = ['audit', 'xferlog'] as const;

/** The two files. */
export type AuditFile = (typeof FILES)[number];

const NAMES: Readonly<Record<AuditFile, string>> = { audit: 'audit log', xferlog: 'xferlog' };

/** Files that were opened and are not in use yet: one of the two is called, once. */
export interface PreparedAudit {
  commit(): void;
  abandon(): Promise<void>;
}

export interface AuditOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const OFF: AuditConfig = { file: null, hash: 'off', onFailure: 'continue', xferlog: null };
/** What has happened, and not only what somebody tried: it has room where other records have none any more. */
const KEPT: ReadonlySet<AuditKind> = new Set<AuditKind>(['transfer', 'command']);

export class Audit {
  readonly #options: AuditOptions;
  #config = OFF;
  #logs: Partial<Record<AuditFile, AppendLog>> = {};

  /** Writes nothing until {@link prepare} says where to. */
  constructor(options: AuditOptions) {
    this.#options = options;
    options.metrics.setAuditReader(() => ({
      audit: this.#logs.audit && {
        waiting: this.#logs.audit.waiting,
        writable: this.#logs.audit.failure === undefined,
      },
      xferlog: this.#logs.xferlog && {
        waiting: this.#logs.xferlog.waiting,
        writable: this.#logs.xferlog.failure === undefined,
      },
    }));
  }

  /** Whether anything is written; only then anybody needs to find out what records say. */
  get on(): boolean {
    return this.#logs.audit !== undefined || this.#logs.xferlog !== undefined;
  }

  /** Whether transfers are hashed. */
  get hash(): AuditConfig['hash'] {
    return this.#config.hash;
  }

  /** Whether a transfer may begin only when {@link begin} has recorded it. */
  get required(): boolean {
    return this.#config.onFailure === 'refuse' && this.#logs.audit !== undefined;
  }

  /** Why no transfer can begin: a sentence; undefined where they can. */
  get refusal(): string | undefined {
    const failure = this.required ? this.#logs.audit?.failure : undefined;
    return failure && `the audit log cannot be written, transfers are refused: ${failure.message}`;
  }

  /**
   * Makes another configuration ready: opens the files that it has more. Rejects with Node's own error where one cannot be opened. In
   * force it opens those that stay anew, and what waits for one that is given up is still written there.
   */
  async prepare(config: AuditConfig): Promise<PreparedAudit> {
    const paths = { audit: config.file, xferlog: config.xferlog };
    const opened: Partial<Record<AuditFile, AppendLog>> = {};
    const abandon = async () => {
      await Promise.all(FILES.map((log) => opened[log]?.close()));
    };
    try {
      for (const log of FILES) {
        const path = paths[log];
        if (path !== null && path !== this.#logs[log]?.path) opened[log] = this.#open(log, path);
      }
    } catch (error) {
      await abandon();
      throw error;
    }
    const commit = () => {
      const before = this.#logs;
      this.#config = config;
      this.#logs = {};
      for (const log of FILES) {
        const next = opened[log] ?? (paths[log] === null ? undefined : before[log]);
        if (next !== undefined) this.#logs[log] = next;
        const old = before[log];
        if (old !== undefined && old !== next) void this.#give(log, old);
      }
      for (const log of FILES) {
        if (opened[log] === undefined) this.#reopen(log);
        else this.#tellOpened(log, opened[log]);
      }
    };
    return { commit, abandon };
  }

  /** Opens the files anew, after logrotate has renamed them. Never throws: a file that cannot be opened is told, and the old one stays. */
  reopen(): void {
    for (const log of FILES) this.#reopen(log);
  }

  /** Writes a record of a session, or keeps it until it can be written. */
  record<K extends SessionKind>(kind: K, session: SessionOf, record: AuditRecord<K>, at = new Date()): void {
    const { audit } = this.#logs;
    audit?.append(auditLine(kind, record, at, session), KEPT.has(kind) ? 'always' : 'if-room');
  }

  /** Writes that a transfer begins: now, or not at all. Whether it was written. */
  begin(session: SessionOf, record: AuditRecord<'transfer-begun'>): boolean {
    return this.#logs.audit?.appendNow(auditLine('transfer-begun', record, new Date(), session)) ?? false;
  }

  /** Writes a line of xferlog, or keeps it. */
  transferred(entry: XferlogEntry): void {
    this.#logs.xferlog?.append(xferlogLine(entry), 'always');
  }

  /** Writes what waits, for a second at most, and closes; what is lost then is told. Nothing is written any more. */
  async close(): Promise<void> {
    const { audit, xferlog } = this.#logs;
    this.#logs = {};
    await Promise.all([audit && this.#give('audit', audit), xferlog && this.#give('xferlog', xferlog)]);
  }

  #open(log: AuditFile, path: string): AppendLog {
    const { logger, metrics } = this.#options;
    return new AppendLog({
      path,
      ...(log === 'audit' && { lostLine }),
      onLines: (outcome, lines) => metrics.auditRecords(log, outcome, lines),
      onFailing: ({ message }) =>
        writeEvent(logger, 'audit-failing', `the ${NAMES[log]} cannot be written: records wait`, {
          log,
          file: path,
          detail: message,
        }),
      onOverflow: () =>
        writeEvent(logger, 'audit-records-lost', `too many records of the ${NAMES[log]} wait: others are lost`, {
          log,
          file: path,
        }),
      onRecovered: (records, lost) =>
        writeEvent(logger, 'audit-recovered', `the ${NAMES[log]} is written again`, { log, file: path, records, lost }),
    });
  }

  #tellOpened(log: AuditFile, file: AppendLog): void {
    writeEvent(this.#options.logger, 'audit-opened', `the ${NAMES[log]} was opened`, { log, file: file.path });
    if (log === 'audit') file.append(openedLine());
  }

  #reopen(log: AuditFile): void {
    const file = this.#logs[log];
    if (file === undefined) return;
    const { logger } = this.#options;
    try {
      file.reopen(log === 'audit' ? openedLine() : undefined);
      writeEvent(logger, 'audit-opened', `the ${NAMES[log]} was opened anew`, { log, file: file.path });
    } catch (error) {
      const fields = { log, file: file.path, detail: (error as Error).message };
      writeEvent(logger, 'audit-reopen-failed', `the ${NAMES[log]} goes on in the old file`, fields);
    }
  }

  async #give(log: AuditFile, file: AppendLog): Promise<void> {
    const lost = await file.close(
      log === 'audit' ? auditLine('log-closed', { pid: process.pid }, new Date()) : undefined,
    );
    if (lost === 0) return;
    const fields = { log, file: file.path, lost };
    writeEvent(this.#options.logger, 'audit-records-lost', `records of the ${NAMES[log]} could not be written`, fields);
  }
}

function openedLine(): string {
  return auditLine('log-opened', { pid: process.pid }, new Date());
}

function lostLine(records: number, since: Date): string {
  return auditLine('records-lost', { pid: process.pid, records, since: since.toISOString() }, new Date());
}
