/**
 * Writes one event of the table as one log line. The only way from the table to the logger.
 */
import { EVENTS, type EventName, type FieldsOf, type LevelOf } from './log-table.ts';
import type { Logger } from './logger.ts';

/** Writes the line of an event; `message` is its `msg`, for people. Default level: the first that the table names. */
export function writeEvent<E extends EventName>(
  logger: Logger,
  event: E,
  message: string,
  fields: FieldsOf<E>,
  level: LevelOf<E> = EVENTS[event].levels[0],
): void {
  const line: Record<string, unknown> = { event, ...fields };
  logger[level](line, message);
}
