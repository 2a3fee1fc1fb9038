/** The backends of the interop suite, by name. */
import type { BackendProgram } from './backend.ts';
import { proftpd } from './proftpd.ts';
import { pureFtpd } from './pure-ftpd.ts';
import { pyftpdlib } from './pyftpdlib.ts';
import { vsftpd } from './vsftpd.ts';

/** Every program that stands behind the gateway in the interop suite. */
export const BACKENDS: readonly BackendProgram[] = [vsftpd, proftpd, pureFtpd, pyftpdlib];
