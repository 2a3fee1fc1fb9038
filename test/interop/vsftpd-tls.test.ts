/** vsftpd as an FTPS backend. */
import { vsftpd } from './backends/vsftpd.ts';
import { describeFtps } from './ftps-matrix.ts';

await describeFtps(vsftpd);
await describeFtps(vsftpd, 'active');
