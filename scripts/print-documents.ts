/**
 * Writes the documents that are printed from tables in the code, so that they cannot differ from it.
 * Run with `npm run documents`; `test/documents.test.ts` fails when a file is stale.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sidePortMarkdown } from '../src/admin/document.ts';
import { configurationMarkdown, sampleConfiguration } from '../src/config/document.ts';
import { ERRORS, type ErrorDescription } from '../src/errors/errors.ts';
import { auditMarkdown, auditSchemaText } from '../src/observe/audit/audit-document.ts';
import { logMarkdown, metricsMarkdown } from '../src/observe/document.ts';

/** A printed file. */
export interface PrintedDocument {
  /** Relative to the root of the repository. */
  readonly path: string;
  readonly print: () => string;
}

/** Every printed file. */
export const DOCUMENTS: readonly PrintedDocument[] = [
  { path: 'docs/configuration.md', print: configurationMarkdown },
  { path: 'docs/sallyport.sample.yaml', print: sampleConfiguration },
  { path: 'docs/logging.md', print: logMarkdown },
  { path: 'docs/metrics.md', print: metricsMarkdown },
  { path: 'docs/errors.md', print: errorsMarkdown },
  { path: 'docs/side-port.md', print: sidePortMarkdown },
  { path: 'docs/audit.md', print: auditMarkdown },
  { path: 'docs/audit.schema.json', print: auditSchemaText },
];

/** The reference of error codes (Markdown), printed from the table in `src/errors/`. */
export function errorsMarkdown(): string {
  const rows = Object.entries<ErrorDescription>(ERRORS).map(([code, { reply, meaning, remedy }]) => {
    const told = reply === null ? 'nothing of its own' : `\`${reply.join(' ')}\``;
    return `| \`${code}\` | ${[told, meaning, remedy].map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [
    '# Errors',
    '',
    'Why a session, a login or a transfer failed or ended early. The codes appear unchanged in log lines and metric labels.',
    'Printed from `src/errors/` by `npm run documents`.',
    '',
    '| code | what the client is told | what happened | what to do |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

if (import.meta.main) {
  for (const { path, print } of DOCUMENTS) {
    await writeFile(join(import.meta.dirname, '..', path), print());
  }
}
