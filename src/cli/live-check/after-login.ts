/**
 * What a backend shows to a user who is logged in: system, features, directory, and data ports that work or do not.
 * Transfers nothing, but from an FTPS backend a listing.
 */
import { ActiveBackendData } from '../../backends/active-data.ts';
import type { BackendLink } from '../../backends/backend-link.ts';
import { asGatewayError, GatewayError } from '../../errors/errors.ts';
import { dial } from '../../net/dial.ts';
import { parseFeatures } from '../../wire/features.ts';
import { parseExtendedPassive, parsePassive } from '../../wire/host-port.ts';
import { printable } from '../../wire/redact.ts';
import { isIntermediate, isPositive, type Reply } from '../../wire/reply.ts';
import { describeFeatures } from './before-login.ts';
import { type Finding, failed, failure, ok, warning } from './finding.ts';
import { judgePassive, type PassiveOutcome } from './passive-outcome.ts';
import { ask, NEVER, openProbeLink, type Probe } from './probe.ts';
import { type Login, replyText, withoutSecret } from './secrets.ts';
import { probeDataTls } from './tls-after-login.ts';

/** A backend without EPSV may say nothing to it: the gateway waits no longer than this either (milliseconds). */
const EPSV_SILENCE = 10_000;
/** Data ports below this belong to other services (RFC 2577 §3): the gateway does not connect to them. */
const FIRST_DATA_PORT = 1024;

/** Logs in and looks around. Where the login fails nothing else is tried. */
export async function probeAfterLogin(probe: Probe, login: Login): Promise<readonly Finding[]> {
  const session = new LoggedIn(probe, login);
  const findings = [await session.logIn()];
  if (findings[0]?.level !== 'ok') return findings;
  findings.push(await session.tell('SYST', 'SYST', (reply) => ok('SYST', replyText(reply), { code: reply.code })));
  findings.push(await session.tell('FEAT after login', 'FEAT', (reply) => describeFeatures('FEAT after login', reply)));
  findings.push(await session.tell('PWD', 'PWD', describeDirectory));
  findings.push(await session.tell('MLSD', 'FEAT', describeMlsd));
  findings.push(...(await session.passive()));
  if (probe.backend.contexts !== undefined) findings.push(await session.dataTls());
  if (probe.backend.config.dataMode === 'active') findings.push(await session.active());
  session.close();
  return findings;
}

/** RFC 3659 §7.8: FEAT says MLST for both. */
function describeMlsd(reply: Reply): Finding {
  const known = parseFeatures(reply).some(({ name }) => name === 'MLST' || name === 'MLSD');
  const text = known
    ? 'listed in FEAT: clients are offered it'
    : 'not listed in FEAT: clients are offered LIST and NLST';
  return ok('MLSD', text, { offered: known });
}

function describeDirectory(reply: Reply): Finding {
  const facts = { code: reply.code };
  if (reply.code === 257) return ok('PWD', replyText(reply), facts);
  return warning('PWD', replyText(reply), 'Most clients ask for PWD right after the login: many give up here.', facts);
}

/** A login that is made again where the backend hung up on a command: the next command is not to blame. */
class LoggedIn {
  readonly #probe: Probe;
  readonly #login: Login;
  #link: BackendLink | undefined;

  constructor(probe: Probe, login: Login) {
    this.#probe = probe;
    this.#login = login;
  }

