/**
 * curl: all steps as one run with `--next` between them, which keeps the control connection. The run is described by a configuration
 * on its input, so that names of any bytes reach it.
 */
import { runProgram } from '../../support/processes.ts';
import {
  type ClientProgram,
  expectSuccess,
  PERFORM_LIMIT,
  type Step,
  type Target,
  urlHost,
  urlPath,
} from './client.ts';

/** curl. */
export const curl: ClientProgram = curlWith('curl', []);
/** curl as its own balancer: it sends a PROXY header of version 1 on each connection, control and data. */
export const curlWithProxyHeader: ClientProgram = curlWith('curl with a PROXY header', ['haproxy-protocol']);
/** curl that moves a MiB in a second. */
export const slowCurl: ClientProgram = curlWith('slow curl', ['limit-rate = "1M"']);

function curlWith(name: string, options: readonly string[]): ClientProgram {
  return {
    name,
    writes: true,
    sendsNothing: true,
    keepsSession: true,
    async perform(packages, target, steps, limit = PERFORM_LIMIT) {
      const input = steps.map((step) => [...options, section(target, step)].join('\n')).join('next\n');
      const env = packages.environment('/nonexistent');
      const result = await runProgram(packages.path('usr/bin/curl'), ['-q', '-K', '-'], { env, input, limit });
      expectSuccess('curl', result);
    },
  };
}

function section(target: Target, step: Step): string {
  const scheme = target.security === 'implicit' ? 'ftps' : 'ftp';
  const base = `${scheme}://${urlHost(target.host)}:${target.port}/`;
  const lines = ['silent', 'show-error', 'verbose', 'globoff', 'fail-early', option('noproxy', '*')];
  if (target.active) lines.push(option('ftp-port', target.host));
  lines.push(option('user', `${target.user}:${target.password}`), ...protection(target));
  return [...lines, ...action(base, step), ''].join('\n');
}

function protection({ security, tls, authority, certificate, ccc }: Target): string[] {
  if (security === 'plain') return [];
  const version = tls === 'TLSv1.2' ? ['tlsv1.2', option('tls-max', '1.2')] : ['tlsv1.3'];
  const own = certificate ? [option('cert', certificate.cert), option('key', certificate.key)] : [];
  const modes = { 'client-first': 'active', 'gateway-first': 'passive' } as const;
  const clear = ccc ? ['ftp-ssl-ccc', option('ftp-ssl-ccc-mode', modes[ccc])] : [];
  return ['ssl-reqd', option('cacert', authority), ...own, ...version, ...clear];
}

function action(base: string, step: Step): string[] {
  switch (step.do) {
    case 'list':
      return [option('url', `${base}${urlPath(step.folder)}/`), option('output', step.into)];
    case 'upload':
      return [option('url', base + urlPath(step.remote)), option('upload-file', step.local)];
    case 'download':
      return [option('url', base + urlPath(step.remote)), option('output', step.local)];
    case 'rename':
      return command(base, `RNFR ${step.from}`, `RNTO ${step.to}`);
    case 'delete':
      return command(base, `DELE ${step.remote}`);
    case 'make folder':
      return command(base, `MKD ${step.folder}`);
    case 'remove folder':
      return command(base, `RMD ${step.folder}`);
  }
}

/** FTP commands without a transfer; `+` puts them behind the change to the login folder, which the transfer before may have left. */
function command(base: string, ...commands: string[]): string[] {
  return [option('url', base), 'head', ...commands.map((line) => option('quote', `+${line}`))];
}

function option(name: string, value: string): string {
  return `${name} = "${value.replace(/["\\]/g, '\\$&')}"`;
}
