/** Pure-FTPd as a plain backend: every client, explicit and implicit, TLS 1.2 and 1.3. */
import { pureFtpd } from './backends/pure-ftpd.ts';
import { describeMatrix } from './matrix.ts';

await describeMatrix(pureFtpd);
