/**
 * Prints `docs/metrics.md` and `docs/logging.md` from the tables, so that the documents cannot say anything else.
 */
import { EVENTS, type EventDescription, FIELDS, type FieldName, SESSION_FIELDS } from './log-table.ts';
import { LABELS, METRIC_PREFIX, METRICS, type MetricDescription } from './metric-table.ts';

const METRICS_INTRODUCTION = `# Metrics

\`GET /metrics\` on the side port answers in the Prometheus text format. Units are base units (seconds, bytes), counters end in
\`_total\`. Node's own metrics (\`process_…\`, \`nodejs_…\`) are there too. Codes in \`outcome\`, \`cause\` and \`reason\` are those of the
[table of errors](errors.md) and the same as in the [log](logging.md), so that a curve leads to its lines. No label carries a user name, a path or an address.

With several \`workers\` the numbers are those of all processes; the last column says how they become one. What a dead worker has
counted stays in the sums, up to the last time that the metrics were read. Node's own metrics are summed too, save its event loop
lag (mean, least and greatest of all) and its start time, which is left out.`;

const LOG_INTRODUCTION = `# Log lines

One JSON object per line on stdout (\`log.format: json\`), or one readable line on stderr (\`log.format: pretty\`). Each line has
\`level\`, \`time\` (ISO 8601, UTC), \`event\` and \`msg\` (a sentence for people; its words may change). All other fields are flat, and a
field without a value is left out. A line without \`event\` is a fault outside of sessions: its \`err\` has code and stack.
With several \`workers\` each line of one of them carries its number as \`worker\`.

Passwords and accounts are never logged. Names and paths are shown as UTF-8 where they are UTF-8; all other bytes, and everything
that does not print, as escapes such as \`\\x1b\` and \`\\u202e\`. They are cut after 1024 characters.

From a failed transfer to its cause: find the line with \`"event":"transfer"\` and \`"outcome":"failed"\`. Its \`cause\` is a row of the
[table of errors](errors.md), \`detail\` says what happened, \`reply\` is what the client was told, and the fields \`clientData…\` and
\`backendData…\` say between which addresses and with which TLS the data went. \`session\` leads to the other lines of the same session.`;

/** `docs/metrics.md`. */
export function metricsMarkdown(): string {
  const rows = Object.entries<MetricDescription>(METRICS).map(([name, { kind, help, labels, together = 'sum' }]) => [
    code(METRIC_PREFIX + name),
    kind,
    labels.map(code).join(', '),
    help,
    together,
  ]);
  const labels = Object.entries(LABELS).map(([name, meaning]) => [code(name), meaning]);
  return document([
    METRICS_INTRODUCTION,
    table(['metric', 'kind', 'labels', 'meaning', 'workers'], rows),
    '## Labels',
    table(['label', 'values'], labels),
  ]);
}

/** `docs/logging.md`. */
export function logMarkdown(): string {
  const events = Object.entries<EventDescription>(EVENTS);
  const overview = events.map(([name, { levels, meaning }]) => [code(name), levels.join(', '), meaning]);
  const fieldsOfEvents = events.map(([name, { fields, session }]) => [code(name), listFields(fields, session)]);
  const fields = Object.entries(FIELDS).map(([name, meaning]) => [code(name), meaning]);
  return document([
    LOG_INTRODUCTION,
    '## Events',
    table(['event', 'level', 'meaning'], overview),
    '## Fields of each event',
    `Lines of a session carry ${SESSION_FIELDS.map(code).join(', ')} as well.`,
    table(['event', 'fields'], fieldsOfEvents),
    '## Fields',
    table(['field', 'meaning'], fields),
  ]);
}

function listFields(fields: readonly FieldName[], session: boolean): string {
  const own = fields.map(code).join(', ');
  return session ? own || '(none of its own)' : `${own} (no session)`;
}

/** A page of Markdown. */
export function document(parts: readonly string[]): string {
  return `${parts.join('\n\n')}\n`;
}

/** A table of Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** Text as it stands. */
export function code(text: string): string {
  return `\`${text}\``;
}
