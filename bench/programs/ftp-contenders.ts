/** The programs that serve FTPS to a client: two gateways in front of one plain vsftpd, and vsftpd serving FTPS by itself. */
import type { Backend } from '../../test/interop/backends/backend.ts';
import type { Bench } from '../measurement.ts';
import { startModProxy } from './mod-proxy.ts';
import { startSallyport } from './sallyport.ts';
import { startPlainVsftpd, startSecureVsftpd } from './vsftpd.ts';

/** One program and its name in the report. */
export interface FtpContender {
  readonly name: 'Sallyport' | 'mod_proxy' | 'vsftpd direct';
  readonly program: Backend;
}

/** Starts all of them; they are stopped with the measurement. */
export async function startFtpContenders(
  bench: Bench,
): Promise<{ readonly contenders: readonly FtpContender[]; readonly backend: Backend }> {
  const { packages, certificates, later } = bench;
  const backend = later(await startPlainVsftpd(packages));
  const contenders: FtpContender[] = [
    { name: 'Sallyport', program: later(await startSallyport(certificates, backend.port)) },
    { name: 'mod_proxy', program: later(await startModProxy(packages, certificates, backend.port)) },
    { name: 'vsftpd direct', program: later(await startSecureVsftpd(packages, certificates)) },
  ];
  return { contenders, backend };
}
