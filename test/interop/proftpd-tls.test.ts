/** ProFTPD as an FTPS backend. */
import { proftpd } from './backends/proftpd.ts';
import { describeFtps } from './ftps-matrix.ts';

await describeFtps(proftpd);
await describeFtps(proftpd, 'active');
