/**
 * The audit log of a gateway under test: its file in a folder of its own, its lines as records, each of them checked against the
 * printed schema.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';

/** A parsed record. */
export type AuditLine = Readonly<Record<string, unknown>>;

const SCHEMA = JSON.parse(readFileSync(join(import.meta.dirname, '../../docs/audit.schema.json'), 'utf8')) as object;
const isRecord = new Ajv2020({ allErrors: true }).compile(SCHEMA);

/** Demands that a value is a record of the printed schema. */
export function expectValid(record: unknown): void {
  const valid = isRecord(record);
  expect(
    isRecord.errors?.map(({ instancePath, message }) => `${instancePath} ${message}`) ?? [],
    JSON.stringify(record),
  ).toEqual([]);
  expect(valid).toBe(true);
}

/** A folder with an audit log and an xferlog in it. */
export class AuditFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'sallyport-audit-'));
  readonly file = join(this.path, 'audit.log');
  readonly xferlog = join(this.path, 'xferlog');

  /** Every record in the file, checked against the schema. */
  records(file = this.file): readonly AuditLine[] {
    return linesOf(readFileSync(file, 'utf8')).map((line) => {
      const record = JSON.parse(line) as AuditLine;
      expectValid(record);
      return record;
    });
  }

  /** The records of one kind. */
  of(kind: string): readonly AuditLine[] {
    return this.records().filter(({ audit }) => audit === kind);
  }

  /** The only record of a kind, as soon as it is there. */
  async one(kind: string): Promise<AuditLine> {
    await expect.poll(() => this.of(kind).length, { interval: 5, timeout: 5000 }).toBe(1);
    const [record] = this.of(kind);
    if (record === undefined) throw new Error(`no record ${kind}`);
    return record;
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

/** Whole lines only: each has its end. */
export function linesOf(text: string): readonly string[] {
  expect(text === '' || text.endsWith('\n'), 'the file ends inside a line').toBe(true);
  return text.split('\n').slice(0, -1);
}
