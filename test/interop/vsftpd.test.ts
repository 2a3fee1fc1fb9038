/** vsftpd as a plain backend: every client, explicit and implicit, TLS 1.2 and 1.3. */
import { vsftpd } from './backends/vsftpd.ts';
import { describeMatrix } from './matrix.ts';

await describeMatrix(vsftpd);
