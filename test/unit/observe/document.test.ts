/**
 * The printed documents say all that the tables say.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { logMarkdown, metricsMarkdown } from '../../../src/observe/document.ts';
import { EVENTS, FIELDS } from '../../../src/observe/log-table.ts';
import { LABELS, METRICS } from '../../../src/observe/metric-table.ts';

describe('docs/metrics.md', () => {
  it('has a row for every metric and every label', () => {
    const text = metricsMarkdown();
    for (const name of Object.keys(METRICS)) expect(text).toContain(`\n| \`sallyport_${name}\` | `);
    for (const name of Object.keys(LABELS)) expect(text).toContain(`\n| \`${name}\` | `);
    expect(text).toContain(
      '| `sallyport_sessions_total` | counter | `listener`, `outcome` | Sessions that ended, or were refused at the door, by the reason of their end. |',
    );
  });

  it('describes no label that no metric has', () => {
    const used = new Set<string>(Object.values(METRICS).flatMap(({ labels }) => [...labels]));
    expect(Object.keys(LABELS).filter((name) => !used.has(name))).toEqual([]);
  });
});

describe('docs/logging.md', () => {
  it('has a row for every event and every field', () => {
    const text = logMarkdown();
    for (const name of Object.keys(EVENTS)) expect(text.split(`\n| \`${name}\` | `).length).toBeGreaterThanOrEqual(3);
    for (const name of Object.keys(FIELDS)) expect(text).toContain(`\n| \`${name}\` | `);
  });

  it('describes every event that the sources write by name, and no other', () => {
    const root = new URL('../../../src/', import.meta.url);
    const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
    const texts = paths.map((path) => readFileSync(new URL(path, root), 'utf8'));
    const written = texts.flatMap((text) =>
      [...text.matchAll(/(?:event: |#write\(|writeEvent\(\s*\S+,\s*)'([a-z-]+)'/g)].map(([, name]) => name),
    );
    expect([...new Set(written)].sort()).toEqual(Object.keys(EVENTS).sort());
  });

  it('describes no field that no event has', () => {
    const used = new Set<string>(Object.values(EVENTS).flatMap(({ fields }) => [...fields]));
    for (const name of ['session', 'listener', 'client']) used.add(name);
    expect(Object.keys(FIELDS).filter((name) => !used.has(name))).toEqual([]);
  });
});

it('tables have equally many cells in each row', () => {
  for (const text of [metricsMarkdown(), logMarkdown()]) {
    for (const block of text
      .trim()
      .split('\n\n')
      .filter((part) => part.startsWith('|'))) {
      const widths = new Set(block.split('\n').map((row) => row.replaceAll('\\|', '').split('|').length));
      expect(widths.size).toBe(1);
    }
  }
});
