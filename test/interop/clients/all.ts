/** The clients of the interop suite, by name. */
import { basicFtp } from './basic-ftp.ts';
import type { ClientProgram } from './client.ts';
import { curl } from './curl.ts';
import { lftp } from './lftp.ts';
import { python } from './python.ts';
import { wget } from './wget.ts';

/** Every program that stands in front of the gateway in the interop suite. */
export const CLIENTS: readonly ClientProgram[] = [curl, lftp, wget, python, basicFtp];
