/**
 * Logins by certificate: one for which it stands in for the password, and one under the name of somebody else.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import { ERRORS } from '../errors/errors.ts';
import type { CertificateVerdict } from '../policy/certificate-user.ts';
import type { Command } from '../wire/command.ts';
import { isPositive, type Reply, reply } from '../wire/reply.ts';
import { type Login, NO_BACKEND } from './login.ts';

/** RFC 2228 §5: no password is needed any more. */
const AUTHORIZED = reply(232, 'Logged in by your certificate.');

/**
 * The login that a verdict makes of a routed one. Without a password of the route the client's own is asked for, certificate or
 * not. `certified`: whether the client showed one; where certificates log in, nobody without uses the password of a route.
 */
export function loginByCertificate(
  routed: Login,
  {
    verdict,
    certified,
    needed,
  }: {
    readonly verdict: CertificateVerdict;
    readonly certified: boolean;
    /** Whether this listener wants passwords beside certificates. */
    readonly needed: 'required' | 'not-needed';
  },
): Login {
  if (verdict === 'mismatch') return new ForeignLogin(routed.user);
  if (!routed.ownPassword || needed === 'required') return routed;
  if (verdict === 'authorized') return new CertifiedLogin(routed);
  return certified ? routed : new ForeignLogin(routed.user);
}

/** The backend gets the password of the route at once; the client is not asked for any. */
class CertifiedLogin implements Login {
  readonly #routed: Login;

  constructor(routed: Login) {
    this.#routed = routed;
  }

  get user(): string {
    return this.#routed.user;
  }

  get link(): BackendLink | undefined {
    return this.#routed.link;
  }

  get backend(): string {
    return this.#routed.backend;
  }

  get cause(): Login['cause'] {
    return this.#routed.cause;
  }

  get limits(): Login['limits'] {
    return this.#routed.limits;
  }

  get ownPassword(): boolean {
    return this.#routed.ownPassword;
  }

  get onLoss(): Login['onLoss'] {
    return this.#routed.onLoss;
  }

  get root(): Login['root'] {
    return this.#routed.root;
  }

  get discreet(): boolean {
    return this.#routed.discreet === true;
  }

  async say(command: Command): Promise<Reply> {
    const named = await this.#routed.say(command);
    if (command.verb !== 'USER') return named;
    const answer = named.code === 331 ? await this.#routed.say({ verb: 'PASS', argument: undefined }) : named;
    return isPositive(answer) ? AUTHORIZED : answer;
  }
}

/** The certificate does not give the right to this name. No backend hears of it. */
class ForeignLogin implements Login {
  readonly user: string;
  readonly link = undefined;
  readonly backend = NO_BACKEND;
  readonly cause = 'certificate-user-mismatch';
  readonly ownPassword = false;
  readonly onLoss = 'handled';

  constructor(user: string) {
    this.user = user;
  }

  say(): Promise<Reply> {
    return Promise.resolve(reply(...ERRORS[this.cause].reply));
  }
}
