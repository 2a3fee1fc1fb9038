/**
 * A transfer that has ended as the fields of its log line.
 */
import type { FieldsOf } from './log-table.ts';
import { backendLegFields, clientLegFields, shown } from './record-fields.ts';
import type { TransferRecord } from './session-records.ts';

/** The fields of a `transfer` line; texts of peers are printable. */
export function transferFields(record: TransferRecord): FieldsOf<'transfer'> {
  return {
    verb: record.verb,
    direction: record.direction,
    path: shown(record.touched.argument),
    backendPath: record.touched.clientPath === undefined ? undefined : shown(record.touched.path),
    backend: record.backend,
    outcome: record.outcome,
    cause: record.cause,
    detail: shown(record.detail),
    reply: record.reply,
    bytes: record.bytes,
    milliseconds: Math.round(record.milliseconds),
    heldBack: record.heldBack,
    ...clientLegFields(record.client),
    ...backendLegFields(record.backendLeg),
  };
}
