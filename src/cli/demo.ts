/**
 * `sallyport demo`: starts the demo and prints commands that can be pasted into another terminal.
 */
import { type Command, InvalidArgumentError } from 'commander';
import type { PortRange } from '../config/schema.ts';
import { type Demo, type DemoPorts, startDemo } from '../demo/demo.ts';
import { findTakenPorts, type TakenPort } from '../demo/taken-ports.ts';
import { describeSystemError } from '../errors/system-error.ts';
import { createLogger } from '../observe/logger.ts';
import { CommandFailure, EXIT } from './outcome.ts';
import { catchStopSignals } from './stop-signals.ts';

interface DemoOptions {
  readonly port: number;
  readonly implicitPort: number;
  readonly passivePorts: PortRange;
  readonly adminPort: number;
  readonly backendPort: number;
  readonly json?: true;
}

const LOOPBACK = ['127.0.0.1', '::1'] as const;
const USER = 'demo';
const PASSWORD = 'demo';

/** Adds the command. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .summary('run a gateway with an embedded backend on loopback, without any configuration')
    .description(
      'Runs everything on loopback: a throw-away certificate, a small plain FTP server over a temporary folder and\n' +
        'the gateway before it. Prints commands to try. Ends with Ctrl+C and leaves nothing behind.',
    )
    .option('--port <port>', 'port for explicit FTPS', parsePort, 2121)
    .option('--implicit-port <port>', 'port for implicit FTPS', parsePort, 2990)
    .option('--passive-ports <first-last>', 'ports for data connections', parseRange, { first: 50_000, last: 50_009 })
    .option('--admin-port <port>', 'port for health checks and metrics', parsePort, 9121)
    .option('--backend-port <port>', 'port of the embedded plain FTP server; 0 is any free port', parsePort, 0)
    .option('--json', 'print JSON in place of text')
    .action(runDemo);
}

async function runDemo(options: DemoOptions): Promise<void> {
  const ports: DemoPorts = {
    explicit: options.port,
    implicit: options.implicitPort,
    passive: options.passivePorts,
    admin: options.adminPort,
    backend: options.backendPort,
  };
  refuseRepeatedPorts(ports);
  await refuseTakenPorts(ports);
  let demo: Demo | undefined;
  const signals = catchStopSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], { abandon: () => demo?.removeFiles() });
  try {
    demo = await start(ports);
    process.stdout.write(options.json ? `${JSON.stringify(summary(demo), undefined, 2)}\n` : instructions(demo));
    await signals.first;
    await demo.stop();
  } finally {
    signals.release();
  }
}

async function start(ports: DemoPorts): Promise<Demo> {
  try {
    return await startDemo(ports, createLogger({ level: 'info', format: 'pretty', destination: process.stderr }));
  } catch (error) {
    throw new CommandFailure(`the demo cannot start: ${describeSystemError(error)}`);
  }
}

/** Each port of a demo with the flag that changes it. */
function flaggedPorts({
  explicit,
  implicit,
  passive,
  admin,
  backend,
}: DemoPorts): readonly (readonly [number, string])[] {
  const range = Array.from({ length: passive.last - passive.first + 1 }, (_, index) => passive.first + index);
  return [
    [explicit, '--port'],
    [implicit, '--implicit-port'],
    [admin, '--admin-port'],
    [backend, '--backend-port'],
    ...range.map((port): readonly [number, string] => [port, '--passive-ports']),
  ];
}

function refuseRepeatedPorts(ports: DemoPorts): void {
  const flags = new Map<number, string>();
  for (const [port, flag] of flaggedPorts(ports)) {
    const earlier = flags.get(port);
    if (earlier !== undefined) throw new CommandFailure(`port ${port} is given by ${earlier} and ${flag}`, EXIT.usage);
    if (port !== 0) flags.set(port, flag);
  }
}

async function refuseTakenPorts(ports: DemoPorts): Promise<void> {
  const flags = new Map(flaggedPorts(ports));
  const taken = await findTakenPorts([...flags.keys()], LOOPBACK);
  if (taken.length === 0) return;
  throw new CommandFailure(taken.map((port) => describeTaken(port, flags.get(port.port) ?? '')).join('\n'));
}

function describeTaken({ port, address, code }: TakenPort, flag: string): string {
  const reason = code === 'EADDRINUSE' ? 'already in use' : code === 'EACCES' ? 'not allowed for this user' : code;
  const value = flag === '--passive-ports' ? '<first-last>' : '<port>';
  return `port ${port} on ${address} is ${reason}: choose another one with ${flag} ${value}`;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('expected a port, 0 to 65535.');
  return port;
}

function parseRange(text: string): PortRange {
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(text)?.map(Number) ?? [];
  if (first === undefined || last === undefined || first < 1 || last > 65_535 || first > last) {
    throw new InvalidArgumentError('expected two ports such as 50000-50009.');
  }
  return { first, last };
}

function summary({ ports, caFile, files, sample }: Demo): Readonly<Record<string, unknown>> {
  return { ports, caFile, files, sample, user: USER, password: PASSWORD };
}

function instructions({ ports, caFile, files, sample }: Demo): string {
  const { explicit, implicit, passive, admin, backend } = ports;
  const target = files.replace(/\/$/, '');
  const ca = quoted(caFile);
  const source = quoted(sample);
  const upload = `${target}/incoming/sample.txt`;
  const settings = `set ssl:ca-file ${lftpQuoted(caFile)}; set ftp:ssl-force true; set ftp:ssl-protect-data true`;
  const visit = (url: string, place: string): string =>
    `lftp -u ${USER},${PASSWORD} -e ${quoted(`${settings}; ls; put -O incoming ${lftpQuoted(sample)}; cat ${place}; bye`)} ${url}`;
  const explicitCurl = `curl --ssl-reqd --cacert ${ca} --user ${USER}:${PASSWORD}`;
  const implicitCurl = `curl --cacert ${ca} --user ${USER}:${PASSWORD}`;
  const explicitUrl = `ftp://localhost:${explicit}`;
  const implicitUrl = `ftps://localhost:${implicit}`;
  return `Sallyport demo: FTPS in front of a plain FTP server, on loopback only.

  explicit FTPS   localhost:${explicit}   (AUTH TLS)
  implicit FTPS   localhost:${implicit}
  data ports      ${passive.first}-${passive.last}
  side port       http://127.0.0.1:${admin}   (open it in a browser; /healthz, /readyz, /metrics)
  backend         127.0.0.1:${backend}, plain FTP, serves ${target}
  user ${USER}, password ${PASSWORD}

Paste into another terminal: list, upload, download.

  ${explicitCurl} ${explicitUrl}/
  ${explicitCurl} -T ${source} ${explicitUrl}/incoming/
  ${explicitCurl} ${explicitUrl}/incoming/sample.txt

The same with implicit FTPS.

  ${implicitCurl} ${implicitUrl}/
  ${implicitCurl} -T ${source} ${implicitUrl}/incoming/
  ${implicitCurl} ${implicitUrl}/welcome.txt

The same with lftp, explicit and implicit.

  ${visit(explicitUrl, 'welcome.txt')}
  ${visit(implicitUrl, 'welcome.txt')}

What arrived, and what the gateway tells of it.

  cat ${quoted(upload)}
  curl -s http://127.0.0.1:${admin}/metrics | grep ^sallyport_transfers_total

Ctrl+C ends the demo and removes its files. The log follows.
`;
}

/** As one word of a shell; most paths need no quotes. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** As one word inside a command of lftp. */
function lftpQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}
