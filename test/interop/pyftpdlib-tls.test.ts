/** pyftpdlib as an FTPS backend. */
import { pyftpdlib } from './backends/pyftpdlib.ts';
import { describeFtps } from './ftps-matrix.ts';

await describeFtps(pyftpdlib);
