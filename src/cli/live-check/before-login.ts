/**
 * What a backend shows to everybody: that it can be reached, its greeting, its features, and whether it offers TLS.
 */
import { BackendLink } from '../../backends/backend-link.ts';
import { proxyPreamble } from '../../backends/proxy-preamble.ts';
import { GatewayError } from '../../errors/errors.ts';
import { formatEndpoint } from '../../net/address.ts';
import { dial } from '../../net/dial.ts';
import { parseFeatures } from '../../wire/features.ts';
import { printable } from '../../wire/redact.ts';
import { isPermanentFailure, isPositive, type Reply } from '../../wire/reply.ts';
import { type Finding, failed, failure, ok, warning } from './finding.ts';
import { ask, NEVER, openProbeLink, type Probe } from './probe.ts';
import { replyText } from './secrets.ts';
import { probeTls } from './tls-before-login.ts';

/** What everybody sees. The backend can be probed further only where it greeted. */
export interface BeforeLogin {
  readonly greeted: boolean;
  readonly findings: readonly Finding[];
}

/** Connects, waits for the greeting, asks for FEAT, and for AUTH TLS on a second connection; an FTPS backend is asked inside TLS. */
export async function probeBeforeLogin(probe: Probe): Promise<BeforeLogin> {
  if (probe.backend.contexts !== undefined) return probeInsideTls(probe);
  const findings: Finding[] = [];
  const link = await connect(probe, findings);
  if (link === undefined) return { greeted: false, findings };
  const greeting = await probeGreeting(link, probe);
  findings.push(greeting);
  if (greeting.level === 'failed') {
    link.close();
    return { greeted: false, findings };
  }
  findings.push(await probeFeatures(link));
  findings.push(await probeAuthTls(probe));
  link.close();
  return { greeted: true, findings };
}

async function probeInsideTls(probe: Probe): Promise<BeforeLogin> {
  const { link, findings } = await probeTls(probe);
  if (link === undefined) return { greeted: false, findings };
  const features = await probeFeatures(link);
  link.close();
  return { greeted: true, findings: [...findings, features] };
}

async function connect(probe: Probe, findings: Finding[]): Promise<BackendLink | undefined> {
  const { backend, timeouts, limits, sockets } = probe;
  const started = performance.now();
  try {
    const socket = await dial({
      host: backend.config.host,
      port: backend.config.port,
      localAddress: backend.config.sourceAddress ?? undefined,
      timeout: timeouts.backendConnect,
      keepAlive: timeouts.keepalive,
      signal: NEVER,
      sockets,
      codes: { failed: 'backend-unreachable', timeout: 'backend-connect-timeout' },
    });
    const milliseconds = elapsed(started);
    const preamble = proxyPreamble(backend.config.sendProxy, undefined);
    if (preamble.length > 0) socket.write(preamble);
    const link = new BackendLink(socket, { backend, limits, finalReply: timeouts.finalReply, onUnsolicited: () => {} });
    const { address, port } = link.peer;
    findings.push(
      ok('TCP', `connected to ${formatEndpoint(link.peer)} in ${milliseconds} ms`, { address, port, milliseconds }),
    );
    return link;
  } catch (error) {
    findings.push(failure('TCP', error));
    return undefined;
  }
}

async function probeGreeting(link: BackendLink, { timeouts }: Probe): Promise<Finding> {
  try {
    const greeting = await link.greeting(timeouts.backendGreeting);
    const facts = { code: greeting.code };
    if (isPositive(greeting)) return ok('greeting', replyText(greeting), facts);
    const remedy = 'The backend turns the gateway away: look at its own log, its limits and its lists of addresses.';
    return failed('greeting', replyText(greeting), remedy, facts);
  } catch (error) {
    return failure('greeting', error);
  }
}

async function probeFeatures(link: BackendLink): Promise<Finding> {
  const check = 'FEAT before login';
  try {
    return describeFeatures(check, await ask(link, 'FEAT'));
  } catch (error) {
    // The gateway itself asks for features after the login only.
    return failure(check, error, 'warning');
  }
}

/** Which features a FEAT reply lists; a backend without FEAT (RFC 2389) is as good as any other. */
export function describeFeatures(check: string, reply: Reply): Finding {
  const listed = parseFeatures(reply);
  const features = listed.map(({ name, parameters }) => printable(parameters ? `${name} ${parameters}` : name));
  const names = listed.map(({ name }) => name);
  const facts = { code: reply.code, features };
  return ok(check, names.length > 0 ? names.join(', ') : `none: ${replyText(reply)}`, facts);
}

const SECOND_CONNECTION =
  'The backend took one connection and not a second one: it must allow as many from the address of the gateway as there are clients.';

async function probeAuthTls(probe: Probe): Promise<Finding> {
  const check = 'AUTH TLS';
  let link: BackendLink;
  try {
    link = await openProbeLink(probe);
  } catch (error) {
    return { ...failure(check, error, 'warning'), remedy: SECOND_CONNECTION };
  }
  try {
    return describeAuth(check, await ask(link, 'AUTH', 'TLS'));
  } catch (error) {
    return failure(check, error, 'warning');
  } finally {
    // No QUIT: behind 234 the backend waits for a handshake.
    link.lose(new GatewayError('backend-closed', { detail: 'closed by the gateway' }));
  }
}

function describeAuth(check: string, reply: Reply): Finding {
  const facts = { code: reply.code, offered: reply.code === 234 };
  if (reply.code === 234) return ok(check, `offered: ${replyText(reply)}`, facts);
  if (isPermanentFailure(reply)) return ok(check, `not offered: ${replyText(reply)}`, facts);
  const remedy = 'RFC 4217 knows 234 and 5yz here: do not count on TLS with this backend.';
  return warning(check, `unclear: ${replyText(reply)}`, remedy, facts);
}

function elapsed(started: number): number {
  return Math.round(performance.now() - started);
}
