/**
 * lftp: all steps as one script on its input. File names are kept byte for byte by giving both sides the same charset.
 */
import { runProgram } from '../../support/processes.ts';
import { type ClientProgram, expectSuccess, PERFORM_LIMIT, type Step, type Target, urlHost } from './client.ts';

/** lftp. */
export const lftp: ClientProgram = {
  name: 'lftp',
  writes: true,
  sendsNothing: true,
  keepsSession: true,
  async perform(packages, target, steps, limit = PERFORM_LIMIT) {
    const input = `${[...settings(target), ...steps.map(action), 'exit 0'].join('\n')}\n`;
    const env = packages.environment('/nonexistent');
    const result = await runProgram(packages.path('usr/bin/lftp'), ['--norc'], { env, input, limit });
    expectSuccess('lftp', result);
  },
};

function settings(target: Target): string[] {
  const { host, port, security, tls, authority, user, password, active, certificate, ccc } = target;
  const scheme = security === 'implicit' ? 'ftps' : 'ftp';
  const version = tls === 'TLSv1.2' ? 'TLS1.2' : 'TLS1.3';
  return [
    'debug -T 5',
    'set cmd:fail-exit yes',
    'set net:max-retries 1',
    'set net:timeout 15',
    'set xfer:clobber yes',
    'set cache:enable no',
    'set ftp:use-utf8 no',
    'set ftp:charset UTF-8',
    'set file:charset UTF-8',
    security === 'plain' ? 'set ftp:ssl-allow no' : 'set ftp:ssl-force yes',
    'set ftp:ssl-protect-data yes',
    ...(active ? ['set ftp:passive-mode off'] : []),
    ...(ccc ? ['set ftp:ssl-use-ccc yes'] : []),
    `set ssl:ca-file ${quote(authority)}`,
    ...(certificate
      ? [`set ssl:cert-file ${quote(certificate.cert)}`, `set ssl:key-file ${quote(certificate.key)}`]
      : []),
    `set ssl:priority "NORMAL:-VERS-ALL:+VERS-${version}"`,
    `open -u ${user},${password} ${scheme}://${urlHost(host)}:${port}`,
  ];
}

function action(step: Step): string {
  switch (step.do) {
    case 'list':
      return `cls -1 ${quote(`${step.folder}/`)} > ${quote(step.into)}`;
    case 'upload':
      return `put ${quote(step.local)} -o ${quote(step.remote)}`;
    case 'download':
      return `get ${quote(step.remote)} -o ${quote(step.local)}`;
    case 'rename':
      return `mv ${quote(step.from)} ${quote(step.to)}`;
    case 'delete':
      return `rm ${quote(step.remote)}`;
    case 'make folder':
      return `mkdir ${quote(step.folder)}`;
    case 'remove folder':
      return `rmdir ${quote(step.folder)}`;
  }
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
