/** Pure-FTPd as an FTPS backend. */
import { pureFtpd } from './backends/pure-ftpd.ts';
import { describeFtps } from './ftps-matrix.ts';

await describeFtps(pureFtpd);
