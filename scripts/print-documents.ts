/**
 * Writes the documents that are printed from tables in the code, so that they cannot differ from it.
 * Run with `npm run documents`; `test/documents.test.ts` fails when a file is stale.
 */

import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { sidePortMarkdown } from '../src/admin/document.ts';
import { configurationMarkdown, sampleConfiguration } from '../src/config/document.ts';
import { ERRORS, type ErrorDescription } from '../src/errors/errors.ts';
import { auditMarkdown, auditSchemaText } from '../src/observe/audit/audit-document.ts';
import { logMarkdown, metricsMarkdown } from '../src/observe/document.ts';
import { helmValuesMarkdown, helmValuesSchemaText } from './helm-values.ts';

const ROOT = join(import.meta.dirname, '..');

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
  { path: 'helm/sallyport/values.schema.json', print: helmValuesSchemaText },
  { path: 'helm/sallyport/README.md', print: () => helmValuesMarkdown(parse(read('helm/sallyport/values.yaml'))) },
  // A chart has only files of its own.
  { path: 'helm/sallyport/files/alerts.yaml', print: () => read('deploy/prometheus/alerts.yaml') },
  { path: 'helm/sallyport/files/dashboard.json', print: () => read('deploy/grafana/dashboard.json') },
];

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

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
    await writeFile(join(ROOT, path), print());
  }
}