  /** The finding for the login itself. */
  async logIn(): Promise<Finding> {
    try {
      const reply = await this.#open();
      const facts = { code: reply.code };
      const text = replyText(withoutSecret(reply, this.#login));
      if (isPositive(reply)) return ok('login', `as ${printable(this.#login.user)}: ${text}`, facts);
      this.close();
      return failed('login', text, loginRemedy(reply), facts);
    } catch (error) {
      return this.#failure('login', error);
    }
  }

  /** Sends a command without an argument and has its reply described, without the password in it. */
  async tell(check: string, verb: string, describe: (reply: Reply) => Finding): Promise<Finding> {
    try {
      return describe(withoutSecret(await ask(await this.#connected(), verb), this.#login));
    } catch (error) {
      return this.#failure(check, error);
    }
  }

  /** The findings for EPSV and PASV. */
  async passive(): Promise<readonly Finding[]> {
    const { backend, timeouts } = this.#probe;
    const epsv = await this.#outcome('EPSV', Math.min(EPSV_SILENCE, timeouts.finalReply));
    const pasv = await this.#outcome('PASV', timeouts.finalReply);
    const controlAddress = this.#link?.peer.address ?? '';
    return judgePassive({ dataMode: backend.config.dataMode, controlAddress, epsv, pasv });
  }

  /** The finding for active mode: whether the backend takes the port that it is told. It connects to it only in a transfer. */
  async active(): Promise<Finding> {
    const { timeouts, sockets, backend } = this.#probe;
    try {
      const link = await this.#connected();
      const data = new ActiveBackendData(link, { timeouts, sockets, onUnclaimed: () => {} });
      try {
        await data.prepared();
        return ok('active mode', `${backend.activeCommand} accepted`);
      } finally {
        data.dispose();
      }
    } catch (error) {
      return this.#failure('active mode', error);
    }
  }

  /** The finding for TLS on data connections. */
  async dataTls(): Promise<Finding> {
    try {
      return await probeDataTls(this.#probe, () => this.#connected());
    } catch (error) {
      return this.#failure('data TLS', error);
    }
  }

  close(): void {
    this.#link?.close();
  }

  async #outcome(verb: 'EPSV' | 'PASV', timeout: number): Promise<PassiveOutcome> {
    try {
      const link = await this.#connected();
      const reply = await ask(link, verb, undefined, timeout);
      return await this.#tryPort(verb, reply, link);
    } catch (error) {
      return { kind: 'unanswered', error: this.#masked(error) };
    }
  }

  async #tryPort(verb: 'EPSV' | 'PASV', reply: Reply, link: BackendLink): Promise<PassiveOutcome> {
    const { code } = reply;
    const text = replyText(withoutSecret(reply, this.#login));
    if (code !== (verb === 'EPSV' ? 229 : 227)) return { kind: 'refused', code, text };
    const { address, port } = announced(verb, reply);
    if (port === undefined || port < FIRST_DATA_PORT) return { kind: 'unusable', code, text };
    const started = performance.now();
    try {
      await this.#touch(link.peer.address, port);
      return { kind: 'connected', code, text, address, port, milliseconds: Math.round(performance.now() - started) };
    } catch (error) {
      return { kind: 'unreachable', code, text, address, port, error: asGatewayError(error, 'backend-data-refused') };
    }
  }

  async #touch(host: string, port: number): Promise<void> {
    const { timeouts, sockets } = this.#probe;
    const socket = await dial({
      host,
      port,
      timeout: timeouts.backendDataConnect,
      keepAlive: timeouts.keepalive,
      signal: NEVER,
      sockets,
      codes: { failed: 'backend-data-refused', timeout: 'backend-data-timeout' },
    });
    socket.on('error', () => {});
    socket.destroy();
  }

  async #connected(): Promise<BackendLink> {
    if (this.#link?.lost.aborted === false) return this.#link;
    const reply = await this.#open();
    if (this.#link === undefined || !isPositive(reply)) throw refusedAgain(reply);
    return this.#link;
  }

  async #open(): Promise<Reply> {
    this.#link = await openProbeLink(this.#probe);
    const { user, password } = this.#login;
    const answer = await ask(this.#link, 'USER', user);
    const last = answer.code === 331 ? await ask(this.#link, 'PASS', password) : answer;
    if (isPositive(last)) await this.#link.protect();
    return last;
  }

  #failure(check: string, error: unknown): Finding {
    return failure(check, error instanceof GatewayError ? this.#masked(error) : error);
  }

  /** What a backend says when it hangs up may repeat the password as well; an excerpt may hold half of it. */
  #masked(error: unknown): GatewayError {
    if (!(error instanceof GatewayError)) throw error;
    const { code, detail } = error;
    if (detail === undefined) return error;
    if (code === 'backend-reply-malformed' || code === 'backend-reply-too-long') return new GatewayError(code);
    const [hidden] = withoutSecret({ code: 421, lines: [detail] }, this.#login).lines;
    return new GatewayError(code, { detail: hidden });
  }
}

function announced(
  verb: 'EPSV' | 'PASV',
  reply: Reply,
): { readonly address: string | undefined; readonly port: number | undefined } {
  const text = reply.lines.at(-1) ?? '';
  if (verb === 'EPSV') return { address: undefined, port: parseExtendedPassive(text) };
  const { address, port } = parsePassive(text) ?? {};
  return { address, port };
}

function refusedAgain(reply: Reply): GatewayError {
  return new GatewayError('backend-closed', { detail: `a second login was refused with ${reply.code}` });
}

function loginRemedy(reply: Reply): string {
  if (isIntermediate(reply))
    return 'The backend wants more than a password (ACCT): clients can send it, this check cannot.';
  return 'Check name and password, and whether the backend lets this user in from here and without TLS.';
}
