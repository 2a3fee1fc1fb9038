/**
 * When the configuration is read again: the type of the section and its schema.
 */
import * as field from './fields.ts';

/** `interval` in milliseconds. */
export interface ReloadConfig {
  readonly watch: 'on' | 'off';
  readonly interval: number;
}

/** The section as a person writes it. */
export const RELOAD = field.section('When the configuration is read again, beside SIGHUP and `POST /-/reload`.', {
  watch: field.choice(['on', 'off'], {
    meaning:
      '`on`: when this file changes, or a file that it names (certificates, keys, authorities, passwords), also behind symbolic links. `off`: only when told.',
    default: 'on',
  }),
  interval: field.duration({
    meaning: 'How often is looked for changes. They are taken up once nothing has changed for as long again.',
    default: '2s',
  }),
});
