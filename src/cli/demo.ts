/**
 * `sallyport demo`: starts the demo and prints commands that can be pasted into another terminal.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { PortRange } from '../config/schema.ts';
import { portsOf, portsText } from '../config/worker-slices.ts';
import { type Demo, type DemoPorts, startDemo } from '../demo/demo.ts';
import { findFreePorts, findTakenPorts, type TakenPort } from '../demo/taken-ports.ts';
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
/** The passive range lies below the ports that Linux takes for outgoing connections: one of those would be enough to keep it from starting. */
const USUAL: DemoPorts = {
  explicit: 2121,
  implicit: 2990,
  passive: { first: 21_300, last: 21_309 },
  admin: 9121,
  backend: 0,
};
const USER = 'demo';
const PASSWORD = 'demo';

/** Adds the command. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .summary('run a gateway with an embedded backend on loopback, without any configuration')
    .description(
      'Runs everything on loopback: a throw-away certificate, a small plain FTP server over a temporary folder and ' +
        'the gateway before it. Prints commands to try. Ends with Ctrl+C and leaves nothing behind.',
    )
    .option('--port <port>', 'port for explicit FTPS', parsePort, USUAL.explicit)
    .option('--implicit-port <port>', 'port for implicit FTPS', parsePort, USUAL.implicit)
    .addOption(
      new Option('--passive-ports <first-last>', 'ports for data connections')
        .argParser(parseRange)
        .default(USUAL.passive, rangeText(USUAL.passive)),
    )
    .option('--admin-port <port>', 'port for health checks and metrics', parsePort, USUAL.admin)
    .option(
      '--backend-port <port>',
      'port of the embedded plain FTP server; 0 is any free port',
      parsePort,
      USUAL.backend,
    )
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

/** The ports of one flag. */
interface FlaggedPorts {
  readonly flag: string;
  readonly range: PortRange;
  readonly usual: PortRange;
}

function flaggedPorts({ explicit, implicit, passive, admin, backend }: DemoPorts): readonly FlaggedPorts[] {
  const single = (port: number): PortRange => ({ first: port, last: port });
  return [
    { flag: '--port', range: single(explicit), usual: single(USUAL.explicit) },
    { flag: '--implicit-port', range: single(implicit), usual: single(USUAL.implicit) },
    { flag: '--passive-ports', range: passive, usual: USUAL.passive },
    { flag: '--admin-port', range: single(admin), usual: single(USUAL.admin) },
    { flag: '--backend-port', range: single(backend), usual: single(USUAL.backend) },
  ];
}

function refuseRepeatedPorts(ports: DemoPorts): void {
  const flags = new Map<number, string>();
  for (const { flag, range } of flaggedPorts(ports)) {
    for (const port of portsOf(range)) {
      const earlier = flags.get(port);
      if (earlier !== undefined)
        throw new CommandFailure(`port ${port} is given by ${earlier} and ${flag}`, EXIT.usage);
      if (port !== 0) flags.set(port, flag);
    }
  }
}

async function refuseTakenPorts(ports: DemoPorts): Promise<void> {
  const flagged = flaggedPorts(ports);
  const lines: string[] = [];
  const flags = new Set<string>();
  for (const { flag, range } of flagged) {
    const taken = await findTakenPorts(portsOf(range), LOOPBACK);
    if (taken.length > 0) flags.add(flag);
    lines.push(...describeTaken(taken).map((line) => `${line} (${flag})`));
  }
  if (lines.length === 0) return;
  const others = await otherPorts(flagged, flags);
  lines.push('The holders: ss -tanp; an outgoing connection keeps its port for a minute after its end.');
  if (others !== undefined) lines.push(`With other ports: ${calledAs(process.env)} ${others}`);
  throw new CommandFailure(lines.join('\n'));
}

/** One line for all ports of which the same is to be said. */
function describeTaken(taken: readonly TakenPort[]): readonly string[] {
  const alike = Map.groupBy(taken, ({ address, code }) => `${address} ${code}`);
  return [...alike.values()].map((ports) => {
    const [{ address, code } = { address: '', code: '' }] = ports;
    const reason = code === 'EADDRINUSE' ? 'already in use' : code === 'EACCES' ? 'not allowed for this user' : code;
    const host = address.includes(':') ? `[${address}]` : address;
    return `${host}:${portsText(ports.map(({ port }) => port))}: ${reason}`;
  });
}

/** The flags of a command line without taken ports; undefined where no others are free. */
async function otherPorts(flagged: readonly FlaggedPorts[], taken: ReadonlySet<string>): Promise<string | undefined> {
  const used = new Set(flagged.flatMap(({ range }) => portsOf(range)));
  const words: string[] = [];
  for (const { flag, range, usual } of flagged) {
    const chosen = taken.has(flag) ? await findFreePorts(range, LOOPBACK, used) : range;
    if (chosen === undefined) return undefined;
    for (const port of portsOf(chosen)) used.add(port);
    if (chosen.first !== usual.first || chosen.last !== usual.last) {
      words.push(flag, flag === '--passive-ports' ? rangeText(chosen) : String(chosen.first));
    }
  }
  return words.join(' ');
}

/** How whoever started the demo can start it again with other flags. */
function calledAs({ npm_lifecycle_event: script }: NodeJS.ProcessEnv): string {
  if (script === 'start') return 'npm start --';
  return script === 'sallyport' ? 'npm run -s sallyport -- demo' : 'sallyport demo';
}

/** As the flag has it, which wants two ports. */
function rangeText({ first, last }: PortRange): string {
  return `${first}-${last}`;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('expected a port, 0 to 65535.');
  return port;
}

function parseRange(text: string): PortRange {
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(text)?.map(Number) ?? [];
  if (first === undefined || last === undefined || first < 1 || last > 65_535 || first > last) {
    throw new InvalidArgumentError('expected two ports such as 21300-21309.');
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
  const explicitCurl = `curl -sS --ssl-reqd --cacert ${ca} --user ${USER}:${PASSWORD}`;
  const implicitCurl = `curl -sS --cacert ${ca} --user ${USER}:${PASSWORD}`;
  const explicitUrl = `ftp://localhost:${explicit}`;
  const implicitUrl = `ftps://localhost:${implicit}`;
  return `Sallyport demo: FTPS in front of a plain FTP server, on loopback only.

  explicit FTPS   localhost:${explicit}   (AUTH TLS)
  implicit FTPS   localhost:${implicit}
  data ports      ${rangeText(passive)}
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
