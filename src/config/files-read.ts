/**
 * Which files a configuration names for reading: certificates, keys, authorities, lists, passwords. Found by the schema, so that
 * none is forgotten. Reads none of them.
 */
import type { z } from 'zod';
import type { Config } from './config.ts';
import { findField } from './fields.ts';
import { SETTINGS } from './schema.ts';

/** Sections whose files are written. */
const WRITTEN = new Set(['audit']);

/** Their paths, each once, as they stand in the configuration. */
export function filesRead(config: Config): readonly string[] {
  const found: string[] = [];
  collect(SETTINGS, config, found);
  return [...new Set(found)];
}

function collect(schema: z.ZodType, value: unknown, found: string[]): void {
  const field = findField(schema);
  if (field === undefined || value === null || value === undefined) return;
  switch (field.kind) {
    case 'value':
      if (field.type.startsWith('path') && typeof value === 'string') found.push(value);
      return;
    case 'list':
      for (const each of Array.isArray(value) ? value : []) collect(field.element, each, found);
      return;
    case 'section':
      for (const [key, inner] of Object.entries(field.keys)) {
        if (!WRITTEN.has(key)) collect(inner, (value as Record<string, unknown>)[key], found);
      }
  }
}
