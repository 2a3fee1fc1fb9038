/**
 * What a backend is told on a route in place of what the client said. Holds secrets: shows them to nobody but the backend.
 */
import type { RouteConfig } from '../config/routes.ts';
import { readSecret } from '../config/secret-file.ts';
import { bytesOf } from '../wire/bytes-of.ts';
import type { Reply } from '../wire/reply.ts';

/** The credentials of one route. All texts are Latin-1, one character for each byte. */
export class Credentials {
  readonly #user: string | undefined;
  readonly #template: string | undefined;
  readonly #password: string | undefined;

  private constructor(
    { credentials, userTemplate }: Pick<RouteConfig, 'credentials' | 'userTemplate'>,
    password: string | null,
  ) {
    this.#user = credentials.user === null ? undefined : bytesOf(credentials.user);
    this.#template = userTemplate === null ? undefined : bytesOf(userTemplate);
    this.#password = password === null ? undefined : bytesOf(password);
  }

  /** Reads the file with the password, where there is one. Rejects with an Error that names the file. */
  static async load(route: RouteConfig): Promise<Credentials> {
    const { password, passwordFile } = route.credentials;
    return new Credentials(route, passwordFile === null ? password : await readSecret(passwordFile));
  }

  /** As somebody else than a route has decided. */
  static of(given: { readonly user: string | null; readonly password: string | null }): Credentials {
    return new Credentials({ credentials: { ...given, passwordFile: null }, userTemplate: null }, given.password);
  }

  /** Whether the backend gets a password that the client does not know. */
  get secret(): boolean {
    return this.#password !== undefined;
  }

  /** What the backend is told for this name of the client. */
  userFor(user: string): string {
    return this.#user ?? this.#template?.replaceAll('{user}', () => user) ?? user;
  }

  /** What the backend is told for this password of the client; never that where the route has one of its own. */
  passwordFor(password: string | undefined): string | undefined {
    return this.#password ?? password;
  }

  /** The reply without the route's password, should the backend repeat it: the client must not learn it. */
  hide(reply: Reply): Reply {
    const secret = this.#password;
    if (secret === undefined) return reply;
    const [first, ...rest] = reply.lines.map((line) => line.replaceAll(secret, '****'));
    return { code: reply.code, lines: [first ?? '', ...rest] };
  }
}
