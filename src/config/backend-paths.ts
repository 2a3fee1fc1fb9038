/**
 * The part of the configuration about how a backend reads paths: schema and defaults. Its type is `PathStyle` in `wire/path.ts`.
 */
import * as field from './fields.ts';

/** The section of a backend as a person writes it. */
export const BACKEND_PATHS = field.section('How it reads paths; for access rules and roots.', {
  style: field.choice(['posix', 'windows', 'other'], {
    meaning:
      '`posix`: names between `/`. `windows`: `\\` separates as well, case does not count, and names that mean another one (`x.`, `x::$DATA`, `PROGRA~1`, devices) are refused. `other`: anything else (MVS, VMS); where rules have paths, or there is a root, every path is refused.',
    default: 'posix',
  }),
  caseInsensitive: field.flag({
    meaning: 'Whether `/IN` is `/in`. With `style: windows` it always is.',
    default: false,
  }),
  backslash: field.choice(['refuse', 'character'], {
    meaning:
      'With `style: posix`: a path with `\\` is refused where rules have paths or there is a root, since some servers take it for `/`; or it is a character like others.',
    default: 'refuse',
  }),
});
