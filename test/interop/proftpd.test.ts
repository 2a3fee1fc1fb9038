/** ProFTPD as a plain backend: every client, explicit and implicit, TLS 1.2 and 1.3. */
import { proftpd } from './backends/proftpd.ts';
import { describeMatrix } from './matrix.ts';

await describeMatrix(proftpd);
